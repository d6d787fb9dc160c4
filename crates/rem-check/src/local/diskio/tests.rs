use std::time::Duration;

use super::*;
use crate::Verdict;

fn looks(before: &str, now: &str, seconds: u64) -> Looks<Vec<Device>> {
    Looks {
        before: parse_diskstats(before).unwrap(),
        now: parse_diskstats(now).unwrap(),
        apart: Duration::from_secs(seconds),
    }
}

fn values(finding: &Finding, group: &str) -> Vec<Option<f64>> {
    let readings = finding.readings.iter();
    let readings = readings.filter(|r| r.group.as_deref() == Some(group));
    readings.map(|r| r.value).collect()
}

#[test]
fn a_captured_machine_shows_its_whole_devices() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        "proc",
        "sys/block/vda",
        "sys/block/loop0",
        "sys/block/zram0",
    ] {
        std::fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    let mut text = include_str!("../../../tests/fixtures/vm/diskstats").to_owned();
    text.push_str(" 254 1 vda1 1 0 1 1 1 1 1 1 0 1 1\n");
    std::fs::write(folder.path().join("proc/diskstats"), text).unwrap();
    let root = Root {
        proc: folder.path().join("proc"),
        sys: folder.path().join("sys"),
    };
    let names = |check: LocalDiskIo| {
        let devices = check.devices().unwrap();
        devices.into_iter().map(|d| d.name).collect::<Vec<_>>()
    };
    assert_eq!(names(LocalDiskIo::new(root.clone())), ["vda"]);
    let named = LocalDiskIo::new(root).only(vec!["vda1".into(), "zram0".into()]);
    assert_eq!(names(named), ["zram0", "vda1"]);
}

#[test]
fn counters_become_rates_in_bytes_per_second() {
    let finding = finding(
        &looks(
            "8 0 sda 100 0 1000 0 10 0 500 0 0 0 0\n",
            "8 0 sda 120 0 3000 0 30 0 600 0 0 5000 0\n",
            10,
        ),
        &[],
    );
    let expected = [102_400.0, 5120.0, 2.0, 2.0, 50.0].map(Some);
    assert_eq!(values(&finding, "sda"), expected);
    assert_eq!(finding.message, "1 device");
}

#[test]
fn a_device_that_started_anew_is_unknown_and_the_others_are_not() {
    let finding = finding(
        &looks(
            "8 0 sda 100 0 9 0 9 0 9 0 0 9 0\n8 16 sdb 1 0 1 0 1 0 1 0 0 1 0\n",
            "8 0 sda 5 0 90 0 90 0 90 0 0 90 0\n8 16 sdb 1 0 1 0 1 0 1 0 0 1 0\n",
            1,
        ),
        &[],
    );
    assert_eq!(values(&finding, "sda"), [None; 5]);
    assert_eq!(values(&finding, "sdb"), [Some(0.0); 5]);
    assert_eq!(finding.verdict, Verdict::Ok);
    assert_eq!(finding.message, "2 devices, counters started anew: sda");
}

#[test]
fn busy_never_passes_the_whole() {
    let line = |ms: u64| format!("8 0 sda 0 0 0 0 0 0 0 0 0 {ms} 0\n");
    let finding = finding(&looks(&line(0), &line(1010), 1), &[]);
    assert_eq!(values(&finding, "sda")[4], Some(100.0));
}

#[test]
fn a_named_device_that_is_missing_is_critical() {
    let finding = finding(&looks("", "", 1), &["sdz".to_owned()]);
    assert_eq!(finding.verdict, Verdict::Critical);
    assert_eq!(finding.message, "no such device: sdz");
}

#[test]
fn names_that_only_begin_like_unusual_devices_are_usual() {
    assert!(is_usual("sda") && is_usual("rampart0") && is_usual("nvme0n1") && is_usual("dm-0"));
    assert!(!is_usual("loop12") && !is_usual("ram0") && !is_usual("sr0") && !is_usual("fd0"));
}

#[test]
fn old_short_lines_are_passed_over_and_broken_ones_refused() {
    assert_eq!(parse_diskstats("8 1 sda1 1 2 3 4\n\n"), Ok(vec![]));
    let error = parse_diskstats("8 0 sda 1 x x x x x x x x x x\n").unwrap_err();
    assert_eq!(error.to_string(), "diskstats:1: expected counters");
}
