#!/bin/bash
# Fuzzes what reads backups, with clang's libFuzzer under the address and undefined-behaviour sanitizers.
#   tests/fuzz/run.sh [SECONDS] [SUBJECT…]
# SECONDS             of each subject, 600 by default
# SUBJECT             a folder of tests/fuzz/corpus; none: all of them, one after the other
# Installs clang where it is missing (root or sudo), and builds the fuzz preset. What a run has found of interest stays in
# build/fuzz/corpus, and the next one goes on from there; tests/fuzz/corpus is only read. Ends with another status than 0 if a
# fuzzer stopped at an input; that is kept in build/fuzz/found, and the command that repeats it is printed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
# shellcheck source=tests/support/install.sh
. tests/support/install.sh
work=build/fuzz

usage() { sed -n '/^#   tests/,/^# Installs/s/^# *//p' "$0" | sed '$d'; }

parse_arguments() {
  case ${1:-} in --help | -h) usage; exit 0 ;; esac
  seconds=600
  if [[ ${1:-} =~ ^[1-9][0-9]*$ ]]; then
    seconds=$1
    shift
  fi
  subjects=("$@")
  [ $# -gt 0 ] || mapfile -t subjects < <(cd tests/fuzz/corpus && printf '%s\n' *)
  for subject in "${subjects[@]}"; do
    [ -d "tests/fuzz/corpus/$subject" ] || { echo "no subject '$subject' in tests/fuzz/corpus" >&2; usage >&2; exit 2; }
  done
}

# libFuzzer is in a package of the compiler's own version.
install_clang() {
  install_missing clang
  install_missing "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}

# A window of 2 GiB, which zstd's format allows, is one allocation that is hardly touched.
fuzz() {
  local subject=$1 dictionary=()
  mkdir -p "$work/corpus/$subject" "$work/found"
  [ ! -f "tests/fuzz/$subject.dict" ] || dictionary=("-dict=tests/fuzz/$subject.dict")
  "$work/bin/fuzz_$subject" "$work/corpus/$subject" "tests/fuzz/corpus/$subject" "${dictionary[@]}" \
    -artifact_prefix="$work/found/$subject-" -max_total_time="$seconds" -max_len=32768 -timeout=30 \
    -rss_limit_mb=2048 -malloc_limit_mb=4096 -print_final_stats=1 >"$work/$subject.log" 2>&1
}

report_crash() {
  local subject=$1 input
  input=$(sed -n 's/.*Test unit written to \(.*\)/\1/p' "$work/$subject.log" | tail -n 1)
  tail -n 40 "$work/$subject.log" >&2
  echo "$subject: stopped at ${input:-an input that was not written}; all of its output is in $work/$subject.log" >&2
  [ -z "$input" ] || echo "$subject: to repeat it: $work/bin/fuzz_$subject $input" >&2
}

# "12345 runs, 678 edges and features, ..." of the fuzzer's own last lines.
report_clean() {
  local subject=$1
  awk -v subject="$subject" '
    /cov: / { for (i = 1; i < NF; ++i) { if ($i == "cov:") edges = $(i + 1); if ($i == "ft:") features = $(i + 1) } }
    /^stat::number_of_executed_units:/ { runs = $2 }
    /^stat::peak_rss_mb:/ { memory = $2 }
    END { printf "%s: clean; %d inputs, %d edges, %d features, %d MB\n", subject, runs, edges, features, memory }
  ' "$work/$subject.log"
}

parse_arguments "$@"
install_packages
install_clang
build_preset fuzz
status=0
for subject in "${subjects[@]}"; do
  echo "== $subject, $seconds seconds"
  if fuzz "$subject"; then
    report_clean "$subject"
  else
    report_crash "$subject"
    status=1
  fi
done
exit "$status"
