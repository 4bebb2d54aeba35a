# shellcheck shell=bash
# Sourced by restore.sh: the backups that are restored, all of one cluster and with as much WAL.

# wait_for WHAT PID COMMAND…: until COMMAND succeeds; fails when process PID is gone before.
wait_for() {
  local what=$1 pid=$2
  shift 2
  until "$@"; do
    kill -0 "$pid" 2>/dev/null || fail "$what: $(tail -n 5 "$work/log/backup")"
    sleep 0.02
  done
}

backup_streams() {
  [ -n "$(sql -c "SELECT 1 FROM pg_stat_progress_basebackup WHERE phase = 'streaming database files'")" ]
}

# make_backup FORMAT OPTION…: pg_basebackup into $work/FORMAT. The rate leaves time to stop it before it is done.
make_backup() {
  local format=$1 backup rate=$((megabytes * 1000 / 4))  # kB/s: four seconds at least
  [ "$rate" -le 1048576 ] || rate=1048576                # the most that pg_basebackup takes
  shift
  step "$format: pg_basebackup -Ft -Xs $*, while production writes"
  "${as_server[@]}" "$bindir/pg_basebackup" -h "$socket" -U postgres -D "$work/$format" -Ft -Xs --checkpoint=fast --no-sync \
    --max-rate=${rate}k "$@" >"$work/log/backup" 2>&1 &
  backup=$!
  started+=("$backup")
  wait_for "pg_basebackup ended early" "$backup" backup_streams
  write_while_held "$backup" pg_basebackup
  wait "$backup" || fail "pg_basebackup: $(tail -n 5 "$work/log/backup")"
  check_wal_range "$format"
  echo "  $(archive_sizes "$format")"
}

archive_sizes() { (cd "$work/$1" && stat -c '%n %s' ./*.tar*) | awk '{printf "%s%s %.0f MB", (NR > 1 ? ", " : ""), substr($1, 3), $2 / 1e6}'; }

# The manifest says what a restore has to have of WAL; less than was asked for would flatter nobody and measure something else.
check_wal_range() {
  local range start end
  range=$(grep -o '"Start-LSN": *"[^"]*", *"End-LSN": *"[^"]*"' "$work/$1/backup_manifest" | grep -oE '[0-9A-F]+/[0-9A-F]+')
  start=$(head -n 1 <<<"$range") end=$(tail -n 1 <<<"$range")
  [ "$(wc -l <<<"$range")" = 2 ] || fail "one WAL range expected in $1/backup_manifest"
  [ "$(sql -c "SELECT '$end'::pg_lsn - '$start'::pg_lsn >= $wal_bytes")" = t ] ||
    fail "$1: the backup's WAL range $start to $end is shorter than $wal_bytes bytes"
}

write_pgbackrest_configuration() {
  local format=$1
  cat >"$work/pgbackrest/$format.conf" <<END
[global]
repo1-path=$work/pgbackrest/$format
repo1-retention-full=1
compress-type=$format
process-max=$cores
archive-copy=$archive_copy
archive-timeout=7200
start-fast=y
log-path=$work/log
lock-path=$work/pgbackrest/lock
log-level-file=off
log-level-console=info

[production]
pg1-path=$cluster
pg1-socket-path=$socket
pg1-user=postgres
END
}

run_pgbackrest() {
  local format=$1
  shift
  "${as_server[@]}" pgbackrest --config="$work/pgbackrest/$format.conf" --stanza=production "$@"
}

# make_pgbackrest_backup gz|zst. The WAL of the backup's own time goes into it (archive-copy): otherwise its restore would
# write a third less than ours, and leave the rest to the server's start.
make_pgbackrest_backup() {
  local format=$1 backup
  step "pgBackRest: full backup with compress-type=$format, while production writes"
  write_pgbackrest_configuration "$format"
  run_pgbackrest "$format" stanza-create >"$work/log/backup" 2>&1 || fail "pgbackrest stanza-create: $(tail "$work/log/backup")"
  sql -c "ALTER SYSTEM SET archive_command = 'pgbackrest --config=$work/pgbackrest/$format.conf --stanza=production --log-level-console=warn archive-push %p'" \
    -c "SELECT pg_reload_conf()" >/dev/null
  "${as_server[@]}" pgbackrest --config="$work/pgbackrest/$format.conf" --stanza=production --type=full backup >"$work/log/backup" 2>&1 &
  backup=$!
  started+=("$backup")
  wait_for "pgbackrest backup ended early" "$backup" grep -q 'backup start archive' "$work/log/backup"
  write_while_held "$backup" "pgbackrest backup"
  wait "$backup" || fail "pgbackrest backup: $(tail -n 5 "$work/log/backup")"
  sql -c "ALTER SYSTEM SET archive_command = 'true'" -c "SELECT pg_reload_conf()" >/dev/null
  echo "  $(du -sh --apparent-size "$work/pgbackrest/$format/backup" | cut -f 1)"
}

make_backups() {
  make_backup gzip -z
  make_backup zstd --compress=client-zstd
  if [ -n "$pgbackrest" ]; then
    make_pgbackrest_backup gz
    make_pgbackrest_backup zst
  fi
}
