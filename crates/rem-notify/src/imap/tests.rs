use super::*;

fn inbox(url: &str) -> Result<ImapInbox, InboxError> {
    ImapInbox::new(url, "s3cret")
}

#[test]
fn an_url_says_server_user_and_folder() {
    let plain = inbox("imaps://rem%40example.com@mail.example.com").unwrap();
    assert_eq!((plain.host.as_str(), plain.port), ("mail.example.com", 993));
    assert_eq!(
        (plain.user.as_str(), plain.folder.as_str()),
        ("rem@example.com", "INBOX")
    );
    assert_eq!(plain.protection, Protection::Tls);
    let other = inbox("imap://rem@[::1]:1143/Replies%20to%2FREM?starttls=none").unwrap();
    assert_eq!((other.host.as_str(), other.port), ("::1", 1143));
    assert_eq!(other.folder, "Replies to/REM");
    assert_eq!(other.protection, Protection::Plain);
    assert_eq!(
        inbox("imap://rem@h").unwrap().protection,
        Protection::StartTls
    );
    assert!(!format!("{plain:?}").contains("s3cret"));
}

#[test]
fn what_is_no_mailbox_is_refused_without_repeating_the_url() {
    for url in [
        "imaps://host",
        "http://u@h",
        "imaps://u:s3cret@h:x",
        "imaps://u:s3cret@",
        "imap://u@h?x",
        "imaps://u@h/%0d%0aA",
        "u@h",
    ] {
        let error = inbox(url).unwrap_err().to_string();
        assert!(
            error.starts_with("a mailbox is imaps://") && !error.contains("s3cret"),
            "{error}"
        );
    }
    assert!(ImapInbox::new("imaps://u@h", "a\r\nb").is_err());
}
