//! Debian's monitoring-plugins, as they are.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use rem_check::{Plugin, PluginOptions, Report, Verdict};
use rem_time::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{answering, nobody, serve};
use crate::{expect_part, run};

const FOLDER: &str = "/usr/lib/nagios/plugins";

async fn plugin(line: &str) -> Report {
    let name = line.split(' ').next().unwrap();
    let there = Path::new(FOLDER).join(name).exists();
    assert!(
        there,
        "{name} is missing: install the Debian packages monitoring-plugins-basic and monitoring-plugins-standard"
    );
    let mut options = PluginOptions::parse(&format!("{FOLDER}/{line}")).unwrap();
    options.deadline = Span::from_seconds(60);
    run(&Plugin::new(options).unwrap()).await
}

#[track_caller]
fn expect(report: &Report, verdict: Verdict, part: &str, readings: &[&str]) {
    expect_part(report, verdict, part);
    for field in readings {
        let reading = report
            .readings
            .iter()
            .find(|reading| reading.field == *field);
        assert!(
            reading.is_some_and(|reading| reading.value.is_some()),
            "{field}: {report:?}"
        );
    }
}

/// Greets, and answers every line with the next of these.
async fn talker(greeting: &'static str, answers: &'static [&'static str]) -> SocketAddr {
    serve(move |mut stream| async move {
        let _ = stream.write_all(greeting.as_bytes()).await;
        let mut buffer = [0; 1024];
        for answer in answers {
            if !matches!(stream.read(&mut buffer).await, Ok(1..)) {
                return;
            }
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        let _ = stream.read(&mut buffer).await;
    })
    .await
}

#[tokio::test]
async fn dummy_says_each_verdict() {
    for (status, verdict) in [
        (0, Verdict::Ok),
        (1, Verdict::Warning),
        (2, Verdict::Critical),
        (3, Verdict::Unknown),
    ] {
        expect(
            &plugin(&format!("check_dummy {status} 'so it is'")).await,
            verdict,
            "so it is",
            &[],
        );
    }
    expect(
        &plugin("negate -s /usr/lib/nagios/plugins/check_dummy 0 x").await,
        Verdict::Critical,
        "x",
        &[],
    );
    let line = "urlize http://web/ /usr/lib/nagios/plugins/check_dummy 1 seen";
    expect(&plugin(line).await, Verdict::Warning, "seen", &[]);
}

#[tokio::test]
async fn plugins_about_this_machine() {
    let report = plugin("check_load -w 1000,1000,1000 -c 2000,2000,2000").await;
    expect(
        &report,
        Verdict::Ok,
        "load average",
        &["load1", "load5", "load15"],
    );
    let bounds = report.readings[0].bounds.as_ref().unwrap();
    assert!(bounds.warning.unwrap().is_bad(1001.0) && bounds.critical.unwrap().is_bad(2001.0));
    assert_eq!(bounds.min, Some(0.0));
    expect(
        &plugin("check_load -w 0,0,0 -c 1000,1000,1000 -r").await,
        Verdict::Warning,
        "",
        &["load1"],
    );

    expect(
        &plugin("check_procs -w 1:100000 -c 1:").await,
        Verdict::Ok,
        "processes",
        &["procs"],
    );
    expect(
        &plugin("check_procs -c 5: -C no-such-name").await,
        Verdict::Critical,
        "0 processes",
        &[],
    );
    let report = plugin("check_disk -w 0% -c 0% -p /").await;
    expect(&report, Verdict::Ok, "free space", &["/"]);
    assert!(report.readings[0].bounds.as_ref().unwrap().max.unwrap() > 1e6);
    expect(
        &plugin("check_users -w 1000 -c 2000").await,
        Verdict::Ok,
        "users",
        &["users"],
    );
    // Machines with and without swap.
    let report = plugin("check_swap -w 1% -c 0% -n ok").await;
    assert!(report.message.contains("SWAP"), "{report}");
    expect(
        &plugin("check_apt --no-such-option").await,
        Verdict::Unknown,
        "",
        &[],
    );
}

#[tokio::test]
async fn plugins_about_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.log");
    std::fs::write(&file, "fine\nERROR one\n").unwrap();
    let file = file.display();
    let report = plugin(&format!("check_file_age -w 1000 -c 2000 -f {file}")).await;
    expect(&report, Verdict::Ok, "seconds old", &["age", "size"]);
    assert_eq!(report.value(None, "size"), Some(15.0));
    let old = format!("{}/seen", folder.path().display());
    // The first look only remembers what is there.
    plugin(&format!("check_log -F {file} -O {old} -q ERROR")).await;
    std::fs::write(file.to_string(), "fine\nERROR one\nERROR two\n").unwrap();
    let report = plugin(&format!("check_log -F {file} -O {old} -q ERROR")).await;
    expect(&report, Verdict::Critical, "ERROR two", &[]);
    let report = plugin(&format!("check_nagios -F {file} -e 5 -C /no/such/nagios")).await;
    assert_ne!(report.verdict, Verdict::Ok, "{report}");
}

#[tokio::test]
async fn plugins_about_servers_that_answer() {
    let tcp = talker("hello\r\n", &[]).await;
    let report = plugin(&format!(
        "check_tcp -H 127.0.0.1 -p {} -e hello",
        tcp.port()
    ))
    .await;
    expect(&report, Verdict::Ok, "TCP OK", &["time"]);

    let http = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let report = plugin(&format!(
        "check_http -I 127.0.0.1 -p {} -w 50 -c 60",
        http.port()
    ))
    .await;
    expect(&report, Verdict::Ok, "200 OK", &["time", "size"]);
    assert!(report.readings[0].bounds.as_ref().unwrap().max.is_some());

    let smtp = talker("220 mail ESMTP\r\n", &["250 mail\r\n", "221 bye\r\n"]).await;
    let report = plugin(&format!("check_smtp -H 127.0.0.1 -p {}", smtp.port())).await;
    expect(&report, Verdict::Ok, "SMTP OK", &["time"]);

    let ftp = talker("220 files\r\n", &["221 bye\r\n"]).await;
    let report = plugin(&format!("check_ftp -H 127.0.0.1 -p {}", ftp.port())).await;
    expect(&report, Verdict::Ok, "FTP OK", &["time"]);

    let imap = talker("* OK ready\r\n", &["* BYE\r\na1 OK\r\n"]).await;
    let report = plugin(&format!("check_imap -H 127.0.0.1 -p {}", imap.port())).await;
    expect(&report, Verdict::Ok, "IMAP OK", &["time"]);

    let pop = talker("+OK ready\r\n", &["+OK bye\r\n"]).await;
    let report = plugin(&format!("check_pop -H 127.0.0.1 -p {}", pop.port())).await;
    expect(&report, Verdict::Ok, "POP OK", &["time"]);

    let ssh = talker("SSH-2.0-OpenSSH_9.2\r\n", &[]).await;
    let report = plugin(&format!("check_ssh -p {} 127.0.0.1", ssh.port())).await;
    expect(&report, Verdict::Ok, "SSH OK", &["time"]);
}

#[tokio::test]
async fn plugins_about_datagrams() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let peer = std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let (_, from) = socket.recv_from(&mut buffer).unwrap();
        socket.send_to(b"pong", from).unwrap();
    });
    let report = plugin(&format!("check_udp -H 127.0.0.1 -p {port} -s ping -e pong")).await;
    expect(&report, Verdict::Ok, "UDP OK", &["time"]);
    peer.join().unwrap();
    expect(
        &plugin("check_ping -H 127.0.0.1 -w 1000,50% -c 2000,80% -p 1").await,
        Verdict::Ok,
        "PING OK",
        &["rta", "pl"],
    );
}

#[tokio::test]
async fn plugins_about_servers_that_do_not_answer() {
    let nobody = nobody().await.port();
    for line in [
        format!("check_ssh -p {nobody} 127.0.0.1"),
        format!("check_tcp -H 127.0.0.1 -p {nobody}"),
        format!("check_http -I 127.0.0.1 -p {nobody}"),
        format!("check_time -H 127.0.0.1 -p {nobody}"),
        format!("check_ntp_time -H 127.0.0.1 -p {nobody} -t 1"),
    ] {
        let report = plugin(&line).await;
        assert!(
            matches!(report.verdict, Verdict::Critical | Verdict::Unknown),
            "{line}: {report}"
        );
        assert!(
            !report.message.contains("did not say why"),
            "{line}: {report}"
        );
    }
}
