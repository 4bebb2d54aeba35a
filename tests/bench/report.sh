# shellcheck shell=bash
# Sourced by restore.sh: the table and the JSON of the medians.

# row NAME WALL CPU MIB [RATIO [WANTED [REACHED]]]
row() { printf '  %-32s %8s %8s %7s %7s %8s  %s\n' "$1" "$2" "$3" "$4" "${5:-}" "${6:-}" "${7:-}"; }

# judged_row NAME WALL CPU MIB FORMAT WANTED: with ours over WALL, and whether that is as low as wanted; WANTED may be "".
judged_row() {
  local ratio reached=''
  ratio=$(ratio_to "$5" "$2")
  [ -z "$6" ] || reached=$(awk -v ratio="$ratio" -v wanted="$6" 'BEGIN {print ratio <= wanted ? "yes" : "no"}')
  row "$1" "$2" "$3" "$4" "$ratio" "${6:+<= $6}" "$reached"
}

# contender_row NAME CONTENDER FORMAT WANTED
contender_row() {
  local wall
  wall=$(median "$2" "$3" 1)
  if [ -z "$wall" ]; then
    row "$1" - - - null "${4:+<= $4}" "not measured"
  else
    judged_row "$1" "$wall" "$(median "$2" "$3" 2)" "$(median "$2" "$3" 3)" "$3" "$4"
  fi
}

# part_row NAME CONTENDER FORMAT: without a ratio.
part_row() { row "$1" "$(median "$2" "$3" 1)" "$(median "$2" "$3" 2)" "$(median "$2" "$3" 3)"; }

# ratio_to FORMAT WALL: ours over WALL.
ratio_to() { ratio "$(median ours "$1" 1)" "$2"; }

print_format() {
  local format=$1 wanted_tar='' wanted_pgbackrest=0.80 wanted_limit=''
  if [ "$format" = gzip ]; then wanted_tar=0.20 wanted_pgbackrest=0.50 wanted_limit=1.5; fi
  printf '\n%s: %s\n' "$format" "$(archive_sizes "$format")"
  row '' 'wall s' 'CPU s' MiB ratio wanted reached
  part_row 'polygon-bootstrap restore' ours "$format"
  contender_row "tar, sync, pg_verifybackup" tar_verifybackup "$format" "$wanted_tar"
  [ "$format" != gzip ] || contender_row 'igzip -dc | tar, sync' igzip_tar gzip 0.40
  contender_row "pgBackRest restore" pgbackrest "$format" "$wanted_pgbackrest"
  part_row 'inflating both side by side' limit_inflate "$format"
  part_row "dd${direct:+ oflag=direct} of as many bytes" limit_write "$format"
  judged_row 'limit: the longer of these two' "$(limit_of "$format")" '' '' "$format" "$wanted_limit"
}

print_table() {
  printf '\nMedians of %s rounds, input cold, fsync included; PostgreSQL %s, %s cores; %s MB in gzip, %s MB in zstd.\n' \
    "$rounds" "$major" "$cores" "$((bytes_of[gzip] / 1000000))" "$((bytes_of[zstd] / 1000000))"
  print_format gzip
  print_format zstd
  printf '\n  peak memory of polygon-bootstrap: %s MiB, wanted <= 64: %s\n' "$(peak_mib)" \
    "$(awk -v peak="$(peak_mib)" 'BEGIN {print peak <= 64 ? "yes" : "no"}')"
  [ -n "$pgbackrest" ] || echo "  pgBackRest: not measured, it is not installed and cannot be"
  [ -n "$direct" ] || echo "  O_DIRECT: refused by this file system; dd wrote through the page cache and synced"
}

print_json() {
  printf '{"ratio": {"tar_verifybackup": %s, "igzip_tar": %s, "pgbackrest_gzip": %s, "pgbackrest_zstd": %s, ' \
    "$(ratio_to gzip "$(median tar_verifybackup gzip 1)")" "$(ratio_to gzip "$(median igzip_tar gzip 1)")" \
    "$(ratio_to gzip "$(median pgbackrest gzip 1)")" "$(ratio_to zstd "$(median pgbackrest zstd 1)")"
  printf '"limit_gzip": %s, "limit_zstd": %s}, "peak_mib": %s, "bytes": %s}\n' \
    "$(ratio_to gzip "$(limit_of gzip)")" "$(ratio_to zstd "$(limit_of zstd)")" "$(peak_mib)" "${bytes_of[gzip]}"
}
