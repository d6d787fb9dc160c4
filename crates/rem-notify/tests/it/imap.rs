//! A mailbox on a server that follows a script, well or badly.

use std::time::Duration;

use rem_notify::{Command, ImapInbox, InboxError, MailReply};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::PATIENCE;
use crate::tls::Identity;

const REPLY: &str = "From: ann@example.com\r\nTo: rem+t0ken@example.com\r\n\
    Subject: Re: [REM 7F3K-19] x\r\n\r\nack 30\r\n)\r\nr9 OK not the end\r\n";

/// A step: what the client says after its tag, and the answer; `{tag}` in it
/// is the client's tag.
type Step = (&'static str, String);

fn step(said: &'static str, answer: impl Into<String>) -> Step {
    (said, answer.into())
}

fn ok(said: &'static str) -> Step {
    step(said, "{tag} OK done\r\n")
}

fn begin() -> Vec<Step> {
    vec![
        ok("LOGIN \"rem\" \"s3\\\"cret\""),
        step(
            "SELECT \"INBOX\"",
            "* 9 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n{tag} OK [READ-WRITE] in\r\n",
        ),
    ]
}

fn fetch(uid: u32, mail: &str) -> String {
    let length = mail.len();
    format!(
        "* 3 EXPUNGE\r\n* 7 FETCH (UID {uid} BODY[]<0> {{{length}}}\r\n{mail} FLAGS ())\r\n{{tag}} OK fetched\r\n"
    )
}

/// Speaks the script on the stream; returns what the client said that was not in it.
async fn follow<S: AsyncRead + AsyncWrite + Unpin>(
    stream: BufReader<S>,
    steps: Vec<Step>,
) -> (BufReader<S>, Option<String>) {
    let mut stream = stream;
    for (expected, answer) in steps {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return (stream, Some(format!("nothing for {expected}")));
        }
        let (tag, said) = line
            .trim_end()
            .split_once(' ')
            .unwrap_or(("", line.trim_end()));
        if said != expected {
            return (stream, Some(said.to_owned()));
        }
        let answer = answer.replace("{tag}", tag);
        let _ = stream.get_mut().write_all(answer.as_bytes()).await;
        let _ = stream.get_mut().flush().await;
    }
    (stream, None)
}

struct Server {
    port: u16,
    surprise: JoinHandle<Option<String>>,
}

impl Server {
    async fn start(greeting: &'static str, steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let surprise = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(greeting.as_bytes()).await.unwrap();
            let (mut stream, surprise) = follow(BufReader::new(stream), steps).await;
            // Stay until the client goes.
            let mut rest = String::new();
            let _ = stream.read_line(&mut rest).await;
            surprise
        });
        Self { port, surprise }
    }

    fn inbox(&self) -> ImapInbox {
        let url = format!("imap://rem@127.0.0.1:{}?starttls=none", self.port);
        ImapInbox::new(&url, "s3\"cret").unwrap()
    }

    async fn was_followed(self) {
        assert_eq!(self.surprise.await.unwrap(), None);
    }
}

const HELLO: &str = "* OK [CAPABILITY IMAP4rev1] ready\r\n";

#[tokio::test]
async fn replies_are_read_oldest_first_and_marked_when_they_are_dealt_with() {
    let mut steps = begin();
    steps.extend([
        step(
            "UID SEARCH UNSEEN UNDELETED",
            "* SEARCH 12 5\r\n* SEARCH 9\r\n{tag} OK\r\n",
        ),
        step("UID FETCH 5 (UID BODY.PEEK[]<0.1048577>)", fetch(5, REPLY)),
        ok("UID STORE 5 +FLAGS.SILENT (\\Seen)"),
        // Somebody deleted it.
        ok("UID FETCH 9 (UID BODY.PEEK[]<0.1048577>)"),
        step(
            "UID FETCH 12 (UID BODY.PEEK[]<0.1048577>)",
            fetch(12, REPLY),
        ),
        step("LOGOUT", "* BYE so long\r\n{tag} OK\r\n"),
    ]);
    let server = Server::start(HELLO, steps).await;
    let mut inbox = server.inbox().open(PATIENCE).await.unwrap();
    assert_eq!(inbox.waiting(), 3);
    let mail = inbox.next().await.unwrap().unwrap();
    assert_eq!(mail.uid, 5);
    assert_eq!(mail.bytes.as_deref(), Some(REPLY.as_bytes()));
    let reply = MailReply::parse(&mail.bytes.unwrap()).unwrap();
    assert_eq!(reply.command, Command::Ack(Some("30m".parse().unwrap())));
    inbox.seen(5).await.unwrap();
    assert_eq!(inbox.next().await.unwrap().unwrap().uid, 12);
    assert_eq!(inbox.next().await.unwrap(), None);
    inbox.close().await.unwrap();
    server.was_followed().await;
}

#[tokio::test]
async fn a_mail_too_long_to_be_a_reply_is_passed_over() {
    let mut steps = begin();
    let huge = "x".repeat(MailReply::MAIL_MAX + 1);
    steps.extend([
        step(
            "UID SEARCH UNSEEN UNDELETED",
            "* SEARCH 1 2\r\n{tag} OK\r\n",
        ),
        step("UID FETCH 1 (UID BODY.PEEK[]<0.1048577>)", fetch(1, &huge)),
        step("UID FETCH 2 (UID BODY.PEEK[]<0.1048577>)", fetch(2, REPLY)),
    ]);
    let server = Server::start(HELLO, steps).await;
    let mut inbox = server.inbox().open(PATIENCE).await.unwrap();
    assert_eq!(inbox.next().await.unwrap().unwrap().bytes, None);
    assert!(inbox.next().await.unwrap().unwrap().bytes.is_some());
    drop(inbox);
    server.was_followed().await;
}

#[tokio::test]
async fn a_refusal_says_what_was_refused_and_not_the_password() {
    let refusal = "{tag} NO [AUTHENTICATIONFAILED] wrong: s3\"cret\r\n";
    let server = Server::start(HELLO, vec![step("LOGIN \"rem\" \"s3\\\"cret\"", refusal)]).await;
    let error = server.inbox().open(PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the mail server refused the login: NO [AUTHENTICATIONFAILED] wrong: •••"
    );
    let busy = Server::start("* BYE too many\r\n", Vec::new()).await;
    let error = busy.inbox().open(PATIENCE).await.unwrap_err();
    assert!(matches!(error, InboxError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_password_beyond_ascii_is_said_as_well() {
    let steps = vec![
        step("AUTHENTICATE PLAIN", "+ \r\n"),
        step("AHJlbQBzw7ww", "r1 OK in\r\n"),
        step("SELECT \"Entw&APw-rfe\"", "{tag} NO no such folder\r\n"),
    ];
    let server = Server::start(HELLO, steps).await;
    let folder = format!(
        "imap://rem@127.0.0.1:{}/Entw%C3%BCrfe?starttls=none",
        server.port
    );
    let inbox = ImapInbox::new(&folder, "s\u{fc}0").unwrap();
    let error = inbox.open(PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the mail server refused the folder: NO no such folder"
    );
    server.was_followed().await;
}

#[tokio::test]
async fn a_hostile_server_costs_neither_memory_nor_time() {
    let short = Duration::from_millis(500);
    let open = async |answer: String, deadline| {
        let mut steps = begin();
        steps.push(step("UID SEARCH UNSEEN UNDELETED", answer));
        let server = Server::start(HELLO, steps).await;
        server.inbox().open(deadline).await
    };
    let broken = |result: Result<_, InboxError>| matches!(result, Err(InboxError::Connection(_)));
    assert!(
        broken(open("* x".repeat(4_000_000), PATIENCE).await),
        "a line without end"
    );
    assert!(
        broken(open("* 1 FETCH x\r\n".repeat(1_000_000), PATIENCE).await),
        "lines without end"
    );
    assert!(
        broken(open("+ go on\r\n".into(), PATIENCE).await),
        "it wants more"
    );
    let silent = |result: Result<_, InboxError>| matches!(result, Err(InboxError::Silent));
    assert!(
        silent(open("* 1 FETCH {99999999999999}\r\nx".into(), short).await),
        "a promise of 100 TB"
    );
    assert!(silent(open("* SEARCH".into(), short).await), "half a line");
    let many: String = (1..200_000).map(|uid| format!(" {uid}")).collect();
    let inbox = open(format!("* SEARCH{many} x -1\r\n{{tag}} OK\r\n"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(inbox.waiting(), ImapInbox::MAILS_MAX);
}

#[tokio::test]
async fn what_does_not_speak_imap_is_told_apart() {
    let server = Server::start("220 mail.example.com ESMTP\r\n", Vec::new()).await;
    let error = server.inbox().open(PATIENCE).await.unwrap_err();
    assert!(matches!(error, InboxError::Connection(_)), "{error}");
}

async fn tls_server(identity: &Identity, first: bool, ahead: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(identity.server());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        if !first {
            stream.write_all(HELLO.as_bytes()).await.unwrap();
            let answer = format!("{{tag}} OK go\r\n{ahead}");
            let (inner, _) = follow(BufReader::new(stream), vec![step("STARTTLS", answer)]).await;
            stream = inner.into_inner();
        }
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return;
        };
        if first {
            stream.write_all(HELLO.as_bytes()).await.unwrap();
        }
        let mut steps = begin();
        steps.push(step(
            "UID SEARCH UNSEEN UNDELETED",
            "* SEARCH\r\n{tag} OK\r\n",
        ));
        steps.push(step("LOGOUT", "{tag} OK\r\n"));
        follow(BufReader::new(stream), steps).await;
    });
    port
}

#[tokio::test]
async fn tls_protects_from_the_first_byte_or_after_starttls() {
    let identity = Identity::new();
    for (scheme, first) in [("imaps", true), ("imap", false)] {
        let inbox = async |ahead| {
            let port = tls_server(&identity, first, ahead).await;
            let url = format!("{scheme}://rem@127.0.0.1:{port}");
            ImapInbox::new(&url, "s3\"cret").unwrap()
        };
        let trusting = inbox("").await.trust(identity.trust());
        let mut open = trusting.open(PATIENCE).await.unwrap();
        assert_eq!(open.next().await.unwrap(), None);
        open.close().await.unwrap();
        let error = inbox("").await.open(PATIENCE).await.unwrap_err();
        assert!(matches!(error, InboxError::Connection(_)), "{error}");
        if !first {
            let injected = inbox("* injected\r\n").await.trust(identity.trust());
            let error = injected.open(PATIENCE).await.unwrap_err();
            assert!(
                matches!(error, InboxError::Connection(_)),
                "words from before TLS: {error}"
            );
        }
    }
}

/// Nobody speaks plain to a server that demands TLS.
#[tokio::test]
async fn without_starttls_no_password_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        stream.write_all(HELLO.as_bytes()).await.unwrap();
        let refusal = step("STARTTLS", "{tag} BAD what\r\n");
        let (mut stream, _) = follow(BufReader::new(stream), vec![refusal]).await;
        let mut rest = String::new();
        let _ = stream.read_line(&mut rest).await;
        rest
    });
    let inbox = ImapInbox::new(&format!("imap://rem@127.0.0.1:{port}"), "s3cret").unwrap();
    let error = inbox.open(PATIENCE).await.unwrap_err();
    assert!(
        matches!(
            error,
            InboxError::Refused {
                what: "STARTTLS",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(heard.await.unwrap(), "");
}
