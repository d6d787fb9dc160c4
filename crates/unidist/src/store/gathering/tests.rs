use super::*;

const SYNC: Duration = Duration::from_micros(200);

/// The records that were written by the end of a commit of `served`, and whether
/// the next commit waits once `came` more are there.
fn waits(served: u64, during: u64, came: u64) -> bool {
    let now = Instant::now();
    let mut gathering = Gathering::new(1);
    gathering.begin(1 + served);
    let next = 1 + served + during;
    gathering.end(next, now, SYNC);
    gathering.wait(next + came, now) == Some(now + SYNC)
}

#[test]
fn a_lone_writer_is_never_kept_waiting() {
    assert!(!waits(1, 0, 1));
}

#[test]
fn a_commit_waits_for_those_whom_the_last_one_served() {
    assert!(waits(64, 0, 1));
    assert!(waits(64, 0, 63));
    assert!(!waits(64, 0, 64));
    assert!(waits(32, 32, 0));
    assert!(!waits(32, 32, 32));
}

#[test]
fn two_writers_who_take_turns_are_brought_together() {
    assert!(waits(1, 1, 0));
    assert!(!waits(1, 1, 1));
}

#[test]
fn nobody_waits_for_long() {
    let now = Instant::now();
    let mut gathering = Gathering::new(1);
    gathering.begin(9);
    gathering.end(9, now, SYNC);
    assert_eq!(gathering.wait(10, now + SYNC), None, "it was long ago");
    gathering.end(9, now, Duration::from_secs(1));
    assert_eq!(gathering.wait(10, now), Some(now + PATIENCE_MAX));
    gathering.end(9, now, Duration::from_micros(5));
    assert_eq!(gathering.wait(10, now), None, "waiting costs more");
}

#[test]
fn waits_in_vain_become_rare() {
    let now = Instant::now();
    let mut gathering = Gathering::new(1);
    let mut next = 1;
    let mut waited = 0;
    for _ in 0..1000 {
        // Each comes once, during somebody else's commit.
        gathering.begin(next);
        next += 1;
        gathering.end(next, now, SYNC);
        if gathering.wait(next, now).is_some() {
            waited += 1;
            assert!(gathering.is_short(next));
            gathering.judge(next);
            assert!(!gathering.is_short(next));
        }
    }
    assert!((5..20).contains(&waited), "{waited}");
    // Once they come again, it waits again.
    for _ in 0..=HASTY_MAX {
        gathering.begin(next);
        gathering.end(next, now, SYNC);
        let waits = gathering.wait(next + 1, now).is_some();
        next += 2;
        if waits {
            gathering.judge(next);
        }
    }
    gathering.begin(next);
    gathering.end(next, now, SYNC);
    assert!(gathering.wait(next + 1, now).is_some());
}
