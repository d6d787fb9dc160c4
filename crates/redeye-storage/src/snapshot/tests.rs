use super::*;

/// `c` complete, `g` complete and verified, `b` complete and found bad, `p` pending,
/// `x` broken; one a day, the oldest first. The number is the day.
fn history(letters: &str) -> Vec<StorageSnapshot> {
    let one = |(day, letter): (usize, char)| {
        let taken = at(day);
        let verified = |bad: Option<&str>| {
            Some(Verified {
                at: taken,
                bad: bad.map(str::to_owned),
            })
        };
        StorageSnapshot {
            id: OperationId::new(taken, [0; 10]),
            storage: "shop".parse().unwrap(),
            taken,
            held: None,
            state: match letter {
                'p' => Completeness::Pending,
                'x' => Completeness::Broken("no room".into()),
                _ => Completeness::Complete,
            },
            verified: match letter {
                'g' => verified(None),
                'b' => verified(Some("a page is torn")),
                _ => None,
            },
            copied_by: None,
            made: BTreeMap::new(),
        }
    };
    letters.chars().enumerate().map(one).collect()
}

fn at(day: usize) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + 86_400 * day as i64)
}

fn days(ids: &[OperationId]) -> Vec<usize> {
    let day = |id: &OperationId| (0..100).find(|day| OperationId::new(at(*day), [0; 10]) == *id);
    ids.iter().map(|id| day(id).unwrap()).collect()
}

#[track_caller]
fn drops(letters: &str, last: u32, younger_days: u64, wanted: &[usize]) {
    let keep = Keep {
        last,
        younger: Span::from_seconds(86_400 * younger_days),
    };
    let now = at(letters.len());
    assert_eq!(
        days(&not_kept(&history(letters), &keep, now)),
        wanted,
        "{letters}"
    );
}

#[test]
fn the_newest_and_the_young_are_kept() {
    drops("ccccc", 2, 0, &[0, 1, 2]);
    drops("ccccc", 1, 4, &[0, 1]);
    drops("cc", 7, 0, &[]);
    drops("", 1, 0, &[]);
}

#[test]
fn the_last_good_one_is_never_dropped() {
    drops("gcccc", 1, 0, &[1, 2, 3]);
    drops("gccbb", 1, 0, &[1, 3]);
    drops("gxxxx", 1, 0, &[1, 2, 3, 4]);
    drops("cbbbb", 1, 0, &[1, 2, 3]);
    drops("gg", 1, 0, &[0]);
}

#[test]
fn what_is_under_way_is_kept_and_what_broke_takes_no_place() {
    drops("ccpx", 1, 0, &[0, 3]);
    drops("cxcx", 2, 0, &[1, 3]);
}

#[test]
fn a_restore_begins_with_the_newest_and_tries_bad_ones_last() {
    assert_eq!(days(&candidates(&history("cgbpx"))), [1, 0, 2]);
    assert_eq!(days(&candidates(&history("ggg"))), [2, 1, 0]);
    assert_eq!(days(&candidates(&history("px"))), [0_usize; 0]);
}

#[test]
fn whatever_happens_a_snapshot_that_may_be_good_is_left() {
    let letters = ['c', 'g', 'b', 'p', 'x'];
    for number in 0..5_usize.pow(5) {
        let text: String = (0..5)
            .map(|place| letters[number / 5_usize.pow(place) % 5])
            .collect();
        let all = history(&text);
        let keep = Keep {
            last: 1,
            younger: Span::ZERO,
        };
        let dropped = not_kept(&all, &keep, at(9));
        for is_it in [StorageSnapshot::is_good, StorageSnapshot::may_be_good] {
            let left = all
                .iter()
                .any(|one| is_it(one) && !dropped.contains(&one.id));
            assert_eq!(left, all.iter().any(is_it), "{text}");
        }
    }
}
