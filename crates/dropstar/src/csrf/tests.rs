use http::{HeaderMap, HeaderValue, Method};
use ring::hmac;

use super::{Seal, changes_state, is_form, same_origin};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        let name = http::HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    });
    pairs.collect()
}

#[test]
fn only_this_origin_and_programs_may_change_things() {
    let from = |pairs: &[(&'static str, &'static str)]| {
        same_origin(&headers(pairs), &["rem.example:8080"])
    };
    assert!(from(&[]), "a program sends neither header");
    assert!(from(&[("sec-fetch-site", "same-origin")]));
    assert!(from(&[("sec-fetch-site", "none")]), "typed by the user");
    assert!(from(&[("origin", "http://rem.example:8080")]));
    assert!(!from(&[("sec-fetch-site", "cross-site")]));
    assert!(!from(&[("sec-fetch-site", "same-site")]));
    assert!(!from(&[("origin", "http://rem.example")]), "another port");
    assert!(!from(&[("origin", "null")]));
    assert!(!from(&[
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://evil.example")
    ]));
}

#[test]
fn a_token_is_good_for_one_browser_and_one_key() {
    let key = |byte| hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]);
    let seal = Seal::new(key(1), "browser:a".into(), true);
    assert!(!seal.must_be_kept(), "no form relies on it yet");
    let token = seal.token();
    assert!(seal.must_be_kept());
    assert!(seal.accepts(&token));
    assert_ne!(
        seal.token(),
        token,
        "two answers must not carry the same text"
    );
    assert!(!Seal::new(key(1), "browser:b".into(), false).accepts(&token));
    assert!(!Seal::new(key(2), "browser:a".into(), false).accepts(&token));
    for wrong in ["", "x", "!!!", &token[1..]] {
        assert!(!seal.accepts(wrong));
    }
}

#[test]
fn json_and_xml_are_no_forms_and_everything_else_is() {
    let kind = |value| is_form(&headers(&[("content-type", value)]));
    assert!(!kind("application/json; charset=utf-8"));
    assert!(!kind("Text/XML"));
    assert!(kind("text/plain"));
    assert!(kind("multipart/form-data; boundary=x"));
    assert!(is_form(&HeaderMap::new()));
    assert!(changes_state(&Method::DELETE) && !changes_state(&Method::HEAD));
}
