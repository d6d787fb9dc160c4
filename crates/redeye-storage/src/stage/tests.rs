use rem_time::Timestamp;

use super::*;

fn id(number: i64) -> OperationId {
    OperationId::new(Timestamp::from_seconds(1_800_000_000 + number), [0; 10])
}

fn first(of: i64) -> Stage {
    Stage::Try(Candidate {
        snapshot: id(0),
        next: (1..of).map(id).collect(),
        bad: None,
        last: false,
        was_mounted: true,
    })
}

/// What is run, with the number of the snapshot, when the functions named in `failing`
/// fail.
fn play(job: &Job, failing: &[&str], stopped_at: Option<&str>) -> (String, After) {
    let mut stage = first(3);
    let mut trace = Vec::new();
    loop {
        let number = (0..3).find(|number| stage.snapshot() == Some(id(*number)));
        let aside = if stage.is_aside() { "'" } else { "" };
        let step = format!("{}{aside}{}", stage.function().unwrap(), number.unwrap());
        let end = match failing.contains(&step.as_str()) {
            true => Err(format!("no {step}")),
            false => Ok(()),
        };
        trace.push(step.clone());
        let stopped = stopped_at.is_some_and(|at| trace.iter().any(|step| step == at));
        match stage.after(job, &end, stopped.then_some("ann stopped it")) {
            After::Go(next) => stage = next,
            over => return (trace.join(" "), over),
        }
        assert!(trace.len() < 40, "it ends: {trace:?}");
    }
}

#[track_caller]
fn check(failing: &[&str], trace: &str, end: After) {
    let job = Job::Restore { snapshot: None };
    assert_eq!(play(&job, failing, None), (trace.to_owned(), end));
}

#[test]
fn a_good_snapshot_is_verified_beside_and_again_in_its_place() {
    check(
        &[],
        "restore'0 verify'0 unmount0 adopt'0 mount0 verify0",
        After::Well,
    );
}

#[test]
fn a_bad_snapshot_is_taken_away_and_the_one_before_is_tried() {
    check(
        &["verify'0", "restore'1"],
        "restore'0 verify'0 discard'0 restore'1 discard'1 \
         restore'2 verify'2 unmount2 adopt'2 mount2 verify2",
        After::Well,
    );
    check(
        &["verify'0", "verify'1", "verify'2"],
        "restore'0 verify'0 discard'0 restore'1 verify'1 discard'1 restore'2 verify'2 discard'2",
        After::Badly("no verify'2".into()),
    );
}

#[test]
fn what_was_there_comes_back_before_another_one_is_tried() {
    check(
        &["verify0"],
        "restore'0 verify'0 unmount0 adopt'0 mount0 verify0 unmount0 revert0 mount0 discard'0 \
         restore'1 verify'1 unmount1 adopt'1 mount1 verify1",
        After::Well,
    );
    check(
        &["adopt'0"],
        "restore'0 verify'0 unmount0 adopt'0 revert0 mount0 discard'0",
        After::Badly("no adopt'0".into()),
    );
    check(
        &["unmount0"],
        "restore'0 verify'0 unmount0 mount0 discard'0",
        After::Badly("no unmount0".into()),
    );
    check(
        &["verify0", "revert0"],
        "restore'0 verify'0 unmount0 adopt'0 mount0 verify0 unmount0 revert0",
        After::Badly("no verify0; then what was there did not come back: no revert0".into()),
    );
}

#[test]
fn a_snapshot_is_verified_without_touching_what_is_used() {
    let job = Job::Verify {
        snapshot: Some(id(0)),
    };
    let trace = "restore'0 verify'0 discard'0".to_owned();
    assert_eq!(play(&job, &[], None), (trace, After::Well));
}

#[test]
fn stopping_leaves_nothing_half_done() {
    let job = Job::Restore { snapshot: None };
    let stopped = After::Badly("ann stopped it".into());
    assert_eq!(
        play(&job, &[], Some("verify'0")),
        ("restore'0 verify'0 discard'0".to_owned(), stopped)
    );
    let (trace, end) = play(&job, &[], Some("unmount0"));
    assert!(
        trace.ends_with("unmount0 adopt'0 mount0 verify0"),
        "{trace}"
    );
    assert_eq!(end, After::Well, "too late: it goes through");
}
