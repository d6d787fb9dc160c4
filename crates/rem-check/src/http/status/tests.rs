use super::*;

#[test]
fn codes_and_ranges_are_listed() {
    let ranges: StatusRanges = " 200 - 204 ,301".parse().unwrap();
    assert_eq!(ranges.to_string(), "200-204, 301");
    assert!(ranges.contain(200) && ranges.contain(204) && ranges.contain(301));
    assert!(!ranges.contain(205) && !ranges.contain(199));
}

#[test]
fn what_is_no_list_is_refused() {
    for text in ["", "200-", "300-200", "99", "1000", "ok", "200,,300"] {
        let error = text.parse::<StatusRanges>().unwrap_err().to_string();
        assert!(error.ends_with(&format!(": {text}")), "{error}");
    }
}
