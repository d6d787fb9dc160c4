use proptest::prelude::*;

use super::*;

const HEAD: &str = "From: Ann <Ann@Example.com>\nTo: rem+t0ken@example.com\n\
    Subject: Re: [REM 7F3K-19] web-01 does not answer\nMessage-ID: <r1@example.com>\n";

fn parse(mail: &str) -> Result<Reply, Ignored> {
    MailReply::parse(mail.replace('\n', "\r\n").as_bytes())
}

fn minutes(minutes: u64) -> Command {
    Command::Ack(Some(Span::from_seconds(minutes * 60)))
}

/// What a reply with this text asks for.
#[track_caller]
fn asks(text: &str) -> (Command, Option<String>) {
    let reply = parse(&format!("{HEAD}\n{text}")).unwrap();
    (reply.command, reply.comment)
}

#[track_caller]
fn automatic(headers: &str) {
    let result = parse(&format!("{headers}{HEAD}\nack\n"));
    assert!(
        matches!(result, Err(Ignored::Automatic(_))),
        "{headers}: {result:?}"
    );
}

#[test]
fn a_reply_tells_who_what_and_for_which_alert() {
    let reply = parse(&format!("{HEAD}\nack 30\n")).unwrap();
    assert_eq!(reply.from, "ann@example.com");
    assert_eq!(reply.tokens, ["t0ken"]);
    assert_eq!(reply.tag.as_deref(), Some("7F3K-19"));
    assert_eq!(reply.message_id.as_deref(), Some("<r1@example.com>"));
    assert_eq!((reply.command, reply.comment), (minutes(30), None));
}

#[test]
fn the_first_line_is_the_command() {
    assert_eq!(asks("ack"), (Command::Ack(None), None));
    assert_eq!(asks("\n\n  ACK  10 \n"), (minutes(10), None));
    assert_eq!(asks("Ack 2h"), (minutes(120), None));
    assert_eq!(asks("ack 45 min."), (minutes(45), None));
    assert_eq!(asks("ack done"), (Command::Done, None));
    assert_eq!(asks("Done!"), (Command::Done, None));
    assert_eq!(asks("take"), (Command::Take, None));
    assert_eq!(asks("esc"), (Command::Escalate, None));
    assert_eq!(
        asks("ack 60, on it\nfan is broken\n\n-- \nAnn"),
        (minutes(60), Some("on it\nfan is broken".into()))
    );
    assert_eq!(
        asks("ack - on it"),
        (Command::Ack(None), Some("on it".into()))
    );
}

#[test]
fn what_is_not_quite_a_command_silences_nothing() {
    for text in [
        "ack impossible, I am on a plane",
        "take a look, please",
        "acknowledging receipt",
        "escalate this only if the disk is full",
        "I will ack later",
        "ack 0",
        "ack 99999999999999999999",
        "ack 8d",
        "ack 1.5",
        "ack -5",
        "done with this job",
    ] {
        let (command, comment) = asks(text);
        assert_eq!(
            (command, comment.as_deref()),
            (Command::Comment, Some(text))
        );
    }
}

#[test]
fn what_is_quoted_was_not_said() {
    let ours = "> apache/http: no answer\n> ack done\n";
    assert_eq!(
        asks(&format!("ack\n\nOn Sat, 21 Nov 2026, REM wrote:\n{ours}")),
        (Command::Ack(None), None)
    );
    assert_eq!(
        asks(&format!(
            "Am 21.11.2026 um 10:47 schrieb\nREM <rem@example.com>:\n\n{ours}\nack 10\n"
        )),
        (minutes(10), None),
        "an answer below the quote"
    );
    assert_eq!(
        asks(&format!(
            "ack\n-----Urspr\u{fc}ngliche Nachricht-----\n{ours}"
        ))
        .1,
        None
    );
    let outlook = "take\n\n________________________________\nFrom: REM\nSent: today\nack done\n";
    assert_eq!(asks(outlook), (Command::Take, None));
    let outlook =
        "take\n\nVon: REM <rem@example.com>\nGesendet: heute\nAn: Ann\nBetreff: x\n\nack\n";
    assert_eq!(asks(outlook), (Command::Take, None));
    let result = parse(&format!("{HEAD}\nOn 2026-11-21 REM wrote:\n{ours}"));
    assert_eq!(result, Err(Ignored::Empty));
}

#[test]
fn a_line_that_ends_with_a_colon_is_kept_as_a_comment() {
    let (command, comment) = asks("ack\nthis is why:\n> the fan\n");
    assert_eq!(
        (command, comment.as_deref()),
        (Command::Ack(None), Some("this is why:"))
    );
}

#[test]
fn a_token_survives_in_address_id_or_quote() {
    let tokens = |headers: &str, body: &str| {
        let head = "From: ann@example.com\nSubject: Re: x\n";
        parse(&format!("{head}{headers}\nack\n{body}")).map(|reply| reply.tokens)
    };
    assert_eq!(
        tokens("Delivered-To: rem+a=2Eb@example.com\n", "").unwrap(),
        ["a.b"]
    );
    assert_eq!(
        tokens("In-Reply-To: <rem1.tok.web=2E1@x>\n", "").unwrap(),
        ["tok"]
    );
    assert_eq!(
        tokens(
            "References: <rem0.t@x> <rem1.old.1@x>\n <rem1.new.2@x>\n",
            ""
        )
        .unwrap(),
        ["new", "old"],
        "the mail that was answered comes first"
    );
    assert_eq!(tokens("", "> [rem:quoted]\n").unwrap(), ["quoted"]);
    assert_eq!(
        tokens("In-Reply-To: <other@x>\n", ""),
        Err(Ignored::NoToken)
    );
    assert_eq!(tokens("To: rem@example.com\n", ""), Err(Ignored::NoToken));
}

#[test]
fn nobody_is_believed_without_a_known_address_and_token() {
    let reply = parse(&format!("{HEAD}In-Reply-To: <rem1.second.1@x>\n\nack\n")).unwrap();
    let known = |address, secret| {
        reply.authorised(move |from, token| (from == address && token == secret).then_some(()))
    };
    assert_eq!(known("ann@example.com", "second"), Some(()));
    assert_eq!(known("eve@example.com", "t0ken"), None);
    assert_eq!(known("ann@example.com", "stolen"), None);
}

#[test]
fn a_program_never_acknowledges() {
    automatic("Auto-Submitted: auto-replied\n");
    automatic("auto-submitted: Auto-Generated; x=y\n");
    automatic("X-Autoreply: yes\n");
    automatic("X-Autorespond:\n");
    automatic("Precedence: BULK\n");
    automatic("Precedence: auto_reply\n");
    automatic("Return-Path: <>\n");
    automatic("Return-Path:\n");
    let daemon = HEAD.replace("Ann@Example.com", "MAILER-DAEMON@example.com");
    assert!(matches!(
        parse(&format!("{daemon}\nack\n")),
        Err(Ignored::Automatic(_))
    ));
    assert!(
        parse(&format!(
            "Auto-Submitted: no\nReturn-Path: <ann@x>\n{HEAD}\nack\n"
        ))
        .is_ok()
    );
}

#[test]
fn our_own_mail_that_comes_back_is_told_apart() {
    let own = parse(
        "X-REM-Id: web-down.1\nMessage-ID: <rem1.t0k=2Een.web-down.1@example.com>\n\
         Auto-Submitted: auto-generated\nFrom: rem@example.com\nTo: rem@example.com\n\nack\n",
    );
    assert_eq!(
        own,
        Err(Ignored::Own {
            id: "web-down.1".into(),
            tokens: vec!["t0k.en".into()],
        })
    );
}

#[test]
fn a_bounce_names_the_broken_address() {
    let bounce = "From: MAILER-DAEMON@mx.example.com\nTo: rem@example.com\nReturn-Path: <>\n\
        Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status;\n boundary=\"b\"\n\n\
        --b\nContent-Type: text/plain\n\nSorry\n\
        --b\nContent-Type: message/delivery-status\n\n\
        Reporting-MTA: dns; mx.example.com\n\n\
        Final-Recipient: rfc822; Ann@Example.com\nAction: failed\nStatus: 5.1.1\n\
        Diagnostic-Code: smtp; 550 5.1.1 no such user,\n  really\n\
        --b\nContent-Type: text/rfc822-headers\n\nSubject: x\nX-REM-Id: web-down.1\n\n--b--\n";
    assert_eq!(
        parse(bounce),
        Err(Ignored::Bounced {
            id: Some("web-down.1".into()),
            recipient: "ann@example.com".into(),
            permanent: true,
            text: "550 5.1.1 no such user, really".into(),
        })
    );
    let delayed = bounce.replace("Action: failed", "Action: delayed");
    assert!(matches!(
        parse(&delayed),
        Err(Ignored::Bounced {
            permanent: false,
            ..
        })
    ));
    let relayed = bounce.replace("Action: failed", "Action: relayed");
    assert!(matches!(parse(&relayed), Err(Ignored::Automatic(_))));
    let receipt = bounce.replace(
        "report-type=delivery-status",
        "report-type=disposition-notification",
    );
    assert!(matches!(parse(&receipt), Err(Ignored::Automatic(_))));
}

#[test]
fn text_is_found_in_every_wrapping() {
    let reply = |wrapped: &str| {
        parse(&format!("{HEAD}{wrapped}")).map(|reply| (reply.command, reply.comment))
    };
    assert_eq!(
        reply(
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nYWNrIDMwLCB0c2Now7zDnw==\n"
        ),
        Ok((minutes(30), Some("tsch\u{fc}\u{df}".into())))
    );
    assert_eq!(
        reply(
            "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nack=20=\n10, f=FCr Bob\n"
        ),
        Ok((minutes(10), Some("f\u{fc}r Bob".into())))
    );
    let multipart = "Content-Type: multipart/mixed; boundary=o\n\n--o\n\
        Content-Type: multipart/alternative; boundary=i\n\n--i\nContent-Type: text/plain; format=flowed\n\n\
        ack, this is \nlong\n--i\nContent-Type: text/html\n\n<p>esc</p>\n--i--\n--o\n\
        Content-Type: text/plain\nContent-Disposition: attachment\n\ntake\n--o--\n";
    assert_eq!(
        reply(multipart),
        Ok((Command::Ack(None), Some("this is long".into())))
    );
    let html = "Content-Type: text/html; charset=utf-8\n\n<html><head><style>p {}</style></head>\
        <body><div>ack&nbsp;30</div><br><div>on &lt;it&gt;</div>\
        <blockquote type=\"cite\"><p>ack done</p></blockquote></body></html>\n";
    assert_eq!(reply(html), Ok((minutes(30), Some("on <it>".into()))));
}

#[test]
fn a_mail_of_no_use_is_ignored_with_a_reason() {
    assert_eq!(
        parse("Subject: x\nTo: a+t@x\n\nack\n"),
        Err(Ignored::NoSender)
    );
    assert_eq!(
        parse("From: a@x, b@x\nTo: a+t@x\n\nack\n"),
        Err(Ignored::NoSender)
    );
    assert_eq!(
        parse("From: a@x\nFrom: b@x\nTo: a+t@x\n\nack\n"),
        Err(Ignored::NoSender)
    );
    assert_eq!(parse(&format!("{HEAD}\n\n")), Err(Ignored::Empty));
    let huge = vec![b'a'; MailReply::MAIL_MAX + 1];
    assert_eq!(
        MailReply::parse(&huge),
        Err(Ignored::TooLong(MailReply::MAIL_MAX))
    );
    let piped = MailReply::read(io::repeat(b'a')).unwrap();
    assert_eq!(piped, Err(Ignored::TooLong(MailReply::MAIL_MAX)));
}

#[test]
fn a_pipe_may_begin_with_a_mailbox_line() {
    let mail = format!("From ann@example.com Sat Nov 21 10:47:04 2026\n{HEAD}\nack\n");
    let reply = MailReply::read(mail.as_bytes()).unwrap().unwrap();
    assert_eq!(reply.command, Command::Ack(None));
}

#[test]
fn a_mail_nested_a_thousand_times_is_survived() {
    let mut mail = String::from(HEAD);
    for n in 0..1000 {
        mail.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"
        ));
    }
    mail.push_str("\nack\n");
    let _ = parse(&mail);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = MailReply::parse(&bytes);
        let mut mail = HEAD.as_bytes().to_vec();
        mail.extend_from_slice(&bytes);
        let _ = MailReply::parse(&mail);
    }

    #[test]
    fn no_text_makes_it_panic(head in "[A-Za-z:;=\"<>/ \n-]{0,120}", text in "(?s).{0,200}") {
        let _ = MailReply::parse(format!("{head}\n\n{text}").as_bytes());
        let html = format!("{HEAD}Content-Type: text/html\n\n{text}<{head}");
        let _ = MailReply::parse(html.as_bytes());
    }
}
