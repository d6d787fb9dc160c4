use proptest::prelude::*;

use super::*;

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

fn found(text: &str) -> (Oid, Value) {
    (oid(text), Value::Integer(1))
}

fn walk(columns: &[&str]) -> Walk {
    Walk::new(columns.iter().map(|column| oid(column)), 100)
}

#[track_caller]
fn wanted(walk: &Walk, expected: &[&str]) {
    let wanted: Vec<String> = walk.wanted().iter().map(Oid::to_string).collect();
    assert_eq!(wanted, expected);
}

#[test]
fn columns_are_walked_side_by_side_until_each_ends() {
    let mut walk = walk(&["1.3.1", "1.3.2"]);
    wanted(&walk, &["1.3.1", "1.3.2"]);
    let steps = ["1.3.1.1", "1.3.2.1", "1.3.1.5", "1.3.3.1"].map(found);
    walk.take(steps.to_vec()).unwrap();
    // The second one is over, and has no row 5.
    wanted(&walk, &["1.3.1.5"]);
    walk.take(vec![(oid("1.3.1.5"), Value::EndOfView)]).unwrap();
    wanted(&walk, &[]);
    let cells = |index: &[u32]| {
        walk.rows[index]
            .iter()
            .map(Option::is_some)
            .collect::<Vec<_>>()
    };
    assert_eq!(cells(&[1]), [true, true]);
    assert_eq!(cells(&[5]), [true, false]);
    assert!(!walk.is_cut);
}

#[test]
fn an_answer_may_be_cut_short() {
    let mut walk = walk(&["1.3.1", "1.3.2"]);
    walk.take(["1.3.1.1", "1.3.2.1", "1.3.1.2"].map(found).to_vec())
        .unwrap();
    wanted(&walk, &["1.3.1.2", "1.3.2.1"]);
}

#[test]
fn objects_that_do_not_increase_are_refused() {
    for again in ["1.3.1.4", "1.3.1.3"] {
        let mut walk = walk(&["1.3.1"]);
        walk.take(vec![found("1.3.1.4")]).unwrap();
        let refused = walk.take(vec![found(again)]);
        assert_eq!(refused, Err(NotIncreasing(oid(again))));
    }
}

#[test]
fn a_walk_ends_at_its_limit_of_rows() {
    let mut walk = Walk::new([oid("1.3.1"), oid("1.3.2")], 2);
    let mut steps = 0;
    while !walk.wanted().is_empty() {
        let next = walk.wanted().into_iter().map(|cursor| {
            let mut arcs = cursor.arcs().to_vec();
            match arcs.len() {
                3 => arcs.push(1),
                _ => arcs[3] += 1,
            }
            (Oid::from(arcs), Value::Integer(1))
        });
        walk.take(next.collect()).unwrap();
        steps += 1;
        assert!(steps < 10);
    }
    assert_eq!(walk.rows.len(), 2);
    assert!(walk.is_cut);
}

#[test]
fn version_1_ends_a_column_by_its_number() {
    let mut walk = walk(&["1.3.1", "1.3.2", "1.3.3"]);
    assert!(walk.end(2));
    wanted(&walk, &["1.3.1", "1.3.3"]);
    assert!(walk.end(2));
    wanted(&walk, &["1.3.1"]);
    for index in [0, 2, -1, i32::MAX, i32::MIN] {
        assert!(!walk.end(index));
    }
}

#[test]
fn many_columns_are_walked_in_turn() {
    let columns = (1..=70).map(|column| Oid::from(vec![1, 3, column]));
    let mut walk = Walk::new(columns, 100);
    assert_eq!(walk.wanted().len(), 32);
    assert!(walk.narrow());
    assert_eq!(walk.wanted().len(), 16);
    while walk.narrow() {}
    assert_eq!(walk.wanted().len(), 1);
    for _ in 0..70 {
        walk.take(Vec::new()).unwrap();
    }
    wanted(&walk, &[]);
}

proptest! {
    /// Whatever an agent says, each of its answers brings the walk nearer to its end.
    #[test]
    fn no_agent_makes_a_walk_endless(
        answers in prop::collection::vec(
            prop::collection::vec((1_u32..4, prop::collection::vec(0_u32..4, 0..3)), 0..6),
            0..400,
        ),
    ) {
        let mut walk = Walk::new([oid("1.3.1"), oid("1.3.2")], 5);
        let mut steps = 0;
        for answer in answers {
            if walk.wanted().is_empty() {
                break;
            }
            let bindings = answer.into_iter().map(|(column, index)| {
                (Oid::from([&[1, 3, column], &index[..]].concat()), Value::Integer(1))
            });
            if walk.take(bindings.collect()).is_err() {
                break;
            }
            steps += 1;
        }
        // Two columns of five rows, and an end for each of them.
        prop_assert!(steps <= 12, "{steps}");
        prop_assert!(walk.rows.len() <= 5);
    }
}
