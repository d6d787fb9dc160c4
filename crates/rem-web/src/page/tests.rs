use rem_monitor::{Beat, Kind, MonitorId, Reading, Report, Scope, SeenBy, Unit, Verdict};
use rem_time::{Span, Timestamp};

use crate::card::Seen;

use super::*;

fn id(machine: &str, monitor: &str) -> MonitorId {
    let text = format!(
        "machines: {{{machine:?}: {{address: 127.0.0.1}}}}\n\
         packages: {{web: {{monitors: {{{monitor:?}: {{check: ping}}}}}}}}\n\
         services: {{all: {{packages: [web], deployments: {{prod: {{machines: [{machine:?}]}}}}}}}}\n"
    );
    let loader = rem_yaml::Loader::from_memory([("m.yaml", text.as_str())]);
    rem_config::load_with(loader, "m.yaml").unwrap().monitors()[0]
        .id
        .clone()
}

fn view(machine: &str, monitor: &str, state: State, since: i64) -> MonitorView {
    let at = Timestamp::from_seconds(1_000);
    let verdict = match state {
        State::Critical => Verdict::Critical,
        State::Warning => Verdict::Warning,
        State::Unknown | State::Pending => Verdict::Unknown,
        State::Ok => Verdict::Ok,
    };
    let reading = Reading {
        group: None,
        field: "rtt_avg".into(),
        value: Some(0.0125),
        unit: Unit::Seconds,
        kind: Kind::Gauge,
        bounds: None,
    };
    let report = Report {
        at,
        took: Span::from_millis(12),
        verdict,
        message: format!("{monitor} is {state}"),
        readings: vec![reading],
    };
    MonitorView {
        id: id(machine, monitor),
        title: monitor.into(),
        machine: machine.into(),
        address: "127.0.0.1".into(),
        kind: "ping",
        every: Span::from_seconds(10),
        state,
        since: Some(Timestamp::from_seconds(since)),
        last: (state != State::Pending).then_some(report),
        beats: vec![Beat {
            at,
            state,
            message: "told".into(),
            by: SeenBy::Observer("lab".into(), Some(Scope::Far)),
        }],
        by: SeenBy::Observer("lab".into(), Some(Scope::Far)),
        rounds_missed: 0,
        stale: false,
    }
}

fn page(monitors: Vec<MonitorView>) -> Page {
    let overview = Overview {
        site: "test".into(),
        now: Timestamp::from_seconds(1_005),
        monitors,
    };
    Page::new(
        &overview,
        Range::Hour,
        Urls {
            own: "/m",
            series: "/s",
            card: "/c",
        },
        None,
    )
}

#[test]
fn the_most_urgent_and_the_longest_so_come_first() {
    let page = page(vec![
        view("a", "fine", State::Ok, 1),
        view("a", "unknown", State::Unknown, 1),
        view("a", "new", State::Critical, 900),
        view("b", "old", State::Critical, 100),
        view("b", "warned", State::Warning, 1),
        view("b", "waiting", State::Pending, 1),
    ]);
    let titles: Vec<_> = page
        .problems
        .iter()
        .map(|problem| problem.title.as_str())
        .collect();
    assert_eq!(titles, ["old", "new", "warned", "unknown"]);
    let counts: Vec<_> = page
        .counts
        .iter()
        .map(|count| (count.state, count.number))
        .collect();
    assert_eq!(
        counts,
        [
            ("critical", 2),
            ("warning", 1),
            ("unknown", 1),
            ("pending", 1),
            ("ok", 1)
        ]
    );
    let machines: Vec<_> = page
        .machines
        .iter()
        .map(|m| (m.name.as_str(), m.cards.len()))
        .collect();
    assert_eq!(machines, [("a", 3), ("b", 3)]);
}

#[test]
fn a_card_has_value_unit_state_age_and_bar() {
    let page = page(vec![view("a", "ping", State::Ok, 1)]);
    let card = &page.machines[0].cards[0];
    assert_eq!(
        (card.state, card.word, card.ago.as_str()),
        ("ok", "OK", "5 s ago")
    );
    let cell = &card.rows[0].cells[0];
    assert_eq!(
        (cell.text.as_str(), cell.label.as_str()),
        ("12.5 ms", "round trip")
    );
    assert_eq!(
        card.beats[0].title,
        "OK at 1970-01-01T00:16:40Z, seen by lab (far): told"
    );
    assert_eq!(card.beats_said, "1 OK");
    assert_eq!(card.graphs.len(), 1);
}

#[test]
fn a_monitor_that_was_never_looked_at_says_so_and_is_no_problem() {
    let page = page(vec![view("a", "new", State::Pending, 1)]);
    let card = &page.machines[0].cards[0];
    assert_eq!(
        (card.word, card.at, card.ago.as_str()),
        ("Waiting", None, "not yet")
    );
    assert!(card.rows.is_empty() && page.problems.is_empty());
}

#[test]
fn ids_in_the_page_hold_nothing_of_a_hostile_name() {
    let page = page(vec![view("<b>", "\"x' y\"", State::Critical, 1)]);
    let card = &page.machines[0].cards[0];
    let harmless = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    assert!(harmless(&card.slug), "{}", card.slug);
    assert!(
        harmless(&card.rows[0].cells[0].id),
        "{}",
        card.rows[0].cells[0].id
    );
    assert!(
        !card.graphs[0].image.contains(['<', '"', '\'', ' ']),
        "{}",
        card.graphs[0].image
    );
}

#[test]
fn a_new_group_changes_the_layout_and_a_new_value_does_not() {
    let one = view("a", "ping", State::Ok, 1);
    let mut other = one.clone();
    other.last.as_mut().unwrap().readings[0].value = Some(1.0);
    let layout = |view: &MonitorView| Seen::new(view).unwrap().layout;
    assert_eq!(layout(&one), layout(&other));
    other.last.as_mut().unwrap().readings[0].group = Some("eu".into());
    assert_ne!(layout(&one), layout(&other));
}
