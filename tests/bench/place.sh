# shellcheck shell=bash
# Sourced by restore.sh and rebuild.sh: whom the servers run as, and the one directory where everything is.

# PostgreSQL refuses root. `env` where nothing has to change, so that the prefix is never empty; the prefix replaces itself, so
# that $! of a background command is the program's own number.
choose_account() {
  as_server=(env)
  if [ "$(id -u)" = 0 ]; then as_server=(setpriv --reuid=postgres --regid=postgres --init-groups --); fi
}

# The first place that the servers' user can enter: a checkout below /root is none.
choose_parent() {
  local place
  for place in ${TMPDIR:+"$TMPDIR"} "$root/build" /var/tmp; do
    [ "$place" != "$root/build" ] || mkdir -p "$place" 2>/dev/null || continue
    if [ -w "$place" ] && "${as_server[@]}" test -x "$place"; then
      parent=$(realpath "$place")
      return
    fi
    warn "not in $place: $("${as_server[@]}" id -un) cannot enter it, or we cannot write to it"
  done
  fail "no place for the work directory: set TMPDIR to a directory that $("${as_server[@]}" id -un) can enter"
}

check_space() {
  local free needed=$((megabytes * space_factor))
  free=$(df --output=avail -B 1000000 "$parent" | tail -n 1 | tr -d ' ')
  [ "$free" -ge "$needed" ] ||
    fail "$parent has $free MB free, and $needed MB are needed; set TMPDIR to another disk, or take a smaller SIZE_GB"
  case $(stat -f -c %T "$parent") in
    tmpfs | ramfs) warn "$parent is in memory, not on a disk: what is measured there says little" ;;
  esac
}

make_place() {
  choose_account
  choose_parent
  check_space
  work=$(mktemp -d "$parent/polygon-bench.XXXXXX")
  cluster=$work/production target=$work/target/data socket=$work/socket
  mkdir "$work"/{bin,log,time,samples,target,socket,gzip,zstd,pgbackrest}
  # A socket's path has 107 bytes.
  if [ ${#socket} -gt 80 ]; then socket=$(mktemp -d /tmp/polygon-bench.XXXXXX); fi
  chmod 755 "$work"
  if [ "$(id -u)" = 0 ]; then chown -R postgres: "$work" "$socket"; fi
  chmod 700 "$socket"
  cd "$work"  # where the servers' user can be
  choose_direct
}

choose_direct() {
  direct=''
  if "${as_server[@]}" dd if=/dev/zero of="$work/target/probe" bs=1M count=1 oflag=direct status=none 2>/dev/null; then
    direct=1
  else
    warn "$work is on a file system that refuses O_DIRECT: the limit is measured through the page cache"
  fi
  rm -f "$work/target/probe"
}

remove_place() {
  [ -n "${work:-}" ] || return 0
  cd /
  if [ -n "$keep" ]; then
    echo "kept: $work"
  else
    rm -rf "$work"
  fi
  [ "$socket" = "$work/socket" ] || rm -rf "$socket"
}
