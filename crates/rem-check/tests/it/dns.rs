//! Against a real BIND, and against servers that do what BIND never would.

use std::net::SocketAddr;
use std::process::Command;

use rem_check::{Dns, DnsAssertion, DnsClient, DnsKind, DnsOptions, Rcode, Report, Verdict};
use rem_time::Span;
use tokio::net::UdpSocket;

use crate::daemon::{Daemon, free_port, write};
use crate::{expect, expect_part, run};

const ZONE: &str = "\
$TTL 300
@ IN SOA ns1.example.test. Admin.example.test. 2026112101 3600 600 86400 60
@ IN NS ns1.example.test.
@ IN NS ns2.example.test.
@ IN MX 10 mail.example.test.
@ IN MX 20 backup.example.test.
@ IN TXT \"v=spf1 \" \"-all\"
@ IN CAA 0 issue \"ca.example\"
ns1 IN A 192.0.2.1
ns2 IN A 192.0.2.2
www 60 IN A 192.0.2.10
www 60 IN A 192.0.2.11
www IN AAAA 2001:db8::10
alias IN CNAME www
_sip._udp IN SRV 0 5 5060 sip.example.test.
";

async fn bind() -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap().to_owned();
    let mut zone = ZONE.to_owned();
    // Far more than fits a packet.
    for number in 0..40 {
        let text = "x".repeat(100);
        zone += &format!("big IN TXT \"{number} {text}\"\n");
    }
    write(&folder, "zone", &zone);
    let reverse = "$TTL 300\n@ IN SOA ns1.example.test. a.example.test. 1 1 1 1 1\n\
                   @ IN NS ns1.example.test.\n10 IN PTR www.example.test.\n";
    write(&folder, "reverse", reverse);
    let address = free_port();
    let port = address.port();
    let conf = format!(
        "options {{ directory \"{root}\"; listen-on port {port} {{ 127.0.0.1; }};
           listen-on-v6 {{ none; }}; pid-file none; session-keyfile none; lock-file none;
           recursion no; dnssec-validation no; notify no; }};
         controls {{ }};
         zone \"example.test\" {{ type primary; file \"zone\"; }};
         zone \"2.0.192.in-addr.arpa\" {{ type primary; file \"reverse\"; }};"
    );
    let conf = write(&folder, "named.conf", &conf);
    let mut command = Command::new("named");
    command.args(["-g", "-n", "1", "-c", &conf]);
    Daemon::start(command, "bind9", address, folder).await
}

fn options(server: SocketAddr, name: &str, kind: DnsKind) -> DnsOptions {
    DnsOptions {
        server: Some(server.to_string()),
        deadline: Span::from_seconds(30),
        ..DnsOptions::new(name, kind)
    }
}

async fn ask(options: DnsOptions) -> Report {
    run(&Dns::new(&DnsClient::new(), options).unwrap()).await
}

fn texts(records: &[&str]) -> Vec<String> {
    records.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn every_sort_of_record_is_read_from_a_real_server() {
    let bind = bind().await;
    let soa = "ns1.example.test admin.example.test 2026112101 3600 600 86400 60";
    let records: [(&str, DnsKind, &[&str]); 10] = [
        (
            "www.example.test",
            DnsKind::A,
            &["192.0.2.11", "192.0.2.10"],
        ),
        ("WWW.example.test.", DnsKind::Aaaa, &["2001:db8:0::10"]),
        ("alias.example.test", DnsKind::Cname, &["WWW.example.test."]),
        (
            "alias.example.test",
            DnsKind::A,
            &["192.0.2.10", "192.0.2.11"],
        ),
        (
            "example.test",
            DnsKind::Mx,
            &["20 backup.example.test", "10 mail.example.test."],
        ),
        (
            "example.test",
            DnsKind::Ns,
            &["ns1.example.test", "ns2.example.test"],
        ),
        ("example.test", DnsKind::Txt, &["v=spf1 -all"]),
        ("example.test", DnsKind::Caa, &["0 issue \"ca.example\""]),
        (
            "_sip._udp.example.test",
            DnsKind::Srv,
            &["0 5 5060 sip.example.test"],
        ),
        ("192.0.2.10", DnsKind::Ptr, &["www.example.test"]),
    ];
    let client = DnsClient::new();
    for (name, kind, expected) in records {
        let options = DnsOptions {
            assertions: vec![DnsAssertion::Exactly(texts(expected))],
            authoritative: Some(true),
            ..options(bind.address, name, kind)
        };
        let report = run(&Dns::new(&client, options).unwrap()).await;
        expect_part(
            &report,
            Verdict::Ok,
            &format!("{}: {name} {kind} in ", bind.address),
        );
        assert_eq!(report.value(None, "records"), Some(expected.len() as f64));
        assert_eq!(report.value(None, "rcode"), Some(0.0));
        assert_eq!(report.value(None, "tries"), Some(1.0));
        assert!(report.value(None, "answer").unwrap() > 0.0);
    }
    let options = DnsOptions {
        assertions: vec![DnsAssertion::Exactly(texts(&[soa]))],
        ..options(bind.address, "example.test", DnsKind::Soa)
    };
    let report = ask(options).await;
    expect_part(&report, Verdict::Ok, soa);
    assert_eq!(report.value(None, "serial"), Some(2_026_112_101.0));
    assert_eq!(report.value(None, "ttl"), Some(300.0));
}

#[tokio::test]
async fn what_is_not_as_asserted_is_told() {
    let bind = bind().await;
    let assertions = vec![
        DnsAssertion::Exactly(texts(&["192.0.2.10", "192.0.2.99"])),
        DnsAssertion::Contains("192.0.2.98".into()),
        DnsAssertion::Lacks("192.0.2.10".into()),
        DnsAssertion::Matches("^10\\.".into()),
        DnsAssertion::AtLeast(3),
        DnsAssertion::AtMost(1),
    ];
    let options = DnsOptions {
        assertions,
        authoritative: Some(false),
        ..options(bind.address, "www.example.test", DnsKind::A)
    };
    let report = ask(options).await;
    for part in [
        "www.example.test A: the answer is authoritative, 192.0.2.99 is missing, \
         192.0.2.11 is too much, 192.0.2.98 is not among 192.0.2.1",
        "192.0.2.10 is there, \"^10\\\\.\" matches none of 192.0.2.1",
        "2 records, expected at least 3, 2 records, expected at most 1",
    ] {
        expect_part(&report, Verdict::Critical, part);
    }
    assert_eq!(report.value(None, "records"), Some(2.0));
}

#[tokio::test]
async fn response_codes_are_judged() {
    let bind = bind().await;
    let server = bind.address;
    let report = ask(options(server, "lost.example.test", DnsKind::A)).await;
    let message = format!("{server} answered NXDOMAIN for lost.example.test A, expected NOERROR");
    expect(&report, Verdict::Critical, &message);
    assert_eq!(report.value(None, "rcode"), Some(3.0));
    let expected = DnsOptions {
        rcode: Rcode::NxDomain,
        ..options(server, "lost.example.test", DnsKind::A)
    };
    expect_part(&ask(expected).await, Verdict::Ok, ": NXDOMAIN");
    let report = ask(options(server, "a.example.org", DnsKind::A)).await;
    expect_part(
        &report,
        Verdict::Critical,
        "answered REFUSED for a.example.org A",
    );
    let report = ask(options(server, "ns1.example.test", DnsKind::Mx)).await;
    expect_part(
        &report,
        Verdict::Critical,
        "ns1.example.test MX: there is no such record",
    );
    let none = DnsOptions {
        assertions: vec![DnsAssertion::AtMost(0)],
        ..options(server, "ns1.example.test", DnsKind::Mx)
    };
    expect_part(&ask(none).await, Verdict::Ok, "ns1.example.test MX in ");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_fetched_over_tcp() {
    let bind = bind().await;
    for tcp in [false, true] {
        let options = DnsOptions {
            tcp,
            assertions: vec![DnsAssertion::AtLeast(40)],
            ..options(bind.address, "big.example.test", DnsKind::Txt)
        };
        let report = ask(options).await;
        expect_part(&report, Verdict::Ok, "and 35 more");
        assert_eq!(report.value(None, "records"), Some(40.0));
    }
}

#[tokio::test]
async fn hundreds_of_questions_share_one_socket() {
    let bind = bind().await;
    let client = DnsClient::new();
    let mut asking = tokio::task::JoinSet::new();
    for index in 0..300 {
        let (name, record) = match index % 2 {
            0 => ("ns1.example.test", "192.0.2.1"),
            _ => ("ns2.example.test", "192.0.2.2"),
        };
        let options = DnsOptions {
            assertions: vec![DnsAssertion::Exactly(texts(&[record]))],
            ..options(bind.address, name, DnsKind::A)
        };
        let dns = Dns::new(&client, options).unwrap();
        asking.spawn(async move { run(&dns).await });
    }
    while let Some(report) = asking.join_next().await {
        expect_part(&report.unwrap(), Verdict::Ok, ".example.test A in ");
    }
}

/// A server that says to each question whatever `say` makes of it.
async fn rogue(say: impl Fn(Vec<u8>) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = vec![0; 2000];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            for answer in say(packet[..length].to_vec()) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}

fn short(server: SocketAddr) -> DnsOptions {
    DnsOptions {
        deadline: Span::from_millis(300),
        ..options(server, "a.example", DnsKind::A)
    }
}

/// The question as an answer without records.
fn empty(mut question: Vec<u8>) -> Vec<u8> {
    question[2] |= 0x80;
    question
}

#[tokio::test]
async fn answers_that_cannot_be_ours_are_not_believed() {
    let wrong_number = rogue(|question| {
        let mut answer = empty(question);
        answer[0] ^= 1;
        vec![answer]
    });
    let wrong_name = rogue(|question| {
        let mut answer = empty(question);
        answer[13] = b'b';
        vec![answer]
    });
    let echo = rogue(|question| vec![question, vec![0xff; 3], Vec::new()]);
    for server in [wrong_number.await, wrong_name.await, echo.await] {
        let report = ask(short(server)).await;
        let message = format!("no answer from {server} within 300ms");
        expect(&report, Verdict::Critical, &message);
        assert_eq!(report.value(None, "tries"), Some(3.0));
        assert_eq!(report.value(None, "records"), None);
    }
}

#[tokio::test]
async fn an_answer_from_another_server_is_not_believed() {
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = vec![0; 2000];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let _ = other.send_to(&empty(packet[..length].to_vec()), from).await;
        }
    });
    let report = ask(short(server)).await;
    expect_part(&report, Verdict::Critical, "no answer from ");
}

#[tokio::test]
async fn a_malformed_answer_is_told_apart() {
    let server = rogue(|question| {
        let mut answer = empty(question);
        // It promises a record and ends within it.
        answer[7] = 1;
        answer[11] = 0;
        vec![answer]
    });
    let server = server.await;
    let options = DnsOptions {
        deadline: Span::from_seconds(30),
        ..short(server)
    };
    let message = format!("{server}: the answer is malformed: ");
    expect_part(&ask(options).await, Verdict::Critical, &message);
}

#[tokio::test]
async fn a_lost_question_is_asked_again() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let server = rogue(move |question| {
        let is_third = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2;
        let answers = is_third.then(|| empty(question));
        answers.into_iter().collect()
    });
    let options = DnsOptions {
        deadline: Span::from_seconds(3),
        assertions: vec![DnsAssertion::AtMost(0)],
        ..short(server.await)
    };
    let report = ask(options).await;
    expect_part(&report, Verdict::Ok, "a.example A in ");
    assert_eq!(report.value(None, "tries"), Some(3.0));
}

#[tokio::test]
async fn a_truncated_answer_without_tcp_is_critical() {
    let server = rogue(|question| {
        let mut answer = empty(question);
        answer[2] |= 0x02;
        vec![answer]
    });
    let server = server.await;
    let message = format!("connection refused by {server}");
    expect(&ask(short(server)).await, Verdict::Critical, &message);
}

#[test]
fn options_that_cannot_work_are_refused_before_the_first_run() {
    let why = |options: DnsOptions| {
        Dns::new(&DnsClient::new(), options)
            .unwrap_err()
            .to_string()
    };
    let plain = || DnsOptions::new("a.example", DnsKind::A);
    let name = DnsOptions::new("a..b", DnsKind::A);
    assert_eq!(why(name), "not a name that DNS can carry: a..b");
    let server = DnsOptions {
        server: Some("no server".into()),
        ..plain()
    };
    assert!(why(server).starts_with("not a name server such as "));
    let record = DnsOptions {
        assertions: vec![DnsAssertion::Contains("www".into())],
        ..plain()
    };
    assert_eq!(why(record), "not a record of kind A: www");
    let pattern = DnsOptions {
        assertions: vec![DnsAssertion::Matches("(".into())],
        ..plain()
    };
    assert_eq!(why(pattern), "not a regular expression: (: unclosed group");
}
