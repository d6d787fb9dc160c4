#!/bin/sh
# The functions of loop.yaml. Lists have one item a line.
set -u
IFS='
'
fail() { echo "$*" >&2; exit 1; }
set -- "$1" "$2" $REM_FILES
phase="$1-$2"
shift 2
folder=${REM_SNAPSHOTS:-$(dirname "$1")/snapshots}

device_of() { losetup -n -O NAME -j "$1" | head -n 1 | tr -d ' '; }

attach() { # file: prints its device
  device=$(device_of "$1")
  [ -n "$device" ] || device=$(losetup -f --show "$1") || exit 1
  printf '%s\n' "$device"
}

# A device ends with its last user, who may be in another mount namespace, such as that of
# a container. Until then it is found again, and taken again: one file is one device.
kept=
detach() { # file
  [ -e "$1" ] || return 0
  for device in $(losetup -n -O NAME -j "$1" | tr -d ' '); do
    # A snapshot that a layer above made on the same disk may be mounted beside.
    if [ "$REM_COPY" != true ] && findmnt -n -S "$device" >/dev/null; then return 0; fi
    losetup -d "$device" || exit 1
  done
  tries=0
  while [ -n "$(device_of "$1")" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 20 ]; then kept="$kept $1"; return 0; fi
    sleep 0.05
  done
}

copy() { # from, to: whole or not at all
  cp --sparse=always --reflink=auto "$1" "$2.part" && sync "$2.part" && mv "$2.part" "$2" && folders "$2" || exit 1
}

folders() { # files: what they are called now survives a power cut; only that is waited for
  for file in "$@"; do sync "$(dirname "$file")" || exit 1; done
}

quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/.*/"&"/'; }

list() { # key, items: as JSON
  key=$1; shift
  text=
  for item in "$@"; do text="$text${text:+, }$(quoted "$item")"; done
  printf '{"%s": [%s]}\n' "$key" "$text"
}

devices() { # files: attached, as JSON
  found=
  for file in "$@"; do found="$found$(attach "$file")
" || exit 1; done
  list devices $found
}

each_snapshot() { # command: for each file, its snapshot's name is in $copy
  number=0
  for file in $REM_FILES; do
    copy="$folder/$REM_SNAPSHOT-$number.img"
    number=$((number + 1))
    "$1" || exit 1
  done
}
take() { [ -e "$copy" ] || copy "$file" "$copy"; }
forget() { rm -f "$copy" "$copy.part"; }
fetch() {
  [ -e "$copy" ] || fail "the snapshot is gone: $copy"
  [ -e "$file.restore-$REM_OP" ] || copy "$copy" "$file.restore-$REM_OP"
}

# Where a layer above makes the snapshots, it needs the disks and nothing else.
if [ "$REM_COPY" != true ]; then
  case $phase in restore-exit | adopt-exit | revert-exit) devices "$@"; exit ;; esac
fi

case $phase in
  configure-exit)
    for file in "$@"; do
      [ -e "$file" ] && continue
      [ -n "${REM_SIZE:-}" ] || fail "$file is not there, and the layer has no size"
      mkdir -p "$(dirname "$file")" && truncate -s "$REM_SIZE" "$file" || exit 1
    done
    devices "$@" ;;
  mount-exit)
    for file in "$@"; do [ -e "$file" ] || fail "there is no file $file"; done
    devices "$@" ;;
  unmount-entry)
    for file in "$@"; do detach "$file"; done
    [ -z "$kept" ] || printf '{"note": "in use elsewhere still:%s"}\n' "$kept" ;;
  resize-exit)
    [ -n "${REM_SIZE:-}" ] || fail "the layer has no size"
    for file in "$@"; do
      before=$(stat -c %s "$file") || exit 1
      truncate -s ">$REM_SIZE" "$file" || exit 1
      [ "$(stat -c %s "$file")" = "$before" ] || losetup -c "$(attach "$file")" || exit 1
    done
    devices "$@" ;;
  snapshot-entry)
    mkdir -p "$folder" || exit 1
    each_snapshot take
    names=
    number=0
    for file in "$@"; do names="$names$REM_SNAPSHOT-$number.img
"; number=$((number + 1)); done
    list ids $names ;;
  snapshot-undo | forget-entry) each_snapshot forget ;;
  restore-exit)
    each_snapshot fetch
    copies=
    for file in "$@"; do copies="$copies$file.restore-$REM_OP
"; done
    devices $copies ;;
  discard-entry)
    for file in "$@"; do
      detach "$file.restore-$REM_OP"
      rm -f "$file.restore-$REM_OP" "$file.restore-$REM_OP.part"
    done ;;
  adopt-exit)
    for file in "$@"; do
      # Cut off between the two, it goes on with the second.
      new="$file.restore-$REM_OP" old="$file.before-$REM_OP"
      [ -e "$new" ] || continue
      detach "$new"
      if [ ! -e "$old" ]; then mv "$file" "$old" || exit 1; fi
      mv "$new" "$file" || exit 1
    done
    folders "$@" ;;
  revert-exit)
    for file in "$@"; do
      new="$file.restore-$REM_OP" old="$file.before-$REM_OP"
      [ -e "$old" ] || continue
      if [ -e "$file" ] && [ ! -e "$new" ]; then mv "$file" "$new" || exit 1; fi
      mv "$old" "$file" || exit 1
    done
    folders "$@" ;;
  *) fail "loop has no $phase" ;;
esac
