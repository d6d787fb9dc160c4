use std::sync::Arc;

use super::*;
use crate::ack::Durability;
use crate::core::{Command, Core, Name};
use crate::error::Error;
use crate::spec::Mode;

const LIMITS: Limits = Limits {
    segment_bytes: 2048,
    snapshot_bytes: u64::MAX,
    durability: Durability::Synced,
};

fn disk(sim: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(sim.clone())
}

/// Writes commands that add 1, each in a commit of its own.
fn write(sim: &SimDisk, n: u64) {
    let log = recover(&disk(sim), LIMITS).unwrap().log;
    for _ in 0..n {
        let (bucket, name): (Name, Name) = ("b".into(), "c".into());
        let add = Command::CounterAdd { name, n: 1 };
        let record = Record::encode(&bucket, Mode::Consistent, 0, None, &add);
        let seq = log.room(record.len()).unwrap().append(&record);
        log.settle_here(seq).unwrap();
    }
}

/// How many commands are there.
fn count(sim: &SimDisk) -> Result<u64, Error> {
    let recovered = recover(&disk(sim), LIMITS)?;
    let rev = |(_, core, _): &(Name, Core, u64)| core.rev.0;
    Ok(recovered.buckets.first().map_or(0, rev))
}

fn segments(sim: &SimDisk) -> Vec<String> {
    let mut names = sim.list().unwrap();
    names.retain(|name| name.starts_with("wal-"));
    names
}

#[test]
fn a_flipped_byte_is_survived_or_reported_and_never_loses_what_others_prove() {
    let original = SimDisk::new();
    write(&original, 12);
    let name = segments(&original).remove(0);
    let used = original
        .bytes(&name)
        .unwrap()
        .iter()
        .rposition(|b| *b != 0)
        .unwrap();
    for at in 0..=used {
        let sim = original.after_power_cut(Cut::LoseAll);
        sim.damage(&name, |bytes| bytes[at] ^= 0x40);
        let before = sim.bytes(&name);
        match count(&sim) {
            // Only the last record can look like the trace of a crash.
            Ok(n) => assert!(n == 12 || n == 11, "byte {at}: {n} of 12"),
            Err(Error::Corrupt { .. }) => assert_eq!(sim.bytes(&name), before, "overwritten"),
            Err(error) => panic!("byte {at}: {error:?}"),
        }
    }
}

#[test]
fn a_file_cut_short_anywhere_is_survived_or_reported() {
    let original = SimDisk::new();
    write(&original, 12);
    let name = segments(&original).remove(0);
    let used = original
        .bytes(&name)
        .unwrap()
        .iter()
        .rposition(|b| *b != 0)
        .unwrap();
    let mut last = 0;
    for at in 0..=used {
        let sim = original.after_power_cut(Cut::LoseAll);
        sim.damage(&name, |bytes| bytes.truncate(at));
        match count(&sim) {
            Ok(n) => {
                assert!(last <= n && n <= 12, "byte {at}: {n} after {last}");
                last = n;
                write(&sim, 3);
                assert_eq!(
                    count(&sim).unwrap(),
                    n + 3,
                    "byte {at}: the log does not go on"
                );
            }
            Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error:?}"),
        }
    }
}

#[test]
fn damage_in_an_older_segment_names_file_and_offset_and_changes_nothing() {
    let sim = SimDisk::new();
    write(&sim, 200);
    let names = segments(&sim);
    assert!(2 < names.len());
    sim.damage(&names[1], |bytes| bytes[700] ^= 1);
    let before: Vec<_> = names.iter().map(|name| sim.bytes(name)).collect();
    let Err(Error::Corrupt { file, offset, .. }) = count(&sim) else {
        panic!("the damage was not noticed");
    };
    assert!(file.ends_with(&names[1]));
    assert!((600..=700).contains(&offset), "{offset}");
    let after: Vec<_> = names.iter().map(|name| sim.bytes(name)).collect();
    assert_eq!(before, after);
}

#[test]
fn a_missing_segment_is_noticed() {
    for missing in [0, 1] {
        let sim = SimDisk::new();
        write(&sim, 200);
        sim.remove(&segments(&sim)[missing]).unwrap();
        assert!(matches!(count(&sim), Err(Error::Corrupt { .. })));
    }
}

#[test]
fn a_record_longer_than_a_segment_is_refused() {
    let sim = SimDisk::new();
    let log = recover(&disk(&sim), LIMITS).unwrap().log;
    assert!(matches!(log.room(4096), Err(Error::Full { .. })));
}

#[test]
fn a_snapshot_replaces_the_log_before_it_and_damage_to_it_is_noticed() {
    let sim = SimDisk::new();
    write(&sim, 200);
    let recovered = recover(&disk(&sim), LIMITS).unwrap();
    let clock: Arc<dyn rem_time::Clock> = Arc::new(rem_time::SystemClock);
    let log = recovered.log.clone();
    let shelf = crate::live::Shelf::restored(clock, log.clone(), recovered.buckets);
    log.snapshot(&shelf).unwrap();
    assert_eq!(segments(&sim).len(), 1);
    let after = sim.after_power_cut(Cut::LoseAll);
    assert_eq!(count(&after).unwrap(), 200);
    let names = after.list().unwrap();
    let snapshot = names.iter().find(|name| name.starts_with("snap-")).unwrap();
    after.damage(snapshot, |bytes| bytes[20] ^= 1);
    assert!(matches!(count(&after), Err(Error::Corrupt { file, .. }) if file.ends_with(snapshot)));
}

#[test]
fn a_crash_while_a_snapshot_removes_the_log_before_it_may_leave_any_part_of_that() {
    let sim = SimDisk::new();
    write(&sim, 200);
    let before = segments(&sim);
    assert!(3 < before.len());
    let old: Vec<Vec<u8>> = before.iter().map(|name| sim.bytes(name).unwrap()).collect();
    let recovered = recover(&disk(&sim), LIMITS).unwrap();
    let clock: Arc<dyn rem_time::Clock> = Arc::new(rem_time::SystemClock);
    let log = recovered.log.clone();
    let shelf = crate::live::Shelf::restored(clock, log.clone(), recovered.buckets);
    log.snapshot(&shelf).unwrap();
    for left in 0..before.len() - 1 {
        let after = sim.after_power_cut(Cut::LoseAll);
        for name in segments(&after) {
            if name != before[before.len() - 1] {
                after.remove(&name).unwrap();
            }
        }
        let mut file = after.create(&before[left]).unwrap();
        file.write_at(0, &old[left]).unwrap();
        assert_eq!(count(&after).unwrap(), 200, "{} is left", before[left]);
        write(&after, 3);
        assert_eq!(count(&after).unwrap(), 203);
        assert!(!segments(&after).contains(&before[left]));
    }
}
