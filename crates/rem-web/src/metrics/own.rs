use rem_monitor::{Running, VERDICTS};
use rem_time::Span;

use super::process;
use crate::view::{DISPLAYS, key, path_state};
use dropstar::{Exposition, Family, Samples};

const PATH_STATES: [&str; 5] = [
    "untested",
    "not_verified",
    "under_way",
    "arrived",
    "missing",
];

/// About ourselves.
pub(crate) fn own(running: &Running, exposition: Exposition) -> String {
    use Family::{Counter, Gauge};
    let mut page = Samples::new(exposition);
    let tally = running.engine.tally();
    page.family("rem_build_info", Gauge, "the program; always 1");
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], Some(1.0));
    page.family(
        "rem_checks_total",
        Counter,
        "checks that are done, by verdict",
    );
    for (verdict, number) in VERDICTS.iter().zip(tally.checks) {
        page.sample(&[("verdict", &verdict.to_string())], Some(number as f64));
    }
    let (total, gauge) = (Counter, Gauge);
    let mut one = |name, family, help, value| page.one(name, family, help, value);
    one(
        "rem_checks_broken_total",
        total,
        "checks that ended without a report, which is a mistake in a check",
        tally.broken as f64,
    );
    one(
        "rem_check_seconds_total",
        total,
        "time that all checks took together, in seconds",
        tally.took.as_secs_f64(),
    );
    one(
        "rem_rounds_missed_total",
        total,
        "rounds that passed without a check",
        tally.rounds_missed as f64,
    );
    one(
        "rem_checks_running",
        gauge,
        "checks under way",
        tally.running as f64,
    );
    one(
        "rem_checks_waiting",
        gauge,
        "checks that wait for a place",
        tally.waiting as f64,
    );
    one(
        "rem_scheduler_lag_seconds",
        gauge,
        "how late the last rounds began, in seconds",
        tally.lag.as_secs_f64(),
    );
    one(
        "rem_monitors",
        gauge,
        "monitors there are",
        running.engine.ids().len() as f64,
    );
    desk(&mut page, running);
    reload(&mut page, running);
    process::write(&mut page);
    page.end()
}

fn desk(page: &mut Samples, running: &Running) {
    use Family::{Counter, Gauge};
    let overview = running.desk.overview();
    page.family("rem_alerts", Gauge, "open alerts by what they show");
    for display in DISPLAYS {
        let shown = overview
            .alerts
            .iter()
            .filter(|alert| key(alert.display) == display);
        page.sample(&[("display", display)], Some(shown.count() as f64));
    }
    page.one(
        "rem_messages_waiting",
        Gauge,
        "messages that nobody has taken over yet",
        overview.waiting as f64,
    );
    let oldest = overview.oldest_waiting.map(|made| overview.at.since(made));
    page.one(
        "rem_oldest_message_seconds",
        Gauge,
        "age of the oldest of them, in seconds; 0 if there is none",
        oldest.map_or(0.0, Span::as_secs_f64),
    );
    page.family(
        "rem_notifications_total",
        Counter,
        "attempts to send, by the kind of contact and what came of them",
    );
    for (kind, outcome, number) in running.desk.attempts_made() {
        let labels = [("kind", kind), ("outcome", outcome)];
        page.sample(&labels, Some(number as f64));
    }
    page.one(
        "rem_contacts_broken",
        Gauge,
        "contacts that do not work",
        overview.broken.len() as f64,
    );
    page.family(
        "rem_self_test",
        Gauge,
        "1 for where the self-test of each kind of contact stands, else 0",
    );
    for path in &overview.paths {
        let (is, _) = path_state(path.state);
        for state in PATH_STATES {
            let labels = [("kind", &*path.kind), ("state", state)];
            page.sample(&labels, Some(f64::from(u8::from(is == state))));
        }
    }
    page.family(
        "rem_self_test_arrived_timestamp_seconds",
        Gauge,
        "when a self-test of each kind of contact arrived last, in seconds since 1970",
    );
    for path in &overview.paths {
        if let Some(at) = path.arrived {
            page.sample(&[("kind", &*path.kind)], Some(at.as_secs_f64()));
        }
    }
    let gaps = overview.on_call.iter().filter(|role| role.now.is_empty());
    page.one(
        "rem_roles_empty",
        Gauge,
        "roles that nobody has at this moment",
        gaps.count() as f64,
    );
    page.one(
        "rem_desk_durable",
        Gauge,
        "1 while alerts can be written to disk, 0 while the disk refuses",
        f64::from(u8::from(overview.not_durable.is_none())),
    );
}

fn reload(page: &mut Samples, running: &Running) {
    let last = running.reload.last();
    // What runs was read: until the first reload, the last time went well.
    let success = last.as_ref().is_none_or(|last| last.result.is_ok());
    page.one(
        "rem_config_last_reload_success",
        Family::Gauge,
        "1 if the file was in order when it was last read",
        f64::from(u8::from(success)),
    );
    page.family(
        "rem_config_last_reload_timestamp_seconds",
        Family::Gauge,
        "when the file was last read again, in seconds since 1970; none before the first time",
    );
    if let Some(last) = last {
        page.sample(&[], Some(last.at.as_secs_f64()));
    }
}
