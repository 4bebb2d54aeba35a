# Sourced by demo.sh, run.sh and the benchmarks: installs what is missing of packages.txt, and builds.

install_packages() {
  local list
  list=$(sed '/^#/d' "$root/tests/packages.txt")
  # shellcheck disable=SC2086 # a list of names
  install_missing $list
}

# postgres_major: of the PostgreSQL that Debian's `postgresql` stands for, by dpkg if it is installed, else by apt's lists; nothing
# while neither knows.
postgres_major() {
  { dpkg-query -W -f '${Depends}\n' postgresql || apt-cache show --no-all-versions postgresql || true; } 2>/dev/null |
    sed -n 's/^\(Depends: \)\{0,1\}postgresql-\([0-9][0-9]*\).*/\2/p'
}

# list_missing PACKAGE…: those that are not installed, MAJOR in a name replaced by postgres_major where that is known.
list_missing() {
  local package major
  major=$(postgres_major)
  for package; do
    package=${package/MAJOR/${major:-MAJOR}}
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

# install_missing PACKAGE…: only what is missing; as root, else through sudo, else says what to install.
install_missing() {
  local missing
  mapfile -t missing < <(list_missing "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  # Servers of Debian's own that a package might start (a cluster "main", etcd on 2379) are not ours and not used.
  "${as_root[@]}" apt-get update -qq
  mapfile -t missing < <(list_missing "$@")  # apt's lists may have been empty
  echo "installing: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# build_preset PRESET [TARGET…]: configures once, then builds.
build_preset() {
  local preset=$1
  shift
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"}
}
