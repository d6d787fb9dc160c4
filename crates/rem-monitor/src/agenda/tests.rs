use super::*;

fn s(seconds: u64) -> Span {
    Span::from_seconds(seconds)
}

fn rate(every: u64, place: u64) -> Rate {
    Rate {
        every: s(every),
        place: s(place),
        soon: s(2),
    }
}

#[test]
fn a_new_monitor_looks_soon_and_then_at_its_place() {
    let mut agenda = Agenda::new();
    agenda.place(&1, rate(60, 30), s(100));
    assert_eq!(agenda.take_due(s(102)), [(1, Due::Once)]);
    assert_eq!(agenda.next_due(), Some(s(150)));
    assert_eq!(agenda.take_due(s(150)), [(1, Due::Round(0))]);
    assert_eq!(agenda.next_due(), Some(s(210)));
}

#[test]
fn a_monitor_whose_place_comes_at_once_does_not_look_twice() {
    let mut agenda = Agenda::new();
    agenda.place(&1, rate(60, 41), s(100));
    assert_eq!(agenda.next_due(), Some(s(101)));
    assert_eq!(agenda.take_due(s(110)), [(1, Due::Round(0))]);
}

#[test]
fn a_failure_is_looked_at_again_only_so_often() {
    let mut agenda = Agenda::new();
    let retry = Retry {
        after: s(3),
        times: 2,
    };
    for now in [10, 13] {
        agenda.look_again(&1, retry, Verdict::Critical, s(now));
        assert_eq!(agenda.take_due(s(now + 3)), [(1, Due::Once)]);
    }
    agenda.look_again(&1, retry, Verdict::Critical, s(16));
    assert_eq!(agenda.next_due(), None);
    agenda.look_again(&1, retry, Verdict::Ok, s(20));
    agenda.look_again(&1, retry, Verdict::Critical, s(30));
    assert_eq!(agenda.next_due(), Some(s(33)));
}

#[test]
fn a_passive_monitor_is_stale_again_and_again_until_it_is_told_something() {
    let mut agenda = Agenda::new();
    agenda.wait(&1, s(90), s(0));
    assert_eq!(agenda.take_due(s(90)), [(1, Due::Stale)]);
    assert_eq!(agenda.next_due(), Some(s(180)));
    agenda.wait(&1, s(90), s(100));
    assert_eq!(agenda.next_due(), Some(s(190)));
}

#[test]
fn nothing_of_a_monitor_that_is_gone_comes() {
    let mut agenda = Agenda::new();
    agenda.place(&1, rate(60, 30), s(0));
    agenda.tick_at(&1, Some(s(5)));
    agenda.forget(&1);
    assert_eq!(agenda.next_due(), None);
}
