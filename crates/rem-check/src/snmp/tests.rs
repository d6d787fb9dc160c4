//! Agents that do not behave.

use std::sync::Arc;

use tokio::net::UdpSocket;

use super::ber::{INTEGER, OBJECT, OCTETS, Reader, SEQUENCE, Writer};
use super::*;
use crate::Report;

/// A request as an agent reads it.
struct Asked {
    version: i32,
    tag: u8,
    id: i32,
    oids: Vec<Oid>,
}

/// What an agent says: error status, its index, and objects with integers.
type Said = (i32, i32, Vec<(Oid, i32)>);

/// An agent of versions 1 and 2c; `None` is silence. Ends with the test.
async fn agent(mut say: impl FnMut(Asked) -> Option<Said> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let asked = read(&buffer[..length]);
            let (version, id) = (asked.version, asked.id);
            if let Some(said) = say(asked) {
                let answer = write(version, id, &said);
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    address
}

fn read(packet: &[u8]) -> Asked {
    let mut message = Reader::new(packet).sequence("message").unwrap();
    let version = message.integer("version").unwrap();
    message.expect(OCTETS, "community").unwrap();
    let (tag, request) = message.element().unwrap();
    let mut request = Reader::new(request);
    let id = request.integer("id").unwrap();
    request.expect(INTEGER, "status").unwrap();
    request.expect(INTEGER, "index").unwrap();
    let mut list = request.sequence("variables").unwrap();
    let mut oids = Vec::new();
    while !list.is_empty() {
        let mut binding = list.sequence("variable").unwrap();
        oids.push(ber::oid(binding.expect(OBJECT, "name").unwrap()).unwrap());
    }
    Asked {
        version,
        tag,
        id,
        oids,
    }
}

fn write(version: i32, id: i32, (status, index, bindings): &Said) -> Vec<u8> {
    let mut to = Writer::default();
    for (oid, value) in bindings.iter().rev() {
        let end = to.len();
        to.integer(*value);
        to.oid(oid);
        to.wrap(SEQUENCE, end);
    }
    to.wrap(SEQUENCE, 0);
    to.integer(*index);
    to.integer(*status);
    to.integer(id);
    to.wrap(0xa2, 0);
    to.element(OCTETS, b"public");
    to.integer(version);
    to.wrap(SEQUENCE, 0);
    to.finish()
}

fn options(agent: SocketAddr) -> SnmpOptions {
    let community = "public".into();
    SnmpOptions {
        port: agent.port(),
        deadline: Span::from_seconds(60),
        timeout: Span::from_seconds(20),
        ..SnmpOptions::new("127.0.0.1", SnmpVersion::V2c { community })
    }
}

fn getting(agent: SocketAddr, count: u32) -> SnmpOptions {
    let object = |index| SnmpObject::new(format!("n{index}"), format!("1.3.{index}"));
    SnmpOptions {
        get: (1..=count).map(object).collect(),
        ..options(agent)
    }
}

fn walking(agent: SocketAddr) -> SnmpOptions {
    SnmpOptions {
        tables: vec![SnmpTable {
            columns: vec![SnmpObject::new("x", "1.3.1")],
            rows_max: 50,
            ..SnmpTable::new("things")
        }],
        ..options(agent)
    }
}

async fn run(options: SnmpOptions) -> Report {
    let check = Snmp::new(&SnmpSockets::new(), options).unwrap();
    check.run(Timestamp::EPOCH).await
}

#[track_caller]
fn expect(report: &Report, verdict: Verdict, part: &str) {
    assert_eq!(report.verdict, verdict, "{report}");
    assert!(report.message.contains(part), "{report}");
}

/// Each object is its last number.
fn values(oids: Vec<Oid>) -> Vec<(Oid, i32)> {
    let value = |oid: &Oid| *oid.arcs().last().unwrap() as i32;
    oids.into_iter()
        .map(|oid| (oid.clone(), value(&oid)))
        .collect()
}

#[tokio::test]
async fn a_lost_packet_is_sent_again() {
    let mut asked = 0;
    let peer = agent(move |request| {
        asked += 1;
        (asked == 2).then(|| (0, 0, values(request.oids)))
    })
    .await;
    let report = run(SnmpOptions {
        timeout: Span::from_millis(50),
        retries: 100,
        ..getting(peer, 2)
    })
    .await;
    expect(&report, Verdict::Ok, "2 objects");
    assert_eq!(report.value(None, "n2"), Some(2.0));
}

#[tokio::test]
async fn an_object_with_an_error_leaves_the_others() {
    let peer = agent(|request| {
        let bad = |oid: &Oid| [2, 5].contains(oid.arcs().last().unwrap());
        Some(match request.oids.iter().position(bad) {
            Some(at) => (5, at as i32 + 1, Vec::new()),
            None => (0, 0, values(request.oids)),
        })
    })
    .await;
    let report = run(getting(peer, 6)).await;
    expect(&report, Verdict::Warning, "4 of 6 objects");
    expect(&report, Verdict::Warning, "n2 general error (1.3.2)");
    assert_eq!(report.value(None, "n6"), Some(6.0));
}

#[tokio::test]
async fn an_agent_with_little_room_is_asked_for_less() {
    let peer = agent(|request| {
        Some(match request.oids.len() {
            0..=3 => (0, 0, values(request.oids)),
            _ => (pdu::TOO_BIG, 0, Vec::new()),
        })
    })
    .await;
    expect(&run(getting(peer, 40)).await, Verdict::Ok, "40 objects");
}

#[tokio::test]
async fn an_agent_without_room_for_anything_is_unknown() {
    let peer = agent(|_| Some((pdu::TOO_BIG, 0, Vec::new()))).await;
    let report = run(getting(peer, 3)).await;
    expect(&report, Verdict::Unknown, "n1 the answer would be too big");
    let report = run(walking(peer)).await;
    expect(
        &report,
        Verdict::Critical,
        "the answer would be too big: 1.3.1",
    );
}

#[tokio::test]
async fn answers_in_another_order_and_with_holes_find_their_objects() {
    let peer = agent(|request| {
        let mut values = values(request.oids);
        values.reverse();
        values.remove(0);
        Some((0, 0, values))
    })
    .await;
    let report = run(getting(peer, 3)).await;
    expect(&report, Verdict::Warning, "n3 missing in the answer");
    assert_eq!(report.value(None, "n1"), Some(1.0));
}

#[tokio::test]
async fn a_walk_in_a_circle_ends() {
    let peer = agent(|request| {
        assert_eq!(request.tag, 0xa5);
        let rows = [1, 2, 3, 1].map(|row| (Oid::from(vec![1, 3, 1, row]), 7));
        Some((0, 0, rows.to_vec()))
    })
    .await;
    let report = run(walking(peer)).await;
    expect(&report, Verdict::Critical, "do not increase");
    assert_eq!(report.value(Some("3"), "x"), Some(7.0));
}

#[tokio::test]
async fn an_endless_table_ends_at_its_limit() {
    let peer = agent(|request| {
        let mut arcs = request.oids[0].arcs().to_vec();
        match arcs.len() {
            3 => arcs.push(1),
            _ => arcs[3] += 1,
        }
        Some((0, 0, vec![(Oid::from(arcs), 7)]))
    })
    .await;
    let report = run(walking(peer)).await;
    expect(
        &report,
        Verdict::Warning,
        "table things has more than 50 rows",
    );
}

#[tokio::test]
async fn a_walk_that_stalls_keeps_what_it_has() {
    let peer = agent(|request| {
        let rows = [1, 2].map(|row| (Oid::from(vec![1, 3, 1, row]), 7));
        (request.oids[0].arcs().len() == 3).then(|| (0, 0, rows.to_vec()))
    })
    .await;
    let report = run(SnmpOptions {
        deadline: Span::from_seconds(1),
        ..walking(peer)
    })
    .await;
    expect(&report, Verdict::Critical, "did not tell all within 1s");
    assert_eq!(report.value(Some("2"), "x"), Some(7.0));
    assert_eq!(report.value(None, "duration"), None);
}

#[tokio::test]
async fn packets_of_strangers_and_garbage_do_not_count() {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let asked = read(&buffer[..length]);
            let said = |value| (0, 0, vec![(asked.oids[0].clone(), value)]);
            let answer = |id, value| write(asked.version, id, &said(value));
            stranger.send_to(&answer(asked.id, 1), from).await.unwrap();
            let from_us = [
                answer(asked.id ^ 1, 2),
                write(0, asked.id, &said(3)),
                b"garbage".to_vec(),
                Vec::new(),
                answer(asked.id, 4),
                answer(asked.id, 5),
            ];
            for packet in from_us {
                socket.send_to(&packet, from).await.unwrap();
            }
        }
    });
    let report = run(getting(peer, 1)).await;
    assert_eq!(report.value(None, "n1"), Some(4.0), "{report}");
}

#[tokio::test]
async fn a_malformed_answer_is_critical() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        // What we asked is no answer to it.
        socket.send_to(&buffer[..length], from).await.unwrap();
    });
    let report = run(getting(peer, 1)).await;
    expect(&report, Verdict::Critical, "malformed answer");
}

#[tokio::test]
async fn requests_that_are_given_up_leave_nothing_behind() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    let sockets = SnmpSockets::new();
    let check = Snmp::new(&sockets, getting(peer, 1)).unwrap();
    let given_up = tokio::time::timeout(
        std::time::Duration::from_millis(1),
        check.run(Timestamp::EPOCH),
    );
    assert!(given_up.await.is_err());
    assert_eq!(sockets.to(peer).unwrap().under_way(), 0);
}
