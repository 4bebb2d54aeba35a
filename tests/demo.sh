#!/bin/bash
# The main job, shown: production and polygon, a base backup, a rebuild, the proofs.
#   tests/demo.sh [--keep]      --keep leaves both clusters running and prints how to connect and how to end them.
# Installs what is missing. Everything it starts ends with it, also on Ctrl-C.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. tests/support/install.sh
preset=${POLYGON_PRESET:-dev}

install_packages
build_preset "$preset" polygon-demo polygon-bootstrap polygon-post-bootstrap polygon-role-change polygon-entrypoint \
  polygon-rebuild
exec "build/$preset/bin/polygon-demo" "$@"
