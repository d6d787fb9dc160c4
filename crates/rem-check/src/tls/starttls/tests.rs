use tokio::io::duplex;

use super::*;

/// Plays a server: what it reads and what it says in turn, the first word its
/// own. Returns what became of the asking and what was never asked for.
async fn play(kind: StartTls, script: &[(&[u8], &[u8])]) -> Result<(), String> {
    let (mut ours, mut theirs) = duplex(64 * 1024);
    let script: Vec<(Vec<u8>, Vec<u8>)> = script
        .iter()
        .map(|(read, say)| (read.to_vec(), say.to_vec()))
        .collect();
    let server = tokio::spawn(async move {
        for (read, say) in script {
            let mut said = vec![0; read.len()];
            if theirs.read_exact(&mut said).await.is_err() {
                return;
            }
            assert_eq!(
                String::from_utf8_lossy(&said),
                String::from_utf8_lossy(&read)
            );
            let _ = theirs.write_all(&say).await;
        }
    });
    let outcome = kind.ask(&mut ours, "mail.example.com").await;
    drop(ours);
    server.await.unwrap();
    outcome
}

const EHLO: &[u8] = b"EHLO rem-check.invalid\r\n";
const LDAP: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const POSTGRES: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

#[tokio::test]
async fn every_protocol_is_asked_in_its_own_words() {
    let smtp: &[(&[u8], &[u8])] = &[
        (b"", b"220-mail\r\n220 ready\r\n"),
        (EHLO, b"250-mail\r\n250-SIZE 1\r\n250 starttls\r\n"),
        (b"STARTTLS\r\n", b"220 go\r\n"),
    ];
    assert_eq!(play(StartTls::Smtp, smtp).await, Ok(()));
    let imap: &[(&[u8], &[u8])] = &[
        (b"", b"* OK hello\r\n"),
        (b"a1 STARTTLS\r\n", b"* NOTE x\r\na1 OK go\r\n"),
    ];
    assert_eq!(play(StartTls::Imap, imap).await, Ok(()));
    let pop3: &[(&[u8], &[u8])] = &[(b"", b"+OK hello\r\n"), (b"STLS\r\n", b"+OK go\r\n")];
    assert_eq!(play(StartTls::Pop3, pop3).await, Ok(()));
    let ftp: &[(&[u8], &[u8])] = &[
        (b"", b"220-a\r\n220 b\r\n"),
        (b"AUTH TLS\r\n", b"234 go\r\n"),
    ];
    assert_eq!(play(StartTls::Ftp, ftp).await, Ok(()));
    let xmpp: &[(&[u8], &[u8])] = &[
        (
            b"<?xml version='1.0'?><stream:stream to='mail.example.com' xmlns='jabber:client' \
              xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
            b"<?xml version='1.0'?><stream:stream id='1'><stream:features>\
              <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
        ),
        (
            b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        ),
    ];
    assert_eq!(play(StartTls::Xmpp, xmpp).await, Ok(()));
    let ldap: &[(&[u8], &[u8])] = &[(
        LDAP,
        b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00",
    )];
    assert_eq!(play(StartTls::Ldap, ldap).await, Ok(()));
    let postgres: &[(&[u8], &[u8])] = &[(POSTGRES, b"S")];
    assert_eq!(play(StartTls::Postgres, postgres).await, Ok(()));
}

/// A greeting of MySQL with these two lower bytes of flags.
fn mysql(flags: [u8; 2]) -> Vec<u8> {
    let mut greeting = b"\x0a8.0.36\0".to_vec();
    greeting.extend_from_slice(&[1, 0, 0, 0]);
    greeting.extend_from_slice(b"12345678\0");
    greeting.extend_from_slice(&flags);
    greeting.extend_from_slice(&[0xff; 30]);
    let mut packet = vec![u8::try_from(greeting.len()).unwrap(), 0, 0, 0];
    packet.extend_from_slice(&greeting);
    packet
}

#[tokio::test]
async fn mysql_is_asked_after_its_greeting() {
    let mut request = vec![32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 0, 1, 45];
    request.resize(36, 0);
    let (greeting, refusal) = (mysql([0xff, 0xff]), mysql([0xff, 0xf7]));
    let script: &[(&[u8], &[u8])] = &[(b"", &greeting), (&request, b"")];
    assert_eq!(play(StartTls::Mysql, script).await, Ok(()));
    let outcome = play(StartTls::Mysql, &[(b"", &refusal)]).await;
    assert_eq!(outcome, Err("it does not offer TLS".into()));
}

#[tokio::test]
async fn a_refusal_is_quoted() {
    let outcome = play(StartTls::Smtp, &[(b"", b"554 go away\r\n")]).await;
    assert_eq!(outcome, Err("answered \"554 go away\"".into()));
    let outcome = play(StartTls::Smtp, &[(b"", b"220 a\r\n"), (EHLO, b"250 a\r\n")]).await;
    assert_eq!(outcome, Err("it does not offer STARTTLS".into()));
    let no = b"a1 BAD no\r\n";
    let outcome = play(
        StartTls::Imap,
        &[(b"", b"* OK\r\n"), (b"a1 STARTTLS\r\n", no)],
    )
    .await;
    assert_eq!(outcome, Err("answered \"a1 BAD no\"".into()));
    let outcome = play(StartTls::Postgres, &[(POSTGRES, b"N")]).await;
    assert_eq!(outcome, Err("it does not offer TLS".into()));
    let busy = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00";
    let outcome = play(StartTls::Ldap, &[(LDAP, busy)]).await;
    assert_eq!(outcome, Err("it refuses TLS with result 52".into()));
    let outcome = play(StartTls::Pop3, &[(b"", b"")]).await;
    assert_eq!(
        outcome,
        Err("connection closed before the TLS handshake".into())
    );
}

#[tokio::test]
async fn words_put_in_before_the_handshake_are_not_taken_for_the_servers() {
    let script: &[(&[u8], &[u8])] = &[
        (b"", b"+OK hello\r\n"),
        (b"STLS\r\n", b"+OK go\r\n+OK trust me\r\n"),
    ];
    let outcome = play(StartTls::Pop3, script).await;
    let message = "before the handshake it answered \"+OK trust me\"";
    assert_eq!(outcome, Err(message.into()));
}

#[tokio::test]
async fn garbage_ends_every_protocol_with_a_reason() {
    let texts: [&[u8]; 6] = [
        b"\r\n",
        b"\xff\xfe\xfd\xfc\xfb\n",
        b"220\xc3\xa9\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\xff\xff\xff\x00\x0a",
        b"\x05\x00\x00\x00\x0a1234\x30",
    ];
    for kind in StartTls::ALL {
        for text in texts {
            let long = text.repeat(64 * 1024 / text.len());
            for said in [text, &long] {
                let (mut ours, mut theirs) = duplex(256 * 1024);
                theirs.write_all(said).await.unwrap();
                theirs.shutdown().await.unwrap();
                let outcome = kind.ask(&mut ours, "a'b").await;
                assert!(outcome.is_err(), "{kind} {said:?}");
            }
        }
    }
}

#[test]
fn words_are_read_as_they_are_written() {
    for kind in StartTls::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
}
