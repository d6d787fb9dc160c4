use rem_time::{Span, Timestamp};

use super::{Attempts, SOURCES_MAX};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[test]
fn the_third_failure_within_a_minute_makes_one_wait() {
    let mut attempts = Attempts::new(3, Span::from_seconds(60));
    for second in [0, 10, 20] {
        assert_eq!(attempts.wait(&"ann", at(second)), None);
        attempts.failed("ann", at(second));
    }
    assert_eq!(attempts.wait(&"ann", at(30)), Some(Span::from_seconds(30)));
    assert_eq!(attempts.wait(&"bob", at(30)), None);
    assert_eq!(attempts.wait(&"ann", at(60)), None);
    attempts.failed("ann", at(61));
    assert_eq!(attempts.wait(&"ann", at(62)), None, "a new minute began");
}

#[test]
fn a_success_forgives_and_memory_is_bounded() {
    let mut attempts = Attempts::new(1, Span::from_seconds(60));
    attempts.failed(0, at(0));
    attempts.succeeded(&0);
    assert_eq!(attempts.wait(&0, at(1)), None);
    for source in 0..SOURCES_MAX + 10 {
        attempts.failed(source, at(0));
    }
    assert_eq!(attempts.failures.len(), SOURCES_MAX);
    attempts.failed(SOURCES_MAX + 11, at(100));
    assert_eq!(
        attempts.failures.len(),
        1,
        "those that are over are forgotten"
    );
}
