use rem_alert::level::{
    GroupState, SavedGroup, SavedLevel, SavedSeries, SavedState, SavedWindow, Subject, Truth,
};
use rem_time::{Span, Timestamp};

use super::Levels;

fn level(when: SavedWindow, clear: SavedWindow) -> SavedLevel {
    SavedLevel {
        fingerprint: u64::MAX - 3,
        active: true,
        looked: true,
        newest: Truth::Unknown,
        standing: Some(false),
        when,
        clear,
    }
}

#[test]
fn everything_reads_back_as_it_was_written() {
    let second = Span::from_seconds(1);
    let held = SavedWindow::Held {
        span: second,
        on: true,
    };
    let state = SavedState {
        last: Some(Timestamp::from_seconds(7)),
        sampled: None,
        stood: second,
        levels: vec![
            level(SavedWindow::Samples(vec![true, false]), SavedWindow::None),
            level(held, SavedWindow::Times(vec![(second, Span::ZERO)])),
        ],
        groups: vec![SavedGroup {
            name: "down".into(),
            state: GroupState {
                truth: Truth::True,
                since: Some(Timestamp::from_seconds(3)),
            },
        }],
        series: vec![SavedSeries {
            subject: Subject::State("busy".into()),
            points: vec![
                (Timestamp::from_seconds(1), None),
                (Timestamp::from_seconds(2), Some(0.5)),
            ],
        }],
    };
    let saved = vec![
        (Some("/var".into()), false, state.clone()),
        (None, true, state),
    ];
    let json = serde_json::to_string(&Levels::write(&saved)).unwrap();
    let back: Levels = serde_json::from_str(&json).unwrap();
    assert_eq!(back.read(), saved);
}
