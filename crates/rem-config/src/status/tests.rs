use super::*;

#[test]
fn ranges_include_their_ends() {
    let codes = StatusCodes::new(vec![StatusCodes::range("200-204").unwrap(), (404, 404)]);
    assert!(codes.contains(200) && codes.contains(204) && codes.contains(404));
    assert!(!codes.contains(205) && !codes.contains(199));
    assert_eq!(codes.to_string(), "200-204, 404");
    assert_eq!(StatusCodes::success().to_string(), "200-299");
}

#[test]
fn what_is_no_status_is_refused() {
    for text in ["999", "99", "2xx", "200-", "-", "299-200", "200-600", ""] {
        assert!(StatusCodes::range(text).is_err(), "{text}");
    }
}
