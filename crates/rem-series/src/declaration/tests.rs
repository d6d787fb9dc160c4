#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn it_comes_back_from_the_journal() {
    let field = Field {
        kind: Kind::Absolute,
        unit: Some("ms".into()),
        min: Some(-0.5),
        max: None,
        heartbeat: Some(Span::from_seconds(90)),
    };
    let declaration = Declaration::default()
        .field("höhe", field)
        .field("plain", Field::gauge())
        .archives(default_archives());
    assert_eq!(Declaration::from_json(&declaration.to_json()), declaration);
    let empty = Declaration::default();
    assert_eq!(Declaration::from_json(&empty.to_json()), empty);
    assert_eq!(Declaration::from_json(&Value::Null), empty);
}

#[test]
fn the_newer_one_wins_where_it_speaks() {
    let mut declaration = Declaration::default()
        .field("a", Field::of(Kind::Counter))
        .archives(default_archives());
    let newer = Declaration::default().field("b", Field::of(Kind::Derive));
    declaration.refine(&newer);
    assert_eq!(declaration.fields.len(), 2);
    assert_eq!(declaration.archives, Some(default_archives()));
    declaration.refine(&Declaration::default().field("a", Field::gauge()));
    assert_eq!(declaration.fields["a"].kind, Kind::Gauge);
}

#[test]
fn words_are_read_in_any_case() {
    assert_eq!("gauge".parse::<Kind>().unwrap(), Kind::Gauge);
    assert_eq!(
        "Last".parse::<Consolidation>().unwrap(),
        Consolidation::Last
    );
    let wrong = "guage".parse::<Kind>().unwrap_err().to_string();
    assert_eq!(
        wrong,
        "unknown type, use GAUGE, COUNTER, DERIVE or ABSOLUTE: guage"
    );
    assert!("MEAN".parse::<Consolidation>().is_err());
}
