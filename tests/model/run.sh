#!/bin/bash
# Proves the protocol of a rebuild by tests/model/rebuild.pml, and that the proof can fail.
#   tests/model/run.sh          needs spin and a C compiler; about a minute, and less than 1 GB of memory
# Each run is complete, or it is an error: a search that was cut short proves nothing.
set -euo pipefail
model=$(cd "$(dirname "$0")" && pwd)/rebuild.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$model" .
longest=300 # seconds for one run
kSafety="-DSAFETY"
kEnds="-DNP" # cycles: that every run comes to an end

# search KIND SWITCH…: spin's report in `report`.
search() {
  local kind=$1 option=""
  shift
  [ "$kind" = "$kSafety" ] || option=-l
  rm -f pan* rebuild.pml.trail report
  spin -a "$@" rebuild.pml >translation || { cat translation; return 1; }
  ${CC:-cc} -O2 -w "$kind" -DCOLLAPSE -DMEMLIM=900 -o pan pan.c
  timeout "$longest" ./pan -m100000 $option >report 2>&1 || true
}

is_complete() {
  grep -q 'errors: ' report && ! grep -qE 'Search not completed|out of memory|max search depth too small|aborting' report
}

# holds KIND SWITCH…
holds() {
  search "$@"
  if ! is_complete || ! grep -q 'errors: 0' report; then
    echo "FAILED: ${*:2}"
    cat report
    [ ! -f rebuild.pml.trail ] || spin -t -p "${@:2}" rebuild.pml | tail -150
    return 1
  fi
  echo "holds: ${*:2} ($(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' report) states)"
}

# is_rejected ASSERTION SWITCH…: spin finds that the text of an assertion does not hold.
is_rejected() {
  search "$kSafety" "${@:2}"
  if ! grep 'assertion violated' report | grep -qF -- "$1"; then
    echo "FAILED: not rejected, or for another reason than '$1': ${*:2}"
    cat report
    return 1
  fi
  echo "rejected: ${*:2}"
}

# Trouble of every kind, one of each; then three members, staged replicas, a late node, two crashes.
holds $kSafety -DNAMED=2 -DROLLBACKS=0
holds $kSafety -DNAMED=2 -DLOSSES=0
holds $kSafety -DNAMED=3 -DLOSSES=0 -DGIVE_UPS=0
holds $kSafety -DNAMED=3 -DCRASHES=0 -DLOSSES=0 -DROLLBACKS=0
holds $kSafety -DNAMED=2 -DCOPIES=1 -DLOSSES=0
holds $kSafety -DNAMED=2 -DLATE=1 -DLOSSES=0 -DGIVE_UPS=0
holds $kSafety -DNAMED=2 -DCRASHES=2 -DLOSSES=0 -DROLLBACKS=0
holds $kSafety -DNAMED=2 -DORDERS=2 -DLOSSES=0 -DGIVE_UPS=0
holds $kSafety -DNAMED=2 -DORDERS=1 -DCRASHES=0
holds $kEnds -DNAMED=2 -DLOSSES=0
holds $kEnds -DNAMED=2 -DCRASHES=0

# What spin prints of an assertion is its text with the macros replaced: `leader` of the clearing, `lock` and so on.
is_rejected 'leader==' -DNAMED=2 -DROLLBACKS=0 -DCLEAR_WITHOUT_ACKS
is_rejected '(lock==me)' -DNAMED=2 -DROLLBACKS=0 -DCRASHES=0 -DNO_FENCING
is_rejected 'previous' -DNAMED=2 -DROLLBACKS=0 -DDELETE_PREVIOUS_AT_BOOTSTRAP
is_rejected '(generation!=2)' -DNAMED=2 -DCOPIES=1 -DCRASHES=0 -DGIVE_UPS=0 -DROLLBACKS=0 -DSTART_REPLICAS_FIRST
is_rejected 'was_primary==' -DNAMED=2 -DROLLBACKS=0 -DNO_WAIT_FOR_LEADER
is_rejected 'was_primary==' -DNAMED=2 -DROLLBACKS=0 -DCRASHES=0 -DANY_LEADER_KEY_WILL_DO
is_rejected 'leader==' -DNAMED=2 -DROLLBACKS=0 -DFAILURES=0 -DGIVE_UPS=0 -DGUARD_KNOWS_NO_PHASE
is_rejected 'data==1' -DNAMED=2 -DLATE=1 -DCRASHES=0 -DGIVE_UPS=0 -DLOSSES=0 -DLATE_BY_GUARD_IN_STAGE
is_rejected 'phase!=9' -DNAMED=2 -DLATE=1 -DCRASHES=0 -DGIVE_UPS=0 -DLOSSES=0 -DSTRANGERS_GO_ON_IN_UNDO
is_rejected 'order==order_read' -DNAMED=2 -DORDERS=1 -DCRASHES=0 -DGIVE_UPS=0 -DLOSSES=0 -DANY_ORDER_IS_REMOVED
