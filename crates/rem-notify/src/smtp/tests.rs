use proptest::prelude::*;

use super::conversation::stuffed;
use super::*;

fn smtp(url: &str) -> Smtp {
    Smtp::new(url, "REM <rem@example.com>").unwrap()
}

#[track_caller]
fn refused(url: &str) -> String {
    let error = Smtp::new(url, "rem@example.com").unwrap_err();
    error.to_string()
}

#[test]
fn an_url_says_server_port_user_and_protection() {
    let plain = smtp("smtp://localhost");
    assert_eq!((plain.host.as_str(), plain.port), ("localhost", 25));
    assert_eq!(plain.protection(), Protection::StartTlsIfOffered);

    let login = smtp("smtp://ann%40example.com:p%3Aw@mail.example.com:587/");
    let (user, password) = login.login.clone().unwrap();
    assert_eq!(
        (user.as_str(), password.reveal()),
        ("ann@example.com", "p:w")
    );
    assert_eq!(login.port, 587);
    assert_eq!(
        login.protection(),
        Protection::StartTls,
        "a password does not travel in the open"
    );

    let tls = smtp("smtps://[2001:db8::1]");
    assert_eq!((tls.host.as_str(), tls.port), ("2001:db8::1", 465));
    assert_eq!(tls.protection(), Protection::Tls);

    assert_eq!(
        smtp("smtp://h?starttls=none").protection(),
        Protection::Plain
    );
    assert_eq!(
        smtp("smtp://h?starttls=required").protection(),
        Protection::StartTls
    );
}

#[test]
fn what_is_no_mail_server_is_refused_without_repeating_the_url() {
    for url in [
        "localhost",
        "http://localhost",
        "smtp://",
        "smtp://h:99999",
        "smtp://h:x",
        "smtp://h?starttls=maybe",
        "smtps://h?starttls=none",
        "smtp://a b",
        "smtp://user:s3cret@h h",
        "smtp://\r\nX@h",
    ] {
        let said = refused(url);
        assert!(said.starts_with("a mail server is smtp://"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert!(Smtp::new("smtp://h", "nobody").is_err());
    assert!(smtp("smtp://h").reply_to("rem+{token}@example.com").is_ok());
    assert!(smtp("smtp://h").reply_to("{token}").is_err());
    assert!(smtp("smtp://h").password("x").is_err());
    assert!(smtp("smtp://h").hello("a\r\nb").is_err());
}

#[test]
fn no_password_is_shown() {
    let smtp = smtp("smtp://user:s3cret@h");
    assert!(!format!("{smtp:?}").contains("s3cret"));
}

#[test]
fn a_dot_alone_on_a_line_does_not_end_a_mail() {
    assert_eq!(stuffed(b"a\n.\nb"), b"a\r\n..\r\nb\r\n.\r\n");
    assert_eq!(stuffed(b".a\r\n"), b"..a\r\n.\r\n");
    assert_eq!(stuffed(b"a\r.\r"), b"a\r\n..\r\n.\r\n");
    assert_eq!(stuffed(b""), b".\r\n");
}

proptest! {
    #[test]
    fn only_the_last_line_of_a_mail_is_a_dot(mail in "[a.\r\n]{0,40}") {
        let sent = stuffed(mail.as_bytes());
        let text = String::from_utf8(sent).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        let dots = lines.iter().filter(|line| **line == ".").count();
        prop_assert_eq!(dots, 1);
        prop_assert!(text.ends_with(".\r\n"));
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    }
}
