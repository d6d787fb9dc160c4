//! What one step of an episode costs, and ten thousand alerts at once.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rem_alert::episode::{
    Effect, Episode, EpisodeId, Event, Hold, HoldKind, HoldPlan, Holds, Parents, Rules, Step,
    Subject, Urgency, When,
};
use rem_alert::message::{Message, Pace, Throttle, bundle};
use rem_bench::{Report, Who, measure};
use rem_time::{Span, Timestamp};

/// Counts live bytes, because the size of a state is a figure.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code)]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ALERTS: usize = 10_000;

fn main() {
    let mut report = Report::new("rem-alert episode", "best of 5 rounds, one thread");
    let rules = Rules {
        ladder: vec![
            Step::new("web-oncall", 3, Span::from_seconds(300)),
            Step::new("manager", 1, Span::from_seconds(300)).after(Span::from_seconds(900)),
        ],
        ..Rules::default()
    };
    let ann: Arc<str> = "ann".into();
    let roster = |_: &str, _: Timestamp| vec![Arc::clone(&ann)];
    let now = Timestamp::from_seconds(1_000_000);
    let parents: Arc<[Arc<str>]> = Arc::from([Arc::from("machine:web-01"), "pdu".into()]);

    let mut effects = Vec::new();
    let mut paged = Episode::default();
    paged.step(&Event::fire(), now, &rules, &roster, &mut effects);
    let later = now + Span::from_seconds(1);
    for (name, event) in [
        ("fires still: no effect", Event::fire()),
        ("time passes: no effect", Event::Wake),
        ("a fresh sample: no effect", Event::Sampled { at: later }),
    ] {
        let cost = measure(Who::Thread, 5, || {
            for _ in 0..1_000_000 {
                effects.clear();
                paged.step(black_box(&event), later, &rules, &roster, &mut effects);
            }
            assert!(effects.is_empty());
            1_000_000
        });
        report.row(name, cost.cpu_ns(), "ns CPU", "<= 1000");
    }

    let below = Event::Fire(Parents {
        all: Arc::clone(&parents),
        alerting: Arc::from([Arc::clone(&parents[1])]),
        every: Span::from_seconds(10),
    });
    for (name, event) in [
        ("fire to a page, with its line", Event::fire()),
        ("fire below a failed parent, with its line", below.clone()),
    ] {
        let cost = measure(Who::Thread, 5, || {
            for _ in 0..100_000 {
                effects.clear();
                let mut episode = Episode::default();
                episode.step(black_box(&event), now, &rules, &roster, &mut effects);
                black_box(&episode);
            }
            100_000
        });
        report.row(name, cost.cpu_ns(), "ns CPU", "<= 5000");
    }

    let before = LIVE.load(Ordering::Relaxed);
    let open: Vec<Episode> = (0..ALERTS)
        .map(|_| {
            let mut episode = Episode::default();
            episode.step(&below, now, &rules, &roster, &mut effects);
            effects.clear();
            episode
        })
        .collect();
    let bytes = (LIVE.load(Ordering::Relaxed) - before) / open.len();
    report.row(
        "an open episode held by a parent",
        bytes as f64,
        "bytes",
        "<= 1024",
    );
    report.row(
        "the state alone",
        size_of::<Episode>() as f64,
        "bytes",
        "<= 512",
    );
    drop(open);

    let waiting: Vec<Message> = (0..ALERTS)
        .map(|number| {
            let id = EpisodeId {
                alert: "web-down".into(),
                subject: format!("machine:{number}").into(),
                number: 1,
            };
            Message {
                service: format!("service-{}", number % 100).into(),
                urgency: Some(Urgency::Page),
                about: Some((id.clone(), 1)),
                ..Message::new(format!("{}/ann", id.message(1)), "ann", now)
            }
        })
        .collect();
    let list: Vec<&Message> = waiting.iter().collect();
    let cost = measure(Who::Thread, 5, || {
        let sent = bundle(&list, &mut Pace::default(), Throttle::default(), later);
        assert_eq!(sent.send.len(), 4);
        ALERTS as u64
    });
    report.row(
        "bundling 10,000 messages of one contact",
        cost.cpu_ns(),
        "ns CPU/message",
        "<= 1000",
    );

    let holds = Holds {
        plans: (0..100)
            .map(|number| HoldPlan {
                id: format!("window-{number}").into(),
                kind: HoldKind::Maintenance,
                covers: vec![format!("machine = rack-{number}-*").parse().unwrap()],
                when: When::Once {
                    from: now,
                    until: later,
                },
                by: Arc::clone(&ann),
                why: "disk swap".into(),
            })
            .collect(),
    };
    let subject = Subject::default()
        .label("machine", "rack-77-host-3")
        .label("service", "web")
        .label("alert", "web-down");
    let cost = measure(Who::Thread, 5, || {
        for _ in 0..10_000 {
            assert!(black_box(holds.held(&subject, now)).maintenance.is_some());
        }
        10_000
    });
    report.row(
        "what holds a subject, of 100 windows",
        cost.cpu_ns(),
        "ns CPU",
        "<= 20000",
    );

    let hold = Event::Force(Hold {
        until: later,
        by: Arc::clone(&ann),
        why: "known".into(),
    });
    effects.clear();
    paged.step(&hold, now, &rules, &roster, &mut effects);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Supersede { .. }))
    );
}
