#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn rows(pending: &Pending) -> Vec<(i64, Vec<Option<f64>>)> {
    let known = |v: &f64| Some(*v).filter(|v| !v.is_nan());
    let row = |at: usize| pending.row(at).iter().map(known).collect();
    let times = pending.times.iter().enumerate();
    times.map(|(at, time)| (*time, row(at))).collect()
}

fn of_width(width: usize) -> Pending {
    let mut pending = Pending::default();
    pending.widen(width);
    pending
}

#[test]
fn a_later_field_is_unknown_in_the_rows_before_it() {
    let mut pending = of_width(1);
    pending.put(1, 0, &[(0, 5.0)]);
    pending.widen(2);
    pending.put(2, 0, &[(1, 6.0)]);
    let expected = [(1, vec![Some(5.0), None]), (2, vec![None, Some(6.0)])];
    assert_eq!(rows(&pending), expected);
}

#[test]
fn the_newest_row_can_stay_back() {
    let mut pending = of_width(1);
    pending.put(1, 7, &[(0, 5.0)]);
    pending.put(2, 8, &[(0, 6.0)]);
    let taken = pending.take(true);
    assert_eq!(rows(&taken), [(1, vec![Some(5.0)])]);
    assert_eq!(rows(&pending), [(2, vec![Some(6.0)])]);
    assert_eq!(pending.oldest_segment(), Some(8));
    assert_eq!(of_width(1).take(true), of_width(1));
}

#[test]
fn rows_that_could_not_be_written_come_back_before_the_newer_ones() {
    let mut pending = of_width(1);
    pending.put(1, 7, &[(0, 5.0)]);
    pending.put(2, 7, &[(0, 6.0)]);
    let mut taken = pending.take(false);
    pending.widen(2);
    pending.put(3, 9, &[(1, 1.0)]);
    taken.drop_written(1);
    pending.put_back(taken);
    let expected = [(2, vec![Some(6.0), None]), (3, vec![None, Some(1.0)])];
    assert_eq!(rows(&pending), expected);
    assert_eq!(pending.oldest_segment(), Some(7));
    assert_eq!(pending.drop_above(1), 1);
    assert_eq!(rows(&pending), [(3, vec![None, Some(1.0)])]);
}

#[test]
fn a_row_needs_the_segments_of_all_its_fields() {
    let mut pending = of_width(2);
    pending.put(1, 3, &[(0, 1.0)]);
    pending.put(1, 4, &[(1, 1.0)]);
    assert_eq!(pending.oldest_segment(), Some(3));
    pending.carried_to(9);
    assert_eq!(pending.oldest_segment(), Some(9));
}

#[test]
fn the_oldest_of_the_last_rows_go_first() {
    let mut last = LastRows::default();
    last.widen(1);
    for second in [1, 2, 5, 3, 5] {
        last.put(second, &[(0, second as f64)], 3);
    }
    let rows: Vec<_> = last.rows(10).collect();
    assert_eq!(rows, [(2, vec![2.0]), (3, vec![3.0]), (5, vec![5.0])]);
    assert_eq!(last.oldest(), Some(2));
    assert_eq!(last.rows(1).count(), 1);
}

proptest! {
    /// Against a map from seconds to rows.
    #[test]
    fn samples_in_any_order_end_up_by_their_seconds(
        samples in proptest::collection::vec((0_i64..20, 0_usize..3, proptest::option::of(0_u8..5)), 0..60)
    ) {
        let mut pending = of_width(3);
        let mut last = LastRows::default();
        last.widen(3);
        let mut naive: BTreeMap<i64, Vec<Option<f64>>> = BTreeMap::new();
        for (second, field, value) in samples {
            let known = value.map(f64::from);
            let sample = [(field, known.unwrap_or(f64::NAN))];
            let put = pending.put(second, 0, &sample);
            last.put(second, &sample, 1000);
            let cell = &mut naive.entry(second).or_insert(vec![None; 3])[field];
            let expected = usize::from(cell.is_some() && known.is_some() && *cell != known);
            if let Put::Merged { replaced } = put {
                prop_assert_eq!(replaced, expected);
            }
            *cell = known.or(*cell);
        }
        let naive: Vec<_> = naive.into_iter().collect();
        prop_assert_eq!(rows(&pending), naive.clone());
        let known = |v: f64| Some(v).filter(|v| !v.is_nan());
        let last: Vec<_> = last
            .rows(1000)
            .map(|(time, row)| (time, row.into_iter().map(known).collect::<Vec<_>>()))
            .collect();
        prop_assert_eq!(last, naive);
    }
}
