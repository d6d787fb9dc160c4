use super::*;

#[test]
fn secrets_are_nowhere_to_be_seen() {
    let webhook = Webhook::new("https://hooks.example.com/services/T0/s3cret?k=s3cret")
        .unwrap()
        .header("Authorization", "Bearer s3cret")
        .unwrap()
        .signed_with("s3cret");
    let script = Script::new(["/usr/bin/page", "--key=s3cret"])
        .unwrap()
        .env("KEY", "s3cret");
    for contact in [Contact::Webhook(webhook), Contact::Script(script)] {
        let shown = format!("{contact:?} {contact}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    let error = Contact::webhook("https://user:s3cret@h/").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn an_answer_that_repeats_a_secret_is_shown_without_it() {
    let webhook = Webhook::new("https://h/s3cret/path").unwrap();
    let webhook = webhook
        .header("Authorization", "Bearer k3y")
        .unwrap()
        .signed_with("hm4c");
    let said = webhook.without_secrets("no such hook /s3cret/path for k3y (hm4c), Bearer k3y");
    assert_eq!(said, "no such hook ••• for ••• (•••), •••");
}

#[test]
fn a_contact_that_can_never_work_is_refused_when_it_is_read() {
    for address in ["", "ann", "ann@", "ann@x\r\nBcc: eve@x", "a@b, c@d"] {
        assert!(Contact::mail(address).is_err(), "{address:?}");
    }
    for url in [
        "",
        "example.com",
        "ftp://h/",
        "http://",
        "https:///x",
        "http://h/a b",
        "/x",
    ] {
        assert!(Contact::webhook(url).is_err(), "{url:?}");
    }
    assert!(Contact::script(Vec::<String>::new()).is_err());
    assert!(Contact::script([""]).is_err());
    let webhook = || Webhook::new("http://h/").unwrap();
    assert!(webhook().header("X Y", "z").is_err());
    assert!(webhook().header("X", "a\r\nb: c").is_err());
    assert!(webhook().header("Content-Length", "0").is_err());
}

#[test]
fn a_contact_is_called_by_what_it_is() {
    let shown = |contact: Result<Contact, ContactError>| contact.unwrap().to_string();
    assert_eq!(
        shown(Contact::mail("Ann <ann@example.com>")),
        "mail ann@example.com"
    );
    assert_eq!(
        shown(Contact::webhook("https://h:8443/t?k")),
        "webhook https://h:8443"
    );
    assert_eq!(
        shown(Contact::script(["/bin/page", "x"])),
        "script /bin/page"
    );
}
