# shellcheck shell=bash
# Sourced by restore.sh: one measured run after another, and what they gave.

# The input's pages leave the page cache: all of it as root, file by file where that is not allowed. Unwritten pages would stay,
# and the last run's would be written at the next one's expense: hence sync.
make_cold() {
  sync -f "$work"
  if [ -w /proc/sys/vm/drop_caches ] && echo 3 2>/dev/null >/proc/sys/vm/drop_caches; then return; fi
  find "$1" -type f -exec dd if={} iflag=nocache count=0 status=none \;
}

warn_if_warm() {
  local file pages
  command -v fincore >/dev/null || return 0
  file=$(find "$1" -type f -name 'base.tar*' | head -n 1)
  [ -n "$file" ] || return 0
  pages=$(fincore -n -r -o PAGES "$file" 2>/dev/null | tr -d ' ') || return 0
  if [ "${pages:-0}" -gt 256 ]; then warn "the input is not cold: $pages pages of $file are still in the page cache"; fi
}

# in_group COMMAND…: in a process group of its own, so that the whole of it can be ended. Ends with its status. Not by job
# control (set -m): with it, bash takes the stop of a held backup for its end.
in_group() {
  local status=0
  setsid "$@" </dev/null &
  group=$!
  wait "$group" || status=$?
  group=''
  return "$status"
}

# command_of CONTENDER FORMAT: fills `command`. Ours is run by time(1) itself, so that the peak is the engine's own.
command_of() {
  local source=$work/$2
  [ "$1" != pgbackrest ] || source=$work/pgbackrest/$(pgbackrest_format "$2")
  if [ "$1" = ours ]; then
    command=("$work/bin/polygon-bootstrap" restore "$source" "$target")
  else
    command=(bash "$work/bin/contender.sh" "$1" "$source" "$target" "${bytes_of[$2]}")
  fi
}

pgbackrest_format() { if [ "$1" = gzip ]; then echo gz; else echo zst; fi; }

# run CONTENDER FORMAT: removes the target, makes the input cold, and adds "wall CPU MiB" to the contender's samples.
run() {
  local contender=$1 format=$2 command source=$work/$2
  [ "$1" != pgbackrest ] || source=$work/pgbackrest/$(pgbackrest_format "$2")
  rm -rf "$target"
  command_of "$contender" "$format"
  make_cold "$source"
  [ "$contender.$round" != ours.1 ] || warn_if_warm "$source"
  in_group "${as_server[@]}" env bindir="$bindir" cores="$cores" direct="$direct" \
    "$time_program" -q -f '%e %U %S %M' -o "$work/time/last" "${command[@]}" >"$work/log/$contender.$format" 2>&1 ||
    fail "$contender of the $format backup failed: $(tail -n 20 "$work/log/$contender.$format")"
  awk '{printf "%s %.2f %.1f\n", $1, $2 + $3, $4 / 1024}' "$work/time/last" >>"$work/samples/$contender.$format"
  echo "    $format $contender: $(tail -n 1 "$work/samples/$contender.$format" | awk '{print $1 " s, CPU " $2 " s, " $3 " MiB"}')"
}

# Each contender once, ours first; the first restore of ours is looked at before anything is compared with it.
run_round() {
  local format contender
  for format in gzip zstd; do
    for contender in "${contenders[@]}"; do
      [ "$format.$contender" != zstd.igzip_tar ] || continue
      run "$contender" "$format"
      if [ "$contender.$round" = ours.1 ]; then verify_ours "$format"; fi
    done
  done
}

# A fast wrong restore must not win: every file by the manifest, the WAL byte by byte by its archive. tablespace_map is not
# written by ours, which makes the links of tablespaces itself; this cluster's is empty.
verify_ours() {
  local format=$1 wal difference
  "${as_server[@]}" "$bindir/pg_verifybackup" -q -i tablespace_map -m "$work/$format/backup_manifest" "$target" ||
    fail "polygon-bootstrap's restore of the $format backup is wrong"
  wal=$(echo "$work/$format"/pg_wal.tar*)
  difference=$("${as_server[@]}" tar -d -f "$wal" -C "$target/pg_wal" 2>&1 | grep -Ev ': (Mode|Mod time|Uid|Gid) differs$' || true)
  [ -z "$difference" ] || fail "polygon-bootstrap's pg_wal differs from $wal: $difference"
}

# median CONTENDER FORMAT COLUMN: of wall (1), CPU (2) or MiB (3); nothing where there are no samples.
median() {
  local samples=$work/samples/$1.$2
  [ -f "$samples" ] || return 0
  awk -v column="$3" '{print $column}' "$samples" | sort -n |
    awk '{value[NR] = $1} END {printf "%.2f\n", (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2}'
}

# The longer of inflating and writing as many bytes.
limit_of() { printf '%s\n%s\n' "$(median limit_inflate "$1" 1)" "$(median limit_write "$1" 1)" | sort -n | tail -n 1; }

# The peak of all runs, not their median: it is a limit.
peak_mib() { cat "$work"/samples/ours.* | sort -n -k 3 | tail -n 1 | cut -d ' ' -f 3; }

# ratio OURS OTHER: null where there is no OTHER.
ratio() { if [ -n "$2" ]; then awk -v a="$1" -v b="$2" 'BEGIN {printf "%.3f\n", a / b}'; else echo null; fi; }
