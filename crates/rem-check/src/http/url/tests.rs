use proptest::prelude::*;

use super::*;

#[track_caller]
fn joined(base: &str, location: &str) -> String {
    match Url::parse(base).unwrap().join(location) {
        Ok(url) => url.to_string(),
        Err(why) => why.to_owned(),
    }
}

#[test]
fn urls_are_read_and_written_alike() {
    for (text, written) in [
        ("http://a.example", "http://a.example/"),
        (
            "https://a.example:443/x?y=z#part",
            "https://a.example/x?y=z",
        ),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://[::1]/", "http://[::1]/"),
        ("HTTP://a.example:80?q", "http://a.example/?q"),
    ] {
        assert_eq!(Url::parse(text).unwrap().to_string(), written);
    }
}

#[test]
fn what_cannot_be_asked_says_why() {
    for (text, why) in [
        ("a.example", "it does not start with http:// or https://"),
        ("ftp://a.example/", "its scheme is neither http nor https"),
        (
            "http://ann:secret@a.example/",
            "it has a user; send an authorization header instead",
        ),
        ("http://a.example:0/", "its host or port is malformed"),
        ("http://a b/", "it is malformed"),
        ("", "it is malformed"),
    ] {
        assert_eq!(Url::parse(text).unwrap_err(), why, "{text}");
    }
}

#[test]
fn redirects_lead_where_the_standard_says() {
    let base = "http://a.example:81/b/c/d?q";
    for (location, url) in [
        ("g", "http://a.example:81/b/c/g"),
        ("./g", "http://a.example:81/b/c/g"),
        ("g/", "http://a.example:81/b/c/g/"),
        ("/g", "http://a.example:81/g"),
        ("//g.example/x", "http://g.example/x"),
        ("?y", "http://a.example:81/b/c/d?y"),
        ("g?y", "http://a.example:81/b/c/g?y"),
        ("#s", "http://a.example:81/b/c/d?q"),
        ("", "http://a.example:81/b/c/d?q"),
        (".", "http://a.example:81/b/c/"),
        ("..", "http://a.example:81/b/"),
        ("../g", "http://a.example:81/b/g"),
        ("../../../g", "http://a.example:81/g"),
        ("https://b.example", "https://b.example/"),
        (
            "mailto:ann@example.com",
            "it does not start with http:// or https://",
        ),
    ] {
        let found = joined(base, location);
        if location.starts_with("mailto") {
            assert!(!found.starts_with("http"), "{found}");
        } else {
            assert_eq!(found, url, "{location}");
        }
    }
}

proptest! {
    #[test]
    fn no_location_makes_it_panic(location in ".{0,60}") {
        let _ = joined("http://a.example/b/c", &location);
    }

    #[test]
    fn no_url_makes_it_panic(text in "(https?://)?.{0,60}") {
        let _ = Url::parse(&text);
    }
}
