use super::*;

#[track_caller]
fn check(mountinfo: &str, expected: &[&str]) {
    let mounts = parse_mountinfo(mountinfo).unwrap();
    let points: Vec<String> = real(&mounts).into_iter().map(|m| m.point).collect();
    assert_eq!(points, expected);
}

#[test]
fn a_captured_machine_has_one_real_file_system() {
    check(include_str!("../../../tests/fixtures/vm/mountinfo"), &["/"]);
}

#[test]
fn a_bind_mount_is_not_counted_again() {
    check(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
         2 1 8:1 /srv/www /www rw shared:1 master:2 - ext4 /dev/sda1 rw\n\
         3 1 8:2 /sub /x rw - xfs /dev/sdb rw\n\
         4 1 8:2 / /long/name rw - xfs /dev/sdb rw\n",
        &["/", "/long/name"],
    );
}

#[test]
fn an_overlay_counts_only_where_it_is_the_whole_world() {
    check(
        "1 0 0:50 / / rw - overlay overlay rw\n2 1 0:51 / /proc rw - proc proc rw\n",
        &["/"],
    );
    check(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
         2 1 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n",
        &["/"],
    );
}

#[test]
fn a_mount_that_is_hidden_by_a_later_one_is_not_there() {
    check(
        "1 0 8:1 / /data rw - ext4 /dev/sda1 rw\n2 1 8:2 / /data rw - xfs /dev/sdb rw\n",
        &["/data"],
    );
    let text = "1 0 8:1 / /d rw - ext4 a rw\n2 1 8:2 / /d rw - xfs b rw\n";
    let mounts = parse_mountinfo(text).unwrap();
    assert_eq!(at(&mounts, "/d").unwrap().fs_type, "xfs");
    assert_eq!(at(&mounts, "/e"), None);
}

#[test]
fn blanks_and_backslashes_in_names_are_read() {
    check(
        "1 0 8:1 / /my\\040disk\\134x rw - ext4 /dev/sda1 rw\n",
        &["/my disk\\x"],
    );
    assert_eq!(unescape("\\04"), "\\04");
    assert_eq!(unescape("\\999"), "\\999");
}

#[test]
fn network_file_systems_are_known_to_hang() {
    let line = |fs_type| format!("1 0 0:9 / /mnt rw - {fs_type} server:/x rw\n");
    for (fs_type, remote) in [
        ("nfs4", true),
        ("cifs", true),
        ("fuse.sshfs", true),
        ("ext4", false),
        ("zfs", false),
    ] {
        let mounts = parse_mountinfo(&line(fs_type)).unwrap();
        assert_eq!(mounts[0].is_remote(), remote, "{fs_type}");
    }
}

#[test]
fn a_line_that_is_cut_off_is_refused_with_its_place() {
    let error = parse_mountinfo("1 0 8:1 / /\n").unwrap_err();
    assert!(error.to_string().starts_with("self/mountinfo:1:"));
}
