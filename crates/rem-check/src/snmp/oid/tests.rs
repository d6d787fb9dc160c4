use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let oid: Result<Oid, OidError> = text.parse();
    let text = oid.map_or_else(|error| error.to_string(), |oid| oid.to_string());
    assert_eq!(text, expected);
}

#[test]
fn identifiers_are_numbers_or_a_name_and_numbers() {
    check("1.3.6.1", "1.3.6.1");
    check(".1.3.6.1", "1.3.6.1");
    check("ifInOctets.3", "1.3.6.1.2.1.2.2.1.10.3");
    check("ifName", "1.3.6.1.2.1.31.1.1.1.1");
    check("laLoad.1", "1.3.6.1.4.1.2021.10.1.3.1");
    check("2.999", "2.999");
}

#[test]
fn other_texts_are_refused() {
    let malformed =
        |text: &str| format!("not an object identifier such as 1.3.6.1.2.1.1.3.0: {text}");
    for text in [
        "",
        ".",
        "1",
        "1.",
        "1..3",
        "1.-3",
        "1.+3",
        "1.3.4294967296",
        "3.1",
        "1.40",
        "sysUpTime.x",
    ] {
        check(text, &malformed(text));
    }
    let long = vec!["1"; 129].join(".");
    assert!(long.parse::<Oid>().is_err());
    check(
        "sysUptime.0",
        "not a known name of an object, write its number such as 1.3.6.1.2.1.1.3.0: sysUptime",
    );
}

#[test]
fn identifiers_are_in_the_order_of_a_walk() {
    let oid = |text: &str| text.parse::<Oid>().unwrap();
    let walk = ["1.3", "1.3.1", "1.3.1.9", "1.3.2", "1.3.10"].map(oid);
    assert!(walk.is_sorted());
    assert_eq!(oid("1.3.1.9").below(&oid("1.3")), Some(&[1, 9][..]));
    assert_eq!(oid("1.3").below(&oid("1.3")), None);
    assert_eq!(oid("1.30").below(&oid("1.3")), None);
}
