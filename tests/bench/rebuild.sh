#!/bin/bash
# How long a polygon is down for a rebuild, and how long it takes, against the same rebuild by hand. README, "Benchmarks".
#   tests/bench/rebuild.sh [SIZE_GB…] [--json FILE] [--rounds N] [--programs DIRECTORY] [--keep]
# SIZE_GB…              of production's data, 0.1 1 4 by default; about nine times the largest has to be free
# --json FILE           writes the medians there
# --rounds N            alternating runs of each, 3 by default
# --programs DIRECTORY  measures these, not those of the release build
# --keep                leaves the work directories, backups included
# TMPDIR                where the work directories are made; else build, else /var/tmp. A real disk, please
# Installs what is missing (root or sudo). Everything it starts ends with it, also on Ctrl-C. Ends with 0 when it has measured.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bench=$root/tests/bench
# Production and its backup, then the backup and three nodes with their clone and the polygon before it.
space_factor=9
export LC_ALL=C

step() { printf '== %s\n' "$*"; }
warn() { echo "tests/bench/rebuild.sh: warning: $*" >&2; }
fail() { echo "tests/bench/rebuild.sh: $*" >&2; exit 1; }

# shellcheck source=tests/support/install.sh
. "$root/tests/support/install.sh"
# shellcheck source=tests/bench/place.sh
. "$bench/place.sh"
# shellcheck source=tests/bench/production.sh
. "$bench/production.sh"

usage() { sed -n '/^#   tests/,/^# Installs/s/^# *//p' "$0" | sed '$d'; }

parse_arguments() {
  local size
  sizes=() json='' rounds=3 programs='' keep=''
  while [ $# -gt 0 ]; do
    case $1 in
      --json | --rounds | --programs)
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
          --json) json=$(realpath -m "$2") ;;
          --rounds) rounds=$2 ;;
          --programs) programs=$(realpath -m "$2") ;;
        esac
        shift
        ;;
      --keep) keep=1 ;;
      --help | -h) usage; exit 0 ;;
      -*) usage >&2; exit 2 ;;
      *) sizes+=("$1") ;;
    esac
    shift
  done
  [ ${#sizes[@]} -gt 0 ] || sizes=(0.1 1 4)
  for size in "${sizes[@]}"; do
    [[ $size =~ ^[0-9]+(\.[0-9]+)?$ ]] || fail "SIZE_GB is a number like 0.1, not '$size'"
    [ "$(megabytes_of "$size")" -ge 50 ] || fail "SIZE_GB is 0.05 at least"
  done
  [[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "--rounds is a number from 1, not '$rounds'"
  [ -z "$programs" ] || [ -x "$programs/polygon-rebuild" ] || fail "--programs '$programs' has no polygon-rebuild"
}

megabytes_of() { awk -v size="$1" 'BEGIN {printf "%.0f", size * 1000}'; }

# in_group COMMAND…: in a process group of its own, so that the whole of it can be ended. Ends with its status.
in_group() {
  local status=0
  setsid "$@" </dev/null &
  group=$!
  wait "$group" || status=$?
  group=''
  return "$status"
}

# Ends what was started; the harness ends its servers itself, and needs time for it.
cleanup() {
  local status=$?
  trap '' INT TERM HUP
  trap - EXIT
  [ -z "${group:-}" ] || kill -TERM -- "-$group" 2>/dev/null || true
  [ ! -f "${cluster:-}/postmaster.pid" ] || stop_production immediate || true
  wait || true
  remove_place
  rm -rf "$results"
  exit "$status"
}

build_programs() {
  step "build: the harness, and the release build of what is measured"
  (cd "$root" && build_preset dev polygon-rebuild-bench) >/dev/null || fail "the build of the harness"
  [ -z "$programs" ] || return 0
  (cd "$root" && build_preset release) >/dev/null || fail "the release build"
  programs=$root/build/release/bin
}

# What the tester writes to, and a role that the polygon's file names.
add_tester() {
  sql -c "CREATE TABLE public.pulse (id bigserial PRIMARY KEY, written timestamptz DEFAULT now())" -c "CREATE ROLE app LOGIN"
}

take_backup() {
  step "pg_basebackup -Ft -Xs -z"
  "${as_server[@]}" "$bindir/pg_basebackup" -h "$socket" -U postgres -D "$work/backup" -Ft -Xs -z --checkpoint=fast --no-sync \
    >"$work/log/backup" 2>&1 || fail "pg_basebackup: $(tail -n 5 "$work/log/backup")"
  du -sh "$work/backup" | sed 's/^/  /'
}

# measure SIZE_GB: its medians in $results/SIZE_GB.json.
measure() {
  size=$1 megabytes=$(megabytes_of "$1")
  make_place
  install -m 644 "$bench"/*.sql "$work/bin/"
  start_production
  fill_production
  add_tester
  take_backup
  stop_production fast
  rm -rf "$cluster"
  TMPDIR=$work in_group "$root/build/dev/bin/polygon-rebuild-bench" "$work/backup" "$programs" "$size" "$rounds" "$results/$size.json" ||
    fail "the measurement with $size GB"
  remove_place
  work=''
}

all_json() {
  printf '{"runs": ['
  local size separator=''
  for size in "${sizes[@]}"; do
    printf '%s%s' "$separator" "$(cat "$results/$size.json")"
    separator=', '
  done
  printf ']}\n'
}

print_table() {
  printf '\nMedians of %s rounds, in seconds; PostgreSQL %s, %s cores. Outage: from the last row written before to the first after.\n' \
    "$rounds" "$major" "$(nproc)"
  printf '  %8s %10s %12s %10s %16s %16s\n' GB outage redundant total 'outage by hand' 'total by hand'
  local size
  for size in "${sizes[@]}"; do
    sed -E 's/[{}",]|: / /g' "$results/$size.json" | awk '{printf "  %8s %10s %12s %10s %16s %16s\n", $2, $4, $6, $8, $12, $10}'
  done
}

main() {
  parse_arguments "$@"
  unset "${!PG@}"
  install_packages
  find_postgresql
  group='' work='' cluster='' socket=''
  results=$(mktemp -d)
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  build_programs
  local size_gb
  for size_gb in "${sizes[@]}"; do measure "$size_gb"; done
  print_table
  [ -z "$json" ] || all_json >"$json"
}

main "$@"
