//! What a message costs, beside curl and aiosmtpd's own client in the same run.
//! `cargo bench -p rem-notify`
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rem_bench::{Report, Who, measure};
use rem_notify::{Body, Contact, Kind, MailReply, Outgoing, Post, PostOffice, Smtp, Webhook};
use rem_time::Timestamp;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const MESSAGES: u64 = 10_000;
const AT_A_TIME: u64 = 64;
const MAILS: u64 = 1_000;
const DEADLINE: Duration = Duration::from_secs(60);

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("http-receiver") => return http_receiver(),
        Some("mail-receiver") => return mail_receiver(),
        Some(_) | None => {}
    }
    let mut report = Report::new(
        "rem-notify",
        "receivers in processes of their own, 64 messages at a time over kept connections",
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    webhooks(&mut report, &runtime);
    mails(&mut report, &runtime);
    parts(&mut report);
}

fn webhooks(report: &mut Report, runtime: &Runtime) {
    let receiver = Receiver::start("http-receiver");
    let url = format!("http://127.0.0.1:{}/hook", receiver.port);
    let plain = Contact::webhook(&url).unwrap();
    let webhook = Webhook::new(&url).unwrap().body(Body::Alertmanager);
    let alertmanager = Contact::Webhook(webhook.signed_with("k3y"));
    let office = Arc::new(PostOffice::new());
    let ours = deliver(runtime, &office, &plain, MESSAGES);
    report.row("webhook, our body", ours.0, "us CPU/delivery", "<= 60");
    report.row(
        "10,000 webhooks, CPU",
        ours.0 * MESSAGES as f64 / 1e6,
        "s",
        "<= 1.0",
    );
    report.row("10,000 webhooks, wall", ours.1, "s", "<= 2.0");
    let signed = deliver(runtime, &office, &alertmanager, MESSAGES);
    report.row(
        "webhook, Alertmanager v4, signed",
        signed.0,
        "us CPU/delivery",
        "<= 60",
    );
    match curl(&url) {
        Some(theirs) => report.ratio("webhook, against curl", ours.0, theirs, "<= 1.0"),
        None => report.note("curl is not installed, no comparison"),
    }
}

fn mails(report: &mut Report, runtime: &Runtime) {
    let receiver = Receiver::start("mail-receiver");
    let url = format!("smtp://127.0.0.1:{}", receiver.port);
    let smtp = Smtp::new(&url, "REM <rem@example.com>").unwrap();
    let office = Arc::new(PostOffice::new().mail_through(smtp));
    let ann = Contact::mail("ann@example.com").unwrap();
    let ours = deliver(runtime, &office, &ann, MAILS);
    report.row("mail, text and HTML", ours.0, "us CPU/delivery", "<= 300");
    match python(receiver.port) {
        Some(theirs) => report.ratio("mail, against Python's smtplib", ours.0, theirs, "<= 1.0"),
        None => report.note("/usr/bin/python3 is not installed, no comparison"),
    }
}

fn parts(report: &mut Report) {
    let mail = b"From: Ann <ann@example.com>\r\nTo: rem+t0ken@example.com\r\n\
        Subject: Re: [REM 7F3K-19] web-01\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        ack 30, on it\r\n\r\nOn Sat, 21 Nov 2026 REM wrote:\r\n> apache/http: no answer\r\n";
    let cost = measure(Who::Thread, 3, || {
        for _ in 0..10_000 {
            std::hint::black_box(MailReply::parse(mail).unwrap());
        }
        10_000
    });
    report.row("a reply read", cost.cpu_ns() / 1e3, "us CPU/mail", "<= 50");
}

/// Microseconds of CPU for one delivery and seconds for all, best of three.
fn deliver(
    runtime: &Runtime,
    office: &Arc<PostOffice>,
    contact: &Contact,
    count: u64,
) -> (f64, f64) {
    let mut wall = f64::MAX;
    let cost = measure(Who::Process, 3, || {
        let began = Instant::now();
        runtime.block_on(async {
            let mut senders = JoinSet::new();
            for first in 0..AT_A_TIME {
                let (office, contact) = (Arc::clone(office), contact.clone());
                senders.spawn(async move {
                    for n in (first..count).step_by(AT_A_TIME as usize) {
                        office.send(&page(n), &contact, DEADLINE).await.unwrap();
                    }
                });
            }
            while let Some(done) = senders.join_next().await {
                done.unwrap();
            }
        });
        wall = wall.min(began.elapsed().as_secs_f64());
        count
    });
    (cost.cpu_ns() / 1e3, wall)
}

fn page(n: u64) -> Outgoing {
    let mut page = Outgoing::new(
        format!("web-down/web-{n}#1.1"),
        Kind::Page,
        format!("web-{n} does not answer"),
        "apache/http: no answer for 30 s",
        Timestamp::from_seconds(1_282_114_491),
    );
    page.tag = Some("7F3K-19".into());
    page.reply_token = Some("dGhpcyBpcyBhIHRva2VuIG9mIGEgdXNlcg".into());
    page.json = json!({"alerts": [{
        "labels": {"alertname": "web-down", "machine": format!("web-{n}"), "site": "acme"},
        "annotations": {"summary": "no answer"}, "status": "firing",
        "starts_at": "2026-11-21T10:00:00Z", "url": "https://rem.example.com/e/1",
    }]});
    page
}

/// One curl with one connection for a thousand POSTs.
fn curl(url: &str) -> Option<f64> {
    let mut config = String::new();
    for n in 0..1000 {
        if n > 0 {
            config.push_str("next\n");
        }
        let body = page(n).json.to_string().replace('"', "\\\"");
        config.push_str(&format!("url={url}\noutput=/dev/null\ndata=\"{body}\"\n"));
    }
    Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .ok()?;
    let cost = measure(Who::WithChildren, 3, || {
        let mut curl = Command::new("curl")
            .args(["-s", "-K", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        curl.stdin
            .take()
            .unwrap()
            .write_all(config.as_bytes())
            .unwrap();
        assert!(curl.wait().unwrap().success());
        1000
    });
    Some(cost.cpu_ns() / 1e3)
}

/// Python's smtplib and email, one connection.
fn python(port: u16) -> Option<f64> {
    let program = format!(
        "import smtplib\nfrom email.message import EmailMessage\n\
         s = smtplib.SMTP('127.0.0.1', {port})\n\
         for n in range({MAILS}):\n\
         \x20   m = EmailMessage()\n\
         \x20   m['From'] = 'REM <rem@example.com>'\n\
         \x20   m['To'] = 'ann@example.com'\n\
         \x20   m['Subject'] = f'[REM 7F3K-19] web-{{n}} does not answer'\n\
         \x20   m['Message-ID'] = f'<web-down.{{n}}@example.com>'\n\
         \x20   m.set_content('apache/http: no answer for 30 s')\n\
         \x20   m.add_alternative('<p>apache/http: no answer for 30 s</p>', subtype='html')\n\
         \x20   s.send_message(m)\n"
    );
    Command::new("/usr/bin/python3")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .ok()?;
    let cost = measure(Who::WithChildren, 1, || {
        let status = Command::new("/usr/bin/python3")
            .args(["-c", &program])
            .status();
        assert!(status.unwrap().success());
        MAILS
    });
    Some(cost.cpu_ns() / 1e3)
}

/// This program again, as the other side.
struct Receiver {
    process: Child,
    stdin: Option<ChildStdin>,
    port: u16,
}

impl Receiver {
    fn start(kind: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg(kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        Self {
            stdin: process.stdin.take(),
            process,
            port: line.trim().parse().unwrap(),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// Ends with the program that started it.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
}

fn http_receiver() {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper::{Request, Response, body::Incoming, service::service_fn};

    end_with_parent();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let stream = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| async move {
                    let _ = request.into_body().collect().await;
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
                });
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(stream, service).await;
            });
        }
    });
}

/// As much of a mail server as takes every mail.
fn mail_receiver() {
    end_with_parent();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    for stream in listener.incoming() {
        std::thread::spawn(move || take_mails(stream.unwrap()));
    }
}

fn take_mails(stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut out = stream.try_clone().unwrap();
    let _ = out.write_all(b"220 bench\r\n");
    let mut in_mail = false;
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer: &[u8] = match (in_mail, line.as_str()) {
            (true, ".") => {
                in_mail = false;
                b"250 queued as 1\r\n"
            }
            (true, _) => continue,
            (false, word) if word.eq_ignore_ascii_case("data") => {
                in_mail = true;
                b"354 go\r\n"
            }
            (false, _) => b"250 ok\r\n",
        };
        if out.write_all(answer).is_err() {
            return;
        }
    }
}
