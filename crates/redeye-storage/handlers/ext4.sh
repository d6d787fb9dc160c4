#!/bin/sh
# The functions of ext4.yaml. Lists have one item a line.
set -u
IFS='
'
frozen="$REM_RUN/frozen"
fail() { echo "$*" >&2; exit 1; }
devices() { printf '%s\n' "${REM_DEVICE:-$REM_DEVICES}"; }
mounted() { mountpoint -q "$1"; }

# What we stopped and nobody else did is written down before we stop it.
freeze() {
  : >"$frozen"
  for mount in $REM_MOUNTS; do
    mounted "$mount" || fail "nothing is mounted at $mount"
    printf '%s\n' "$mount" >>"$frozen"
    if ! said=$(fsfreeze -f "$mount" 2>&1); then
      case $said in
        *busy*) # somebody else stopped it, and it is theirs to let go
          sed -i '$d' "$frozen" ;;
      esac
      fail "$said"
    fi
  done
}

# The one that was stopped last first. What is not stopped is not an error.
thaw() {
  if [ -n "${REM_FORCE:-}" ]; then printf '%s\n' "$REM_MOUNTS" >"$frozen"; fi
  [ -e "$frozen" ] || return 0
  bad=0
  for mount in $(tac "$frozen"); do
    mounted "$mount" || continue
    said=$(fsfreeze -u "$mount" 2>&1) || case $said in
      *"Invalid argument"*) ;;
      *) echo "$said" >&2; bad=1 ;;
    esac
  done
  [ $bad = 0 ] || exit 1
  # What was cut off is let go once more, a moment later.
  [ "$REM_ENTERED" = partial ] || rm -f "$frozen"
}

mount_all() {
  set -- $REM_MOUNTS
  count=0
  for device in $(devices); do
    [ $# -gt 0 ] || fail "more devices than places to mount them"
    count=$((count + 1))
    if ! mounted "$1"; then
      mkdir -p "$1" || exit 1
      [ "$REM_FUNCTION" = mount ] || check "$device"
      mount -t ext4 -o "$REM_OPTIONS" "$device" "$1" || exit 1
    fi
    shift
  done
  [ $# = 0 ] || fail "no device for $1"
}

# Before something restored is mounted: mend what its journal can, and nothing else.
check() {
  said=$(e2fsck -f -p "$1" 2>&1)
  [ $? -le 1 ] || fail "$said"
}

unmount_all() {
  for mount in $(printf '%s\n' "$REM_MOUNTS" | tac); do
    if mounted "$mount"; then umount "$mount" || exit 1; fi
  done
}

case "$1-$2" in
  snapshot-entry) freeze ;;
  snapshot-exit) thaw ;;
  configure-exit)
    for device in $(devices); do
      type=$(blkid -p -o value -s TYPE "$device" 2>/dev/null)
      case $type in
        '') mkfs.ext4 -q "$device" || exit 1 ;;
        ext[234]) ;;
        *) fail "$device holds $type: nothing is made over it" ;;
      esac
    done ;;
  mount-exit | restore-exit) mount_all ;;
  unmount-entry | discard-entry | adopt-entry) unmount_all ;;
  resize-exit)
    for device in $(devices); do
      findmnt -S "$device" >/dev/null || check "$device"
      resize2fs "$device" || exit 1
    done ;;
  *) fail "ext4 has no $1 $2" ;;
esac
