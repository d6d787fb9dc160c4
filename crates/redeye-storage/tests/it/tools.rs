//! LVM and DRBD where the kernel has neither: the handlers that come with us, with
//! stand-ins for `vgs`, `vgchange`, `drbdadm` and the others that write down how they
//! were called and answer like the real ones. What the real ones do to disks is not
//! tested here.

use redeye_storage::{Job, StorageState, Storages};

use crate::bed::{Bed, done, function};

/// Knows the groups by files in `groups`.
const LVM: &str = r#"#!/bin/sh
tool=$(basename "$0")
echo "$tool $*" >>"$REM_BED/tools"
groups="$REM_BED/groups"
mkdir -p "$groups"
for last; do :; done
case $tool in
  vgs) [ -e "$groups/$last" ] || { echo "  Volume group \"$last\" not found" >&2; exit 5; } ;;
  vgcreate) : >"$groups/$2" ;;
  vgimportclone) : >"$groups/$3" ;;
  vgrename) mv "$groups/$2" "$groups/$3" ;;
  lvs) [ -e "$REM_BED/made" ] || exit 5 ;;
  lvcreate) : >"$REM_BED/made" ;;
  blkid) exit 2 ;;
esac
"#;

const DRBDADM: &str = r#"#!/bin/sh
echo "drbdadm $*" >>"$REM_BED/tools"
case $1 in
  role) cat "$REM_BED/role" 2>/dev/null ;;
  up) echo Secondary/Unknown >"$REM_BED/role" ;;
  primary) echo Primary/Secondary >"$REM_BED/role" ;;
  secondary) echo Secondary/Secondary >"$REM_BED/role" ;;
  down) rm "$REM_BED/role" ;;
  dstate) cat "$REM_BED/dstate" ;;
  dump-md) exit 1 ;;
esac
"#;

/// Below both: two disks, and what is made of them.
const DISKS: &str = r#"
handler: disks
functions:
  configure: {exit: {shell: 'echo "{\"devices\": [\"/dev/sda\", \"/dev/sdb\"]}"'}}
  restore: {exit: {shell: 'echo "{\"devices\": [\"/dev/sdc\", \"/dev/sdd\"]}"'}}
"#;

async fn well(storages: &Storages, job: Job) -> redeye_storage::StorageOperation {
    let ended = done(storages, "shop", job).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    ended
}

fn tools(bed: &Bed) -> Vec<String> {
    let text = std::fs::read_to_string(bed.path("tools")).unwrap_or_default();
    let _ = std::fs::remove_file(bed.path("tools"));
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lvm_makes_its_volume_and_a_restored_group_takes_the_old_ones_name() {
    let bed = Bed::new();
    for tool in [
        "vgs",
        "vgcreate",
        "vgchange",
        "vgrename",
        "vgimportclone",
        "pvcreate",
        "lvs",
        "lvcreate",
        "blkid",
    ] {
        bed.program(&format!("bin/{tool}"), LVM);
    }
    bed.write("disks.yaml", DISKS);
    let text =
        "shop: {layers: [{lvm: {group: vg0, volume: shop, freeze: false}}, {file: disks.yaml}]}\n";
    let storages = bed.open(text, None).await;
    well(&storages, function("configure")).await;
    assert_eq!(
        tools(&bed),
        [
            "vgs --noheadings -o vg_name vg0",
            "blkid -p -o value -s TYPE /dev/sda",
            "pvcreate -q /dev/sda",
            "blkid -p -o value -s TYPE /dev/sdb",
            "pvcreate -q /dev/sdb",
            "vgcreate -q vg0 /dev/sda /dev/sdb",
            "lvs --noheadings vg0/shop",
            "lvcreate -q -n shop -l 100%FREE vg0",
        ]
    );
    well(&storages, Job::Snapshot).await;
    let ended = well(&storages, Job::Restore { snapshot: None }).await;
    let id = ended.id.to_string();
    let copy = format!("rem_{}_vg0", &id[id.len() - 10..]);
    assert_eq!(
        tools(&bed),
        [
            format!("vgs --noheadings -o vg_name {copy}"),
            format!("vgimportclone -q -n {copy} /dev/sdc /dev/sdd"),
            format!("vgchange -q -ay {copy}"),
            // Nothing was mounted, so nothing is unmounted.
            format!("vgchange -q -an {copy}"),
            format!("vgs --noheadings -o vg_name before_{copy}"),
            format!("vgrename -q vg0 before_{copy}"),
            format!("vgs --noheadings -o vg_name {copy}"),
            format!("vgrename -q {copy} vg0"),
            "vgchange -q -ay vg0".to_owned(),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn drbd_comes_up_as_primary_and_is_good_when_it_is_up_to_date() {
    let bed = Bed::new();
    bed.program("bin/drbdadm", DRBDADM);
    let text = "shop: {layers: [{drbd: {resource: r0, device: /dev/drbd0}}]}\n";
    let storages = bed.open(text, None).await;
    let mounted = well(&storages, function("mount")).await;
    assert_eq!(mounted.said["drbd"].devices, ["/dev/drbd0"]);
    assert_eq!(
        tools(&bed),
        [
            "drbdadm role r0",
            "drbdadm up r0",
            "drbdadm role r0",
            "drbdadm primary r0"
        ]
    );
    let verify = Job::Verify { snapshot: None };
    bed.write("dstate", "Inconsistent/UpToDate\n");
    let ended = done(&storages, "shop", verify.clone()).await;
    let why = "drbd: r0 is Inconsistent/UpToDate".to_owned();
    assert_eq!(ended.state, StorageState::Failed { why });
    bed.write("dstate", "UpToDate/UpToDate\n");
    well(&storages, verify).await;
    tools(&bed);
    well(&storages, function("unmount")).await;
    assert_eq!(
        tools(&bed),
        ["drbdadm role r0", "drbdadm secondary r0", "drbdadm down r0"]
    );
}
