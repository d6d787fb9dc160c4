//! Mails through aiosmtpd, which takes, refuses, greylists and keeps silent.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mailparse::MailHeaderMap;
use rem_notify::{Contact, MailContact, MailReply, Post, PostOffice, SendError, Sent, Smtp, Trust};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::tls::Identity;
use crate::{PATIENCE, page};

pub(crate) struct Peer {
    process: Child,
    _stdin: ChildStdin,
    port: u16,
    said: Receiver<Value>,
}

impl Peer {
    pub(crate) fn start(args: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/smtp.py");
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("/usr/bin/python3 is there (Debian package python3)");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str::<Value>(&line).unwrap());
            }
        });
        let first = said
            .recv_timeout(PATIENCE)
            .expect("aiosmtpd starts (Debian package python3-aiosmtpd)");
        Self {
            _stdin: process.stdin.take().unwrap(),
            process,
            port: u16::try_from(first["port"].as_u64().unwrap()).unwrap(),
            said,
        }
    }

    fn with_tls(mode: &str, identity: &Identity, more: &[&str]) -> Self {
        let (cert, key) = (identity.certificate_file(), identity.key_file());
        let cert = ["--mode", mode, "--cert", cert.to_str().unwrap(), "--key"];
        Self::start(&[&cert, [key.to_str().unwrap()].as_slice(), more].concat())
    }

    /// The way to it: `smtp://` and what follows the port.
    fn smtp(&self, scheme: &str, login: &str, query: &str) -> Smtp {
        let url = format!("{scheme}://{login}127.0.0.1:{}{query}", self.port);
        Smtp::new(&url, "REM <rem@example.com>").unwrap()
    }

    pub(crate) fn plain(&self) -> PostOffice {
        PostOffice::new().mail_through(self.smtp("smtp", "", ""))
    }

    /// The next mail it took; connections are passed over.
    fn mail(&self) -> Value {
        loop {
            let mut said = self.said.recv_timeout(PATIENCE).expect("a mail");
            if said.get("mail").is_some() {
                return said["mail"].take();
            }
        }
    }

    /// How many connections and mails it told of and nobody asked for.
    fn rest(self) -> (usize, usize) {
        drop(self._stdin);
        let mut process = self.process;
        process.wait().unwrap();
        let rest: Vec<Value> = self.said.iter().collect();
        let count = |key: &str| rest.iter().filter(|said| said.get(key).is_some()).count();
        (count("connection"), count("mail"))
    }
}

async fn send(office: &PostOffice, to: &str) -> Result<Sent, SendError> {
    let addresses = to.split_whitespace();
    let contact = Contact::Mail(MailContact::new(addresses).unwrap());
    office.send(&page("web-down.1"), &contact, PATIENCE).await
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let peer = Peer::start(&[]);
    let sent = send(&peer.plain(), "ann@example.com").await.unwrap();
    assert_eq!(sent.provider_id.as_deref(), Some("4F2C1A"));
    assert_eq!(sent.detail, "250 2.0.0 Ok: queued as 4F2C1A");
    let took = peer.mail();
    assert_eq!(took["from"], "rem@example.com");
    assert_eq!(took["to"][0], "ann@example.com");
    assert_eq!(took["hello"], "[127.0.0.1]");
    let data = took["data"].as_str().unwrap();
    let mail = mailparse::parse_mail(data.as_bytes()).unwrap();
    let header = |name| mail.headers.get_first_value(name).unwrap();
    assert_eq!(header("Subject"), "[REM 7F3K-19] web-01 does not answer");
    assert_eq!(header("Message-ID"), "<rem1.t0ken.web-down.1@example.com>");
    let text = mail.subparts[0].get_body().unwrap();
    assert!(
        text.starts_with("apache/http: no answer for 30 s\r\n.\r\n\u{fc}berall"),
        "{text}"
    );
    let own = MailReply::parse(data.as_bytes()).unwrap_err();
    assert_eq!(
        own.to_string(),
        "our own mail: web-down.1",
        "it is known when it comes back"
    );
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_mail() {
    let peer = Peer::start(&[]);
    let office = peer.plain();
    for to in [
        "ann@x.com",
        "refuse@x.com",
        "late@x.com",
        "bob@x.com",
        "full@x.com",
        "cho@x.com",
    ] {
        let _ = send(&office, to).await;
    }
    drop(office);
    assert_eq!(peer.rest(), (1, 3));
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_no_mail() {
    let peer = Peer::start(&[]);
    let office = peer.plain();
    for _ in 0..3 {
        send(&office, "bye@x.com").await.unwrap();
    }
    send(&office, "ann@x.com").await.unwrap();
    drop(office);
    assert_eq!(peer.rest().1, 4);
}

#[tokio::test]
async fn what_the_server_says_decides_whether_to_try_again() {
    let peer = Peer::start(&[]);
    let office = peer.plain();
    for (to, temporary, text) in [
        (
            "refuse@x.com",
            false,
            "recipient refused: 550 5.1.1 no such user here",
        ),
        (
            "late@x.com",
            false,
            "handing the mail over refused: 554 5.7.1 looks like spam",
        ),
        (
            "full@x.com",
            true,
            "recipient refused: 452 4.2.2 mailbox full",
        ),
        (
            "busy@x.com",
            true,
            "handing the mail over refused: 451 4.3.0 try later",
        ),
        (
            "refuse@x.com full@x.com",
            true,
            "recipient refused: 452 4.2.2 mailbox full",
        ),
    ] {
        let error = send(&office, to).await.unwrap_err();
        assert_eq!(error.text, format!("mail server 127.0.0.1: {text}"));
        assert_eq!(error.is_temporary(), temporary, "{to}");
    }
    drop(office);
    assert_eq!(peer.rest().1, 0);
}

#[tokio::test]
async fn a_server_that_dislikes_us_breaks_no_contact() {
    let peer = Peer::start(&[]);
    let url = format!("smtp://127.0.0.1:{}", peer.port);
    let smtp = Smtp::new(&url, "banned@example.com").unwrap();
    let office = PostOffice::new().mail_through(smtp);
    let error = send(&office, "ann@x.com").await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert!(error.text.contains("sender refused: 550 5.7.1"), "{error}");
}

#[tokio::test]
async fn a_greylisting_server_gets_the_mail_the_second_time() {
    let peer = Peer::start(&[]);
    let office = peer.plain();
    let error = send(&office, "grey@x.com").await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    send(&office, "grey@x.com").await.unwrap();
    drop(office);
    assert_eq!(peer.rest(), (1, 1));
}

#[tokio::test]
async fn of_several_addresses_those_that_work_get_the_mail() {
    let peer = Peer::start(&[]);
    let office = peer.plain();
    let sent = send(&office, "ann@x.com refuse@x.com bob@x.com")
        .await
        .unwrap();
    assert!(
        sent.detail
            .contains("not to refuse@x.com: recipient refused: 550"),
        "{}",
        sent.detail
    );
    assert_eq!(
        peer.mail()["to"],
        serde_json::json!(["ann@x.com", "bob@x.com"])
    );
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_time_it_has() {
    let peer = Peer::start(&[]);
    let short = Duration::from_millis(300);
    let smtp = peer.smtp("smtp", "", "").timeouts(PATIENCE, short, short);
    let office = PostOffice::new().mail_through(smtp);
    for (to, part) in [
        ("slow@x.com", "recipient"),
        ("stuck@x.com", "handing the mail over"),
    ] {
        let error = send(&office, to).await.unwrap_err();
        assert!(error.is_temporary());
        assert_eq!(
            error.text,
            format!("mail server 127.0.0.1: {part}: no answer within 300.0ms")
        );
    }
    // The deadline of the message counts as well, and the next mail is not
    // spoken into the middle of one that was given up.
    let patient = peer.plain();
    let slow = Contact::mail("slow@x.com").unwrap();
    let error = patient.send(&page("1"), &slow, short).await.unwrap_err();
    assert!(
        error.is_temporary() && error.text.contains("no answer within"),
        "{error}"
    );
    let given_up = tokio::time::timeout(short, patient.send(&page("1"), &slow, PATIENCE)).await;
    assert!(given_up.is_err());
    send(&patient, "ann@x.com").await.unwrap();
    assert_eq!(peer.mail()["to"], serde_json::json!(["ann@x.com"]));
}

#[tokio::test]
async fn no_server_is_a_matter_of_time() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let smtp = Smtp::new(&format!("smtp://127.0.0.1:{port}"), "rem@example.com").unwrap();
    let error = send(&PostOffice::new().mail_through(smtp), "ann@x.com")
        .await
        .unwrap_err();
    assert!(
        error.is_temporary() && error.text.contains("connecting: "),
        "{error}"
    );
    let error = send(&PostOffice::new(), "ann@x.com").await.unwrap_err();
    assert_eq!(error, SendError::temporary("no mail server is configured"));
}

#[tokio::test]
async fn tls_protects_from_the_first_byte_or_after_starttls() {
    let identity = Identity::new();
    for (mode, scheme) in [("tls", "smtps"), ("starttls", "smtp")] {
        let peer = Peer::with_tls(mode, &identity, &[]);
        let query = if mode == "tls" {
            ""
        } else {
            "?starttls=required"
        };
        let smtp = peer.smtp(scheme, "", query);
        let office = PostOffice::new().mail_through(smtp.clone().trust(identity.trust()));
        send(&office, "ann@x.com").await.unwrap();
        assert_eq!(peer.mail()["tls"], true);
        // Somebody else's certificate.
        let office = PostOffice::new().mail_through(smtp.trust(Trust::public()));
        let error = send(&office, "ann@x.com").await.unwrap_err();
        assert!(
            error.is_temporary() && error.text.contains("certificate"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn starttls_is_used_where_it_is_offered_and_missed_where_it_is_required() {
    let identity = Identity::new();
    let offering = Peer::with_tls("starttls", &identity, &[]);
    send(&offering.plain(), "ann@x.com").await.unwrap();
    assert_eq!(offering.mail()["tls"], true, "any certificate will do");

    let plain = Peer::start(&[]);
    send(&plain.plain(), "ann@x.com").await.unwrap();
    assert_eq!(plain.mail()["tls"], false);
    let strict = PostOffice::new().mail_through(plain.smtp("smtp", "", "?starttls=required"));
    let error = send(&strict, "ann@x.com").await.unwrap_err();
    assert!(
        error.is_temporary() && error.text.contains("does not offer STARTTLS"),
        "{error}"
    );
}

#[tokio::test]
async fn a_login_is_said_under_protection_only_and_never_shown() {
    let identity = Identity::new();
    let peer = Peer::with_tls("starttls", &identity, &["--login", "rem:s3cr et"]);
    let smtp = peer.smtp("smtp", "rem@", "").trust(identity.trust());
    let right = smtp.clone().password("s3cr et").unwrap();
    send(&PostOffice::new().mail_through(right), "ann@x.com")
        .await
        .unwrap();
    let took = peer.mail();
    assert_eq!(
        (took["tls"].as_bool(), took["user"].as_str()),
        (Some(true), Some("rem"))
    );

    let wrong = smtp.password("wr0ng").unwrap();
    let error = send(&PostOffice::new().mail_through(wrong), "ann@x.com")
        .await
        .unwrap_err();
    assert!(error.is_temporary(), "our login, not the contact: {error}");
    assert!(error.text.contains("login refused: 535"), "{error}");
    assert!(
        !error.text.contains("wr0ng"),
        "the server repeats it, we do not: {error}"
    );

    let open = Peer::start(&["--login", "rem:s3cret"]);
    let smtp = open.smtp("smtp", "rem:s3cret@", "");
    let error = send(&PostOffice::new().mail_through(smtp), "ann@x.com")
        .await
        .unwrap_err();
    assert!(error.text.contains("does not offer STARTTLS"), "{error}");
    let smtp = open.smtp("smtp", "rem:s3cret@", "?starttls=none");
    send(&PostOffice::new().mail_through(smtp), "ann@x.com")
        .await
        .unwrap();
}

#[tokio::test]
async fn many_mails_share_few_connections() {
    let peer = Peer::start(&[]);
    let smtp = peer.smtp("smtp", "", "").connections_max(3);
    let office = std::sync::Arc::new(PostOffice::new().mail_through(smtp));
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let office = std::sync::Arc::clone(&office);
        sending.spawn(async move { send(&office, "ann@x.com").await });
    }
    while let Some(sent) = sending.join_next().await {
        sent.unwrap().unwrap();
    }
    drop(office);
    let (connections, mails) = peer.rest();
    assert!(connections <= 3, "{connections}");
    assert_eq!(mails, 60);
}

#[tokio::test]
async fn addresses_beyond_ascii_go_to_servers_that_know_them() {
    let peer = Peer::start(&[]);
    send(&peer.plain(), "j\u{fc}rgen@x.com").await.unwrap();
    let took = peer.mail();
    assert_eq!(took["to"][0], "j\u{fc}rgen@x.com");
    assert!(took["options"].to_string().contains("SMTPUTF8"));
}

/// A server that says `lines` one after the other, whatever it hears, and
/// then nothing.
async fn babbler(lines: Vec<Vec<u8>>) -> Smtp {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tokio::io::BufReader::new(stream);
        for line in lines {
            if stream.get_mut().write_all(&line).await.is_err() {
                return;
            }
            let _ = stream.read_line(&mut String::new()).await;
        }
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    Smtp::new(&format!("smtp://127.0.0.1:{port}"), "rem@example.com").unwrap()
}

#[tokio::test]
async fn a_hostile_server_costs_neither_memory_nor_time() {
    let error_of = async |lines: Vec<Vec<u8>>| {
        let office = PostOffice::new().mail_through(babbler(lines).await);
        send(&office, "ann@x.com").await.unwrap_err()
    };
    let not_smtp = error_of(vec![b"HTTP/1.1 400 Bad Request\r\n".to_vec()]).await;
    assert!(
        not_smtp.text.ends_with("hello: it does not speak SMTP"),
        "{not_smtp}"
    );
    let endless_line = error_of(vec![vec![b'2'; 10_000_000]]).await;
    assert!(
        endless_line
            .text
            .ends_with("hello: it sent a line without end"),
        "{endless_line}"
    );
    let endless_reply = error_of(vec![b"220-more\r\n".repeat(100_000)]).await;
    assert!(
        endless_reply
            .text
            .ends_with("hello: it does not speak SMTP"),
        "{endless_reply}"
    );
    let closed = error_of(vec![
        b"220 hi\r\n".to_vec(),
        b"250 ok\r\n221 bye\r\n".to_vec(),
    ])
    .await;
    assert!(closed.is_temporary(), "{closed}");
    let ahead = vec![
        b"220 hi\r\n".to_vec(),
        b"250-me\r\n250 STARTTLS\r\n".to_vec(),
        b"220 go\r\n250 injected\r\n".to_vec(),
    ];
    let injected = error_of(ahead).await;
    assert!(
        injected
            .text
            .contains("it spoke out of turn before TLS began"),
        "{injected}"
    );
}
