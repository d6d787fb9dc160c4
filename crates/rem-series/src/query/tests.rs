use super::*;

fn rows(from: i64, step: u64, values: &[f64]) -> Rows {
    Rows {
        start: Timestamp::from_seconds(from),
        step: Span::from_seconds(step),
        fields: vec!["v".into()],
        values: values.to_vec(),
    }
}

#[test]
fn few_rows_stay_as_they_are() {
    let few = rows(10, 10, &[1.0, 2.0]);
    assert_eq!(few.clone().at_most(2, Consolidation::Average), few);
    assert_eq!(few.clone().at_most(0, Consolidation::Average), few);
    let none = Rows::default();
    assert_eq!(none.clone().at_most(1, Consolidation::Max), none);
}

#[test]
fn each_consolidation_makes_one_of_many() {
    let many = rows(10, 10, &[1.0, f64::NAN, 4.0, 2.0]);
    for (by, expected) in [
        (Consolidation::Average, 7.0 / 3.0),
        (Consolidation::Min, 1.0),
        (Consolidation::Max, 4.0),
        (Consolidation::Last, 2.0),
    ] {
        let one = many.clone().at_most(1, by);
        assert_eq!(one.values, [expected], "{by}");
        assert_eq!((one.start.as_seconds(), one.step.as_seconds()), (40, 40));
    }
}

#[test]
fn unknown_stays_unknown() {
    let all_unknown = rows(10, 10, &[f64::NAN; 4]).at_most(2, Consolidation::Average);
    assert!(all_unknown.values.iter().all(|v| v.is_nan()));
    assert_eq!(all_unknown.len(), 2);
    assert_eq!(all_unknown.field("v")[0].1, None);
    assert_eq!(all_unknown.field("w"), []);
}

#[test]
fn groups_begin_on_multiples_however_the_window_moves() {
    for from in 1..50_i64 {
        let many = rows(from * 10, 10, &[1.0; 37]).at_most(10, Consolidation::Average);
        assert!(many.len() <= 10, "{}", many.len());
        assert_eq!(
            many.start.as_seconds() % many.step.as_seconds().cast_signed(),
            0
        );
        assert!(many.time(many.len() - 1).as_seconds() >= from * 10 + 360);
    }
}
