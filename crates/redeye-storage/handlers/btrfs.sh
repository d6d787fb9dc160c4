#!/bin/sh
# The functions of btrfs.yaml.
set -u
fail() { echo "$*" >&2; exit 1; }
mounted() { mountpoint -q "$1"; }
own() { [ "$REM_SUBVOLUMES" = true ]; }
frozen="$REM_RUN/frozen"

# The device: as told, as the layer below says, or of what is mounted.
device() {
  for one in "${REM_DEVICE:-}" "$REM_DEVICES" "$(cat "$REM_RUN/device" 2>/dev/null)"; do
    [ -n "$one" ] && printf '%s\n' "$one" | head -n 1 && return
  done
  findmnt -n -v -o SOURCE -M "$(printf "%s\n" "$REM_LIVE" | head -n 1)" -t btrfs
}

# All subvolumes at $top for as long as this script runs.
top="$REM_RUN/top"
open() {
  mkdir -p "$top" || exit 1
  found=$(device)
  [ -n "$found" ] || fail "no device for $REM_MOUNT"
  mounted "$top" || mount -t btrfs -o subvolid=5 "$found" "$top" || exit 1
  trap 'umount "$top"; rmdir "$top"' EXIT
  trap 'exit 1' TERM INT
  printf '%s\n' "$found" >"$REM_RUN/device"
}
drop() { # a subvolume, if it is there
  if [ -d "$1" ]; then btrfs -q subvolume delete -c "$1" || exit 1; fi
}
bring() { # subvolume, place
  mounted "$2" && return
  mkdir -p "$2" || exit 1
  mount -t btrfs -o "$REM_OPTIONS,subvol=$1" "$(device)" "$2" || exit 1
}
leave() { # place
  if mounted "$1"; then umount "$1" || exit 1; fi
}
copy="restore-$REM_OP"

case "$1-$2" in
  snapshot-entry)
    mounted "$REM_MOUNT" || fail "nothing is mounted at $REM_MOUNT"
    if own; then
      open
      mkdir -p "$top/.snapshots" || exit 1
      [ -d "$top/.snapshots/$REM_SNAPSHOT" ] ||
        btrfs -q subvolume snapshot -r "$top/$REM_SUBVOLUME" "$top/.snapshots/$REM_SNAPSHOT" || exit 1
      printf '{"ids": ["%s"]}\n' "$REM_SNAPSHOT"
    else
      : >"$frozen"
      if ! said=$(fsfreeze -f "$REM_MOUNT" 2>&1); then
        case $said in *busy*) rm -f "$frozen" ;; esac # somebody else's to let go
        fail "$said"
      fi
    fi ;;
  snapshot-exit)
    [ -e "$frozen" ] || [ -n "${REM_FORCE:-}" ] || exit 10
    if mounted "$REM_MOUNT"; then
      said=$(fsfreeze -u "$REM_MOUNT" 2>&1) || case $said in
        *"Invalid argument"*) ;;
        *) fail "$said" ;;
      esac
    fi
    [ "$REM_ENTERED" = partial ] || rm -f "$frozen" ;;
  snapshot-undo | forget-entry) open; drop "$top/.snapshots/$REM_SNAPSHOT" ;;
  configure-exit)
    type=$(blkid -p -o value -s TYPE "$(device)" 2>/dev/null)
    case $type in
      '') mkfs.btrfs -q "$(device)" || exit 1 ;;
      btrfs) ;;
      *) fail "$(device) holds $type: nothing is made over it" ;;
    esac
    open
    [ -d "$top/$REM_SUBVOLUME" ] || btrfs -q subvolume create "$top/$REM_SUBVOLUME" ;;
  mount-exit) bring "$REM_SUBVOLUME" "$REM_MOUNT" ;;
  unmount-entry)
    device >"$REM_RUN/device.new" && mv "$REM_RUN/device.new" "$REM_RUN/device"
    leave "$REM_MOUNT" ;;
  restore-exit)
    if own; then
      open
      [ -d "$top/.snapshots/$REM_SNAPSHOT" ] || fail "the snapshot is gone: $REM_SNAPSHOT"
      [ -d "$top/$copy" ] || btrfs -q subvolume snapshot "$top/.snapshots/$REM_SNAPSHOT" "$top/$copy" || exit 1
      bring "$copy" "$REM_MOUNT"
    else
      # Two file systems of one name cannot be open at once.
      btrfstune -f -u "$(device)" && bring "$REM_SUBVOLUME" "$REM_MOUNT"
    fi ;;
  discard-entry)
    leave "$REM_MOUNT"
    if own; then open; drop "$top/$copy"; fi ;;
  adopt-entry) leave "$REM_MOUNT" ;;
  adopt-exit)
    open
    if [ -d "$top/$copy" ]; then
      [ -d "$top/before-$REM_OP" ] || mv "$top/$REM_SUBVOLUME" "$top/before-$REM_OP" || exit 1
      mv "$top/$copy" "$top/$REM_SUBVOLUME" || exit 1
    fi ;;
  revert-exit)
    open
    if [ -d "$top/before-$REM_OP" ]; then
      if [ -d "$top/$REM_SUBVOLUME" ] && [ ! -d "$top/$copy" ]; then mv "$top/$REM_SUBVOLUME" "$top/$copy" || exit 1; fi
      mv "$top/before-$REM_OP" "$top/$REM_SUBVOLUME" || exit 1
    fi ;;
  resize-exit) btrfs filesystem resize max "$REM_MOUNT" ;;
  *) fail "btrfs has no $1 $2" ;;
esac
