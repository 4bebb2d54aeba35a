#!/bin/bash
# restarted.sh PROGRAM [ARGUMENT…]: starts it, and again a second after it has ended, whatever its status, as systemd does
# with Restart=always and RestartSec=1. SIGTERM is passed on and ends both.
program='' is_ending=''
trap 'is_ending=1; [ -z "$program" ] || kill -TERM "$program" 2>/dev/null' TERM
until [ -n "$is_ending" ]; do
  "$@" </dev/null &
  program=$!
  [ -z "$is_ending" ] || kill -TERM "$program"  # SIGTERM came before there was whom to pass it on to
  while kill -0 "$program" 2>/dev/null; do wait "$program"; status=$?; done
  program=''
  [ -n "$is_ending" ] && exit 0
  echo "restarted.sh: ended with status $status, starting again: $1" >&2
  sleep 1
done
