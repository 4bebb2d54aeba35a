#!/bin/bash
# README.md's commands on a real engine, end to end, with proofs: image, production, a backup, the polygon, a rebuild.
#   docker/try.sh [--keep]      --keep leaves both projects running and prints how to end them.
# BASE_IMAGE   the image to build on; else debian:bookworm-slim, and where no registry has it, debootstrap makes one (root)
# MIRROR       where debootstrap gets Debian from; else its own default
# Everything it starts ends with it, also on Ctrl-C: projects and volumes of its own names, and the images it made.
# Docker's build cache stays: the next build takes seconds. `docker builder prune` empties it.
set -euo pipefail
cd "$(dirname "$0")/.."
export POLYGON_IMAGE=pg-polygon:try POLYGON_BACKUPS=pg-polygon-try-backups
own_base=pg-polygon-try-base keep='' made=()
[ "${1:-}" != --keep ] || keep=1

if docker compose version >/dev/null 2>&1; then engine=(docker compose); else engine=(docker-compose); fi
production() { "${engine[@]}" -p pg-polygon-try-production -f docker/production/compose.yml "$@"; }
polygon() { "${engine[@]}" -p pg-polygon-try-polygon -f docker/polygon/compose.yml "$@"; }

step() { printf '\n== %s\n' "$*"; }
fail() { echo "docker/try.sh: $*" >&2; exit 1; }

cleanup() {
  local status=$?
  trap - EXIT INT TERM
  if [ $status != 0 ]; then
    production logs --tail=15 2>/dev/null || true
    polygon logs --tail=40 2>/dev/null || true
  fi
  if [ -n "$keep" ]; then
    printf 'left running; to end them:\n  export POLYGON_IMAGE=%s POLYGON_BACKUPS=%s\n' "$POLYGON_IMAGE" "$POLYGON_BACKUPS"
    printf '  %s -p pg-polygon-try-%s -f docker/%s/compose.yml down -v\n' "${engine[*]}" production production \
      "${engine[*]}" polygon polygon
    printf '  docker volume rm %s\n  docker image rm %s\n' "$POLYGON_BACKUPS" "${made[*]}"
  else
    step "end of everything that was started"
    polygon down --volumes --timeout 60 >/dev/null 2>&1 || true
    production down --volumes --timeout 60 >/dev/null 2>&1 || true
    docker volume rm "$POLYGON_BACKUPS" >/dev/null 2>&1 || true
    [ ${#made[@]} = 0 ] || docker image rm "${made[@]}" >/dev/null 2>&1 || true
  fi
  exit $status
}

# wait_for SECONDS WHAT COMMAND…
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "waited in vain until $what"
    sleep 2
  done
}

# sql PROJECT HOST PORT DATABASE STATEMENT: as the project's superuser, from its first node.
sql() {
  "$1" exec -T "${1}1" sh -c \
    'PGPASSWORD=$PATRONI_SUPERUSER_PASSWORD exec psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$0" -p "$1" -U postgres -d "$2" -c "$3"' \
    "$2" "$3" "$4" "$5"
}

two_stream() { [ "$(sql "$1" haproxy "$2" postgres "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")" = 2 ]; }
replica_answers() { sql "$1" haproxy "$2" postgres 'SELECT 1'; }
verify() { polygon exec -T polygon1 polygon-rebuild --config /etc/pg-polygon verify; }
# equals WHAT SEEN EXPECTED
equals() { [ "$2" = "$3" ] || fail "$1: $2 instead of $3"; echo "ok: $1: $2"; }

make_base() {
  base=${BASE_IMAGE:-debian:bookworm-slim}
  if docker image inspect "$base" >/dev/null 2>&1; then return; fi
  if docker pull -q "$base" 2>/dev/null; then return; fi
  [ -z "${BASE_IMAGE:-}" ] || fail "no image $BASE_IMAGE"
  echo "no registry has $base: debootstrap"
  local root
  root=$(mktemp -d)
  debootstrap --variant=minbase bookworm "$root" ${MIRROR:+"$MIRROR"} >"$root.log" 2>&1 ||
    { tail -5 "$root.log" >&2; fail "debootstrap: see $root.log"; }
  base=$own_base made+=("$own_base")
  chmod 755 "$root"  # it becomes the image's /, and mktemp let nobody else in
  tar -C "$root" -c . | docker import - "$base" >/dev/null
  rm -rf "$root" "$root.log"
}

trap cleanup EXIT
trap 'exit 130' INT TERM

step "image (compiles for some minutes)"
make_base
made+=("$POLYGON_IMAGE")
DOCKER_BUILDKIT=1 docker build -q -f docker/Dockerfile --build-arg "BASE=$base" -t "$POLYGON_IMAGE" .

step "production"
docker volume create "$POLYGON_BACKUPS" >/dev/null
production up -d
wait_for 180 "production has two streaming replicas" two_stream production 5000
sql production haproxy 5000 postgres "CREATE ROLE app LOGIN PASSWORD 'production-app'"
sql production haproxy 5000 postgres "CREATE DATABASE thai OWNER app"
sql production haproxy 5000 thai "CREATE TABLE trips AS SELECT i AS id FROM generate_series(1, 100000) AS i"
wait_for 30 "HAProxy knows a replica" replica_answers production 5001
production run --rm backup

step "polygon: its first generation is production's backup"
polygon up -d
wait_for 240 "the polygon is verified" verify
equals "rows on the polygon's leader" "$(sql polygon haproxy 5500 thai 'SELECT count(*) FROM trips')" 100000
first=$(sql polygon haproxy 5500 postgres 'SELECT system_identifier FROM pg_control_system()')

step "production goes on, the polygon is tested on, a new backup"
sql production haproxy 5000 thai "INSERT INTO trips SELECT i FROM generate_series(100001, 150000) AS i"
sql polygon haproxy 5500 thai "DROP TABLE trips"
production run --rm backup 5000

step "rebuild"
polygon stop polygon1 polygon2 polygon3
polygon run --rm --entrypoint polygon-rebuild polygon1 --config /etc/pg-polygon reset --leader polygon1
polygon start polygon1 polygon2 polygon3
wait_for 240 "the polygon is verified" verify

step "proof"
production exec -T production1 patronictl -c /etc/pg-polygon list
polygon exec -T polygon1 patronictl -c /etc/pg-polygon list
verify
for node in polygon1 polygon2 polygon3; do
  equals "rows on $node" "$(sql polygon $node 5432 thai 'SELECT count(*) FROM trips')" 150000
done
second=$(sql polygon haproxy 5500 postgres 'SELECT system_identifier FROM pg_control_system()')
[ "$second" != "$first" ] || fail "the system identifier is still $first"
echo "ok: system identifiers: $first, then $second"
equals "rows through HAProxy's 5501" "$(sql polygon haproxy 5501 thai 'SELECT count(*) FROM trips')" 150000
equals "a replica behind 5501" "$(sql polygon haproxy 5501 postgres 'SELECT pg_is_in_recovery()')" t
sample=$(sed -n 's/^PATRONI_SUPERUSER_PASSWORD=//p' docker/production/patroni.env)
! polygon exec -T -e PGPASSWORD="$sample" polygon1 psql -h haproxy -p 5500 -U postgres -c 'SELECT 1' >/dev/null 2>&1 ||
  fail "production's password opens the polygon"
echo "ok: production's password is refused"
! polygon exec -T polygon1 touch /backups/production/x 2>/dev/null || fail "the polygon can write into the backups"
echo "ok: the polygon cannot write into the backups"
polygon exec -T polygon1 getent hosts polygon2 >/dev/null || fail "the polygon does not find its own nodes by name"
! polygon exec -T polygon1 getent hosts production1 >/dev/null || fail "the polygon finds production by name"
echo "ok: the polygon does not find production's nodes"
