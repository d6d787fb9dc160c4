use super::*;

fn ping(count: u16) -> Ping {
    let options = PingOptions {
        count,
        ..PingOptions::new("192.0.2.1")
    };
    Ping::new(&Pinger::new(), options)
}

fn trips(millis: &[u64]) -> Vec<Duration> {
    millis.iter().map(|ms| Duration::from_millis(*ms)).collect()
}

#[track_caller]
fn check(ping: &Ping, millis: &[u64], failure: Option<PingError>, verdict: Verdict, message: &str) {
    let address = "192.0.2.1".parse().unwrap();
    let finding = ping.finding(address, &trips(millis), failure);
    assert_eq!(
        (finding.verdict, finding.message.as_str()),
        (verdict, message)
    );
}

#[test]
fn all_some_and_none_are_ok_warning_and_critical() {
    let silence = Some(PingError::NoReply);
    check(
        &ping(2),
        &[1, 2],
        None,
        Verdict::Ok,
        "2 of 2 replies from 192.0.2.1",
    );
    check(
        &ping(2),
        &[1],
        silence.clone(),
        Verdict::Warning,
        "1 of 2 replies from 192.0.2.1",
    );
    check(
        &ping(2),
        &[],
        silence,
        Verdict::Critical,
        "no reply from 192.0.2.1 within 2s",
    );
}

#[test]
fn a_router_that_says_why_is_quoted() {
    let refused = PingError::from(packet::Refusal::Host);
    check(
        &ping(1),
        &[],
        Some(refused),
        Verdict::Critical,
        "192.0.2.1: host unreachable",
    );
}

#[test]
fn without_permission_nothing_is_known_and_the_remedy_is_named() {
    let finding = ping(3).finding(
        "192.0.2.1".parse().unwrap(),
        &[],
        Some(PingError::Permission),
    );
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(
        finding
            .message
            .contains("sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"")
    );
    assert!(finding.message.contains("setcap cap_net_raw+ep"));
    assert!(
        finding
            .readings
            .iter()
            .all(|reading| reading.value.is_none())
    );
}

#[test]
fn loss_and_times_are_counted_over_the_requests() {
    let readings = readings(4, &trips(&[10, 20, 12]));
    let value = |field: &str| {
        let reading = readings.iter().find(|r| r.field == field).unwrap();
        reading.value
    };
    assert_eq!(value("loss"), Some(25.0));
    assert_eq!(value("rtt_min"), Some(0.010));
    assert!((value("rtt_avg").unwrap() - 0.014).abs() < 1e-12);
    assert_eq!(value("rtt_max"), Some(0.020));
    assert!((value("jitter").unwrap() - 0.009).abs() < 1e-12);
}

#[test]
fn a_lost_target_has_full_loss_and_unknown_times() {
    let readings = readings(3, &[]);
    assert_eq!(readings[0].value, Some(100.0));
    assert!(readings[1..5].iter().all(|reading| reading.value.is_none()));
}

#[test]
fn counts_and_sizes_out_of_bounds_are_moved_to_the_nearer_end() {
    let options = PingOptions {
        count: 0,
        payload: 0,
        ..PingOptions::new("192.0.2.1")
    };
    let ping = Ping::new(&Pinger::new(), options);
    assert_eq!((ping.options.count, ping.options.payload), (1, 16));
}
