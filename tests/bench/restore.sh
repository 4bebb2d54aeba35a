#!/bin/bash
# How fast polygon-bootstrap restores, against tar, igzip, pgBackRest and the hardware's own limit. README, "Benchmarks".
#   tests/bench/restore.sh [SIZE_GB] [--json FILE] [--rounds N] [--engine FILE] [--no-archive-copy] [--keep]
# SIZE_GB             of production's data, 2.5 by default; about six times as much has to be free
# --json FILE         writes the medians' ratios there
# --rounds N          alternating runs of each, 3 by default
# --engine FILE       measures this polygon-bootstrap, not the release build
# --no-archive-copy   pgBackRest's backups without WAL, as they are by default: its restore writes less than ours then
# --keep              leaves the work directory, backups included
# TMPDIR              where the work directory is made; else build, else /var/tmp. A real disk, please
# Installs what is missing (root or sudo). Everything it starts ends with it, also on Ctrl-C. Ends with 0 when it has measured.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bench=$root/tests/bench
space_factor=6  # of the data, that has to be free
export LC_ALL=C

step() { printf '== %s\n' "$*"; }
warn() { echo "tests/bench/restore.sh: warning: $*" >&2; }
fail() { echo "tests/bench/restore.sh: $*" >&2; exit 1; }

# shellcheck source=tests/support/install.sh
. "$root/tests/support/install.sh"
# shellcheck source=tests/bench/place.sh
. "$bench/place.sh"
# shellcheck source=tests/bench/production.sh
. "$bench/production.sh"
# shellcheck source=tests/bench/backups.sh
. "$bench/backups.sh"
# shellcheck source=tests/bench/measure.sh
. "$bench/measure.sh"
# shellcheck source=tests/bench/report.sh
. "$bench/report.sh"

usage() { sed -n '/^#   tests/,/^# Installs/s/^# *//p' "$0" | sed '$d'; }

parse_arguments() {
  size=2.5 json='' rounds=3 engine='' archive_copy=y keep=''
  while [ $# -gt 0 ]; do
    case $1 in
      --json | --rounds | --engine)
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
          --json) json=$(realpath -m "$2") ;;
          --rounds) rounds=$2 ;;
          --engine) engine=$(realpath -m "$2") ;;
        esac
        shift
        ;;
      --no-archive-copy) archive_copy=n ;;
      --keep) keep=1 ;;
      --help | -h) usage; exit 0 ;;
      -*) usage >&2; exit 2 ;;
      *) size=$1 ;;
    esac
    shift
  done
  [[ $size =~ ^[0-9]+(\.[0-9]+)?$ ]] || fail "SIZE_GB is a number like 2.5, not '$size'"
  [[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "--rounds is a number from 1, not '$rounds'"
  [ -z "$engine" ] || [ -x "$engine" ] || fail "--engine '$engine' is no executable"
  megabytes=$(awk -v size="$size" 'BEGIN {printf "%.0f", size * 1000}')
  [ "$megabytes" -ge 50 ] || fail "SIZE_GB is 0.05 at least"
  # 1.1 GB for 2.5 GB of data: a pg_wal archive that is worth a thread of its own.
  wal_bytes=$((megabytes * 450000))
  cores=$(nproc)
}

# Ends what was started: the run under way, the backup (a stopped process cannot end before it goes on), the server.
cleanup() {
  local status=$? pid
  trap '' INT TERM HUP
  trap - EXIT
  [ -z "${group:-}" ] || kill -TERM -- "-$group" 2>/dev/null || true
  for pid in ${started[@]+"${started[@]}"}; do kill -TERM "$pid" 2>/dev/null || true; done
  [ -z "${held:-}" ] || kill -CONT "$held" 2>/dev/null || true
  [ ! -f "${cluster:-}/postmaster.pid" ] || stop_production immediate || true
  wait || true
  remove_place
  exit "$status"
}

build_engine() {
  if [ -z "$engine" ]; then
    step "release build"
    (cd "$root" && build_preset release polygon-bootstrap >"$work/log/build" 2>&1) || fail "the build: $(tail "$work/log/build")"
    engine=$root/build/release/bin/polygon-bootstrap
  fi
  install -m 755 "$engine" "$work/bin/polygon-bootstrap"
  install -m 755 "$bench/contender.sh" "$work/bin/contender.sh"
  install -m 644 "$bench"/*.sql "$work/bin/"
}

install_contenders() {
  install_packages
  install_missing isal time zstd
  time_program=$(type -P time) || fail "GNU time is missing (package time)"
  command -v igzip >/dev/null || fail "igzip is missing (package isal)"
  command -v pgbackrest >/dev/null || install_missing pgbackrest || true
  pgbackrest=''
  if command -v pgbackrest >/dev/null; then pgbackrest=1; else warn "goes on without pgBackRest"; fi
}

# What the archives hold. An igzip that stopped at a gzip member's end would make the limit a lie.
count_bytes() {
  local format archive sum
  declare -gA bytes_of
  for format in gzip zstd; do
    sum=0
    for archive in "$work/$format"/*.tar*; do
      sum=$((sum + $(tar -tv -f "$archive" | awk '{sum += $3} END {printf "%.0f", sum}')))
    done
    bytes_of[$format]=$sum
  done
  archive=$work/gzip/pg_wal.tar.gz
  [ "$(igzip -dc "$archive" | wc -c)" = "$(gzip -dc "$archive" | wc -c)" ] || fail "this igzip does not inflate $archive whole"
}

measure() {
  contenders=(ours tar_verifybackup igzip_tar ${pgbackrest:+pgbackrest} limit_inflate limit_write)
  for ((round = 1; round <= rounds; round++)); do
    step "round $round of $rounds"
    run_round
  done
}

main() {
  parse_arguments "$@"
  unset "${!PG@}"  # PGHOST and PGBACKREST_… of the caller
  install_contenders
  find_postgresql
  started=() group='' held=''
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  make_place
  build_engine
  start_production
  fill_production
  make_backups
  stop_production fast
  rm -rf "$cluster"
  count_bytes
  measure
  print_table
  [ -z "$json" ] || print_json >"$json"
}

main "$@"
