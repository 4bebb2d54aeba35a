# Sourced by demo.sh, run.sh and the benchmarks: installs what is missing of packages.txt, and builds.

install_packages() {
  local list
  list=$(sed '/^#/d' "$root/tests/packages.txt")
  # shellcheck disable=SC2086 # a list of names
  install_missing $list
}

# install_missing PACKAGE…: only what is missing; as root, else through sudo, else says what to install.
install_missing() {
  local missing=() package
  for package; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  # Servers of Debian's own that a package might start (a cluster "main", etcd on 2379) are not ours and not used.
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# build_preset PRESET [TARGET…]: configures once, then builds.
build_preset() {
  local preset=$1
  shift
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"}
}
