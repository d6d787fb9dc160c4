//! Against a real SMTP server that encrypts on request.

use std::process::Command;

use rem_check::{
    StartTls, Tcp, TcpExpect, TcpOptions, TcpStep, TcpTls, TlsCert, TlsCertOptions, Verdict,
};
use rem_time::Span;

use crate::daemon::{Daemon, write};
use crate::tls::Authority;
use crate::{expect_part, run};

const SERVER: &str = "
import asyncio, ssl, sys
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
context = None
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
async def main():
    loop = asyncio.get_running_loop()
    make = lambda: SMTP(Sink(), hostname='mail.example.com', tls_context=context)
    server = await loop.create_server(make, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
asyncio.run(main())
";

fn server(authority: Option<&Authority>) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", SERVER]);
    if let Some(authority) = authority {
        let (certificate, key) = authority.certificate("localhost", 5);
        command.arg(write(&folder, "certificate.pem", &certificate));
        command.arg(write(&folder, "key.pem", &key));
    }
    Daemon::announced(command, "python3-aiosmtpd", folder)
}

fn step(send: &str, pattern: &str) -> TcpStep {
    TcpStep {
        send: Some(send.into()),
        expect: Some(TcpExpect::Pattern(pattern.into())),
    }
}

fn options(server: &Daemon, authority: &Authority) -> TcpOptions {
    TcpOptions {
        deadline: Span::from_seconds(30),
        tls: TcpTls::After(StartTls::Smtp),
        verify: authority.trusted(),
        ..TcpOptions::new(server.host("localhost"))
    }
}

#[tokio::test]
async fn a_mail_server_is_talked_to_after_it_encrypts() {
    let authority = Authority::new();
    let server = server(Some(&authority));
    let options = TcpOptions {
        steps: vec![
            step("EHLO a.example\r\n", "(?m)^250 .*\r\n"),
            step("NOOP\r\n", "^250 OK\r\n"),
            step("QUIT\r\n", "^221 Bye"),
        ],
        ..options(&server, &authority)
    };
    let report = run(&Tcp::new(options.clone()).unwrap()).await;
    expect_part(&report, Verdict::Ok, "answered as expected");
    for field in ["connect", "tls", "answer", "duration"] {
        assert!(report.value(None, field).unwrap() > 0.0, "{field}");
    }
    let days = report.value(None, "certificate_days").unwrap();
    assert!((4.9..5.0).contains(&days), "{days}");
    let warned = TcpOptions {
        certificate_warn_days: 14,
        ..options
    };
    let report = run(&Tcp::new(warned).unwrap()).await;
    let expected = "answered as expected, but the certificate ends in 5.0 days";
    expect_part(&report, Verdict::Warning, expected);
}

#[tokio::test]
async fn the_step_that_failed_is_named() {
    let authority = Authority::new();
    let server = server(Some(&authority));
    let options = TcpOptions {
        steps: vec![step("NOOP\r\n", "^250 "), step("QUIT\r\n", "^354 ")],
        ..options(&server, &authority)
    };
    let report = run(&Tcp::new(options).unwrap()).await;
    let expected = "step 2 of 2: closed without the expected text, it said: OK\\r\\n221 Bye";
    expect_part(&report, Verdict::Critical, expected);
}

#[tokio::test]
async fn the_certificate_of_a_mail_server_is_judged() {
    let authority = Authority::new();
    let server = server(Some(&authority));
    let check = TlsCertOptions {
        start: Some(StartTls::Smtp),
        verify: authority.trusted(),
        deadline: Span::from_seconds(30),
        crit_days: 3,
        ..TlsCertOptions::new(server.host("localhost"))
    };
    let report = run(&TlsCert::new(check).unwrap()).await;
    expect_part(
        &report,
        Verdict::Warning,
        "the certificate ends in 5.0 days",
    );
}

#[tokio::test]
async fn a_mail_server_without_encryption_is_told_apart() {
    let authority = Authority::new();
    let server = server(None);
    let report = run(&Tcp::new(options(&server, &authority)).unwrap()).await;
    let message = format!("{}, smtp: it does not offer STARTTLS", server.address);
    expect_part(&report, Verdict::Critical, &message);
    assert_eq!(report.value(None, "tls"), None);
}
