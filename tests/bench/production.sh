# shellcheck shell=bash
# Sourced by restore.sh and rebuild.sh: the cluster that is backed up, on a private socket, with the data of the *.sql beside this file.

# pg_lsn + numeric exists since PostgreSQL 14; client-side zstd since 15.
readonly oldest_major=15

find_postgresql() {
  local newest
  newest=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -n | tail -n 1)
  if [ -n "$newest" ]; then bindir=/usr/lib/postgresql/$newest/bin; else bindir=$(pg_config --bindir); fi
  [ -x "$bindir/initdb" ] || fail "no PostgreSQL server in $bindir"
  major=$("$bindir/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
  [ "$major" -ge "$oldest_major" ] || fail "PostgreSQL $major cannot write zstd backups: $oldest_major or later is needed"
}

sql() { "${psql[@]}" "$@"; }

# sql_file NAME [VARIABLE=VALUE…]
sql_file() {
  local name=$1 variable variables=()
  shift
  for variable; do variables+=(-v "$variable"); done
  in_group "${psql[@]}" -o /dev/null "${variables[@]}" -f "$work/bin/$name.sql"
}

# A checkpoint in the middle of a load costs time and changes nothing. Archiving is on from the start, into nothing, because
# archive_mode cannot be changed later.
write_configuration() {
  "${as_server[@]}" tee -a "$cluster/postgresql.conf" >/dev/null <<END
listen_addresses = ''
unix_socket_directories = '$socket'
fsync = off
full_page_writes = on
wal_level = replica
max_wal_size = $((megabytes / 2 + 256))MB
checkpoint_timeout = 1h
shared_buffers = 256MB
maintenance_work_mem = 256MB
autovacuum = off
wal_sender_timeout = 0
archive_mode = on
archive_command = 'true'
logging_collector = off
END
}

start_production() {
  psql=("${as_server[@]}" "$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$socket" -U postgres -d postgres)
  step "production: PostgreSQL $major with data checksums"
  "${as_server[@]}" "$bindir/initdb" -D "$cluster" -U postgres -A trust -E UTF8 --locale=C --data-checksums --no-sync \
    >"$work/log/initdb"
  write_configuration
  "${as_server[@]}" "$bindir/pg_ctl" -D "$cluster" -l "$work/log/server" -s -w -t 120 start
}

stop_production() {
  "${as_server[@]}" "$bindir/pg_ctl" -D "$cluster" -s -w -t 600 -m "$1" stop
}

# Both halves at a time, one session each.
fill_production() {
  step "production: $size GB of data"
  local documents=$((megabytes * 1000000 / 2 / 1100)) customers=$((megabytes * 1000000 / 2 / 1000))
  sql_file tables
  sql_file documents first=1 last="$documents" &
  local other=$!
  sql_file customers first=1 last="$customers"
  wait "$other"
  sql_file indexes
  echo "  $(sql -c "SELECT pg_size_pretty(pg_database_size('postgres'))") in the database"
}

# write_while_held PID WHAT: makes $wal_bytes of WAL while process PID, which takes a backup, is stopped. So the volume is the
# same in each backup, however fast it is. Only PID itself is stopped: what streams the WAL is another process, and goes on.
write_while_held() {
  local backup=$1 what=$2
  kill -STOP "$backup" || fail "$what ended before production had written anything"
  held=$backup
  sql_file writes bytes="$wal_bytes"
  kill -CONT "$backup"
  held=''
}
