#!/bin/bash
# One restore, as restore.sh times it: contender.sh NAME SOURCE TARGET [BYTES]. It is copied into the work directory, because
# the servers' user may not be able to read the checkout. Environment: bindir, cores, direct (dd's flag or nothing).
set -euo pipefail
name=$1 source=$2 target=$3 bytes=${4:-}
: "${bindir:?}" "${cores:?}"

# inflate ARCHIVE [igzip]: to standard output, by what its name says it is.
inflate() {
  case $1 in
    *.gz) if [ "${2:-}" = igzip ]; then igzip -dc "$1"; else gzip -dc "$1"; fi ;;
    *.zst) zstd -q -dc "$1" ;;
    *.tar) cat "$1" ;;
  esac
}

base=$(echo "$source"/base.tar*)
wal=$(echo "$source"/pg_wal.tar*)
make_target() { mkdir -m 700 "$target" && mkdir "$target/pg_wal"; }

case $name in
  tar_verifybackup)  # tar recognises gzip and zstd by itself
    make_target
    tar -x -f "$base" -C "$target"
    tar -x -f "$wal" -C "$target/pg_wal"
    sync -f "$target"
    "$bindir/pg_verifybackup" -q -m "$source/backup_manifest" "$target"
    ;;
  igzip_tar)
    make_target
    inflate "$base" igzip | tar -x -f - -C "$target"
    inflate "$wal" igzip | tar -x -f - -C "$target/pg_wal"
    sync -f "$target"
    ;;
  pgbackrest)  # syncs each file itself
    mkdir -m 700 "$target"
    pgbackrest --config="$source.conf" --stanza=production --pg1-path="$target" --process-max="$cores" \
      --log-level-console=warn restore
    ;;
  limit_inflate)
    inflate "$base" igzip >/dev/null &
    inflate_base=$!
    inflate "$wal" igzip >/dev/null
    wait "$inflate_base"
    ;;
  limit_write)
    dd if=/dev/zero of="$target" bs=1M iflag=count_bytes count="$bytes" ${direct:+oflag=direct} conv=fsync status=none
    ;;
  *)
    echo "contender.sh: unknown contender '$name'" >&2
    exit 2
    ;;
esac
