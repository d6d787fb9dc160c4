#!/bin/sh
# The functions of lvm.yaml. Lists have one item a line.
set -u
IFS='
'
fail() { echo "$*" >&2; exit 1; }
# The group of something restored: short, because LVM's names are.
copy="rem_$(printf '%s' "$REM_OP" | tail -c 10)_$REM_GROUP"
# As the device mapper spells it.
name="$(printf '%s' "$REM_GROUP" | sed 's/-/--/g')-$(printf '%s' "$REM_VOLUME" | sed 's/-/--/g')"
has_group() { vgs --noheadings -o vg_name "$1" >/dev/null 2>&1; }
says() { printf '{"devices": ["/dev/%s/%s"]}\n' "$1" "$REM_VOLUME"; }
held="$REM_RUN/suspended"

case "$1-$2" in
  snapshot-entry)
    [ "$(dmsetup info -c --noheadings -o suspended "$name")" = Active ] || fail "$name is not active, or suspended by somebody else"
    : >"$held"
    dmsetup suspend "$name" || exit 1 ;;
  snapshot-exit)
    [ -e "$held" ] || [ -n "${REM_FORCE:-}" ] || exit 10
    dmsetup resume "$name" || exit 1
    [ "$REM_ENTERED" = partial ] || rm -f "$held" ;;
  configure-exit)
    if ! has_group "$REM_GROUP"; then
      for device in $REM_DEVICES; do
        type=$(blkid -p -o value -s TYPE "$device" 2>/dev/null)
        case $type in
          '') pvcreate -q "$device" || exit 1 ;;
          LVM2_member) ;;
          *) fail "$device holds $type: nothing is made over it" ;;
        esac
      done
      vgcreate -q "$REM_GROUP" $REM_DEVICES || exit 1
    fi
    lvs --noheadings "$REM_GROUP/$REM_VOLUME" >/dev/null 2>&1 ||
      lvcreate -q -n "$REM_VOLUME" -l "${REM_SIZE:-100%FREE}" "$REM_GROUP" || exit 1
    says "$REM_GROUP" ;;
  mount-exit) vgchange -q -ay "$REM_GROUP" && says "$REM_GROUP" ;;
  unmount-entry) vgchange -q -an "$REM_GROUP" ;;
  restore-exit)
    # Its devices say that they are the group that is in use: they get another name first.
    has_group "$copy" || vgimportclone -q -n "$copy" $REM_DEVICES || exit 1
    vgchange -q -ay "$copy" && says "$copy" ;;
  discard-entry) has_group "$copy" || exit 10; vgchange -q -an "$copy" ;;
  adopt-entry) vgchange -q -an "$copy" ;;
  adopt-exit)
    before="before_$copy"
    if ! has_group "$before"; then vgrename -q "$REM_GROUP" "$before" || exit 1; fi
    if has_group "$copy"; then vgrename -q "$copy" "$REM_GROUP" || exit 1; fi ;;
  revert-exit)
    before="before_$copy"
    has_group "$before" || exit 10
    if ! has_group "$copy"; then vgrename -q "$REM_GROUP" "$copy" || exit 1; fi
    vgrename -q "$before" "$REM_GROUP" ;;
  resize-exit)
    for device in $REM_DEVICES; do pvresize -q "$device" || exit 1; done
    lvextend -q -l "${REM_SIZE:-+100%FREE}" "$REM_GROUP/$REM_VOLUME" || exit 1
    says "$REM_GROUP" ;;
  *) fail "lvm has no $1 $2" ;;
esac
