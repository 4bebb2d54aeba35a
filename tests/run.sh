#!/bin/bash
# Builds and runs the tests.
#   tests/run.sh [LABEL…]       arch, model, unit, integration, e2e; none: all of them. Only if asked for: faults, which takes an hour
# POLYGON_PRESET selects another preset than dev. Installs what is missing. Fails if no test ran.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. tests/support/install.sh
preset=${POLYGON_PRESET:-dev}

# run_label LABEL JOBS
run_label() {
  ctest --preset "$preset" --output-on-failure --no-tests=error --label-regex "^$1\$" --parallel "$2"
}

install_packages
build_preset "$preset"
[ $# -gt 0 ] || set -- arch model unit integration e2e
status=0
for label; do
  case $label in
    faults) jobs=1 ;;
    *) jobs=2 ;;  # end-to-end tests mostly wait: two stands at a time fit a small machine
  esac
  run_label "$label" "$jobs" || status=1
done
exit "$status"
