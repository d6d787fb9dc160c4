use super::*;

fn report(at: i64, verdict: Verdict, message: &str) -> Report {
    let at = Timestamp::from_seconds(at);
    Report {
        at,
        took: Span::ZERO,
        verdict,
        message: message.into(),
        readings: Vec::new(),
    }
}

/// Feeds `second: verdict` lines and compares the turns they cause.
#[track_caller]
fn turns(script: &[(i64, Verdict)], expected: &[(i64, State, State)]) {
    let mut watched = Watched::default();
    let seen: Vec<_> = script
        .iter()
        .filter_map(|(at, verdict)| watched.see(report(*at, *verdict, ""), SeenBy::Here(None)))
        .map(|turn| (turn.at.as_seconds(), turn.from, turn.to))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn only_a_different_state_is_a_turn() {
    use Verdict::*;
    turns(
        &[(0, Ok), (10, Ok), (20, Critical), (30, Critical), (40, Ok)],
        &[
            (0, State::Pending, State::Ok),
            (20, State::Ok, State::Critical),
            (40, State::Critical, State::Ok),
        ],
    );
}

#[test]
fn a_state_remembered_from_before_keeps_its_age() {
    let since = Timestamp::from_seconds(5);
    let mut watched = Watched::remembered(State::Critical, Some(since), Vec::new());
    assert_eq!(
        watched.see(
            report(100, Verdict::Critical, "still down"),
            SeenBy::Here(None)
        ),
        None
    );
    assert_eq!(watched.since(), Some(since));
}

#[test]
fn the_oldest_checks_go_first() {
    let mut watched = Watched::default();
    for at in 0..100 {
        watched.see(report(at, Verdict::Ok, ""), SeenBy::Here(None));
    }
    assert_eq!(watched.beats().len(), CHECKS_KEPT);
    assert_eq!(
        watched.beats().next().map(|beat| beat.at),
        Some(Timestamp::from_seconds(60))
    );
}

#[test]
fn news_older_than_three_intervals_is_stale() {
    let mut watched = Watched::default();
    let (every, at) = (Span::from_seconds(10), Timestamp::from_seconds);
    assert!(
        !watched.is_stale(every, at(1_000)),
        "what was never seen is pending, not stale"
    );
    watched.see(report(100, Verdict::Ok, ""), SeenBy::Here(None));
    assert!(!watched.is_stale(every, at(130)));
    assert!(watched.is_stale(every, at(131)));
}

#[test]
fn every_state_has_a_word_that_reads_back() {
    for state in State::URGENT_FIRST {
        assert_eq!(State::from_word(state.word()), Some(state));
    }
}

#[test]
fn beats_that_say_the_same_share_their_text_and_take_no_more_room_than_they_need() {
    let mut watched = Watched::default();
    for at in 0..100 {
        let message = if at < 90 { "200" } else { "204" };
        watched.see(report(at, Verdict::Ok, message), SeenBy::default());
    }
    let texts = watched.beats.iter().map(|kept| kept.said.message.as_ptr());
    let texts: std::collections::BTreeSet<*const u8> = texts.collect();
    assert_eq!(texts.len(), 2);
    assert_eq!(watched.beats.capacity(), CHECKS_KEPT);
    let beats: Vec<Beat> = watched.beats().collect();
    let said = |at: usize| &*beats[at].message;
    assert_eq!((beats.len(), said(29), said(30)), (40, "200", "204"));
    assert_eq!(beats[39].at, Timestamp::from_seconds(99));
}
