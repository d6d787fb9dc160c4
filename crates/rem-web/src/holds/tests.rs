use super::*;

#[track_caller]
fn read(text: &str) -> Vec<String> {
    covers(text)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_match_is_read_as_it_stands_in_the_file() {
    assert_eq!(
        read("machine = db-* and location in /eu/de"),
        ["machine = db-*", "location in /eu/de"]
    );
    assert!(read("everything").is_empty());
}

#[test]
fn what_is_no_match_is_told_with_the_part_that_is_wrong() {
    let error = covers("machine = db-01 and nonsense").unwrap_err();
    assert!(error.to_string().contains("nonsense"), "{error}");
    let long = vec!["a = b"; MATCHERS_MAX + 1].join(" and ");
    assert!(covers(&long).is_err());
}
