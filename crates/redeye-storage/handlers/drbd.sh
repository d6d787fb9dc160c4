#!/bin/sh
# The functions of drbd.yaml.
set -u
fail() { echo "$*" >&2; exit 1; }
says() { printf '{"devices": ["%s"]}\n' "$REM_DEVICE"; }
role() { drbdadm role "$REM_RESOURCE" 2>/dev/null | cut -d / -f 1; }

case "$1-$2" in
  configure-exit)
    drbdadm dump-md "$REM_RESOURCE" >/dev/null 2>&1 || drbdadm -- --force create-md "$REM_RESOURCE" || exit 1
    [ -n "$(role)" ] || drbdadm up "$REM_RESOURCE" || exit 1
    says ;;
  mount-exit)
    [ -n "$(role)" ] || drbdadm up "$REM_RESOURCE" || exit 1
    [ "$(role)" = Primary ] || drbdadm primary "$REM_RESOURCE" || exit 1
    says ;;
  unmount-entry)
    [ -n "$(role)" ] || exit 10
    drbdadm secondary "$REM_RESOURCE" && drbdadm down "$REM_RESOURCE" ;;
  verify-entry)
    state=$(drbdadm dstate "$REM_RESOURCE") || exit 1
    case $state in
      UpToDate*) ;;
      *) fail "$REM_RESOURCE is $state" ;;
    esac ;;
  resize-exit) drbdadm resize "$REM_RESOURCE" && says ;;
  *) fail "drbd has no $1 $2" ;;
esac
