#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn sealed(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut block = vec![0; BLOCK_HEAD];
    write(&mut block);
    seal(&mut block);
    block
}

#[test]
fn records_come_back_as_they_were_written() {
    let block = sealed(|block| {
        definition(block, 7, b"{}");
        sample(block, 7, -5, &[(0, 1.5), (300, f64::INFINITY)]);
        sample(block, 7, i64::MAX, &[]);
    });
    let [Part::Block(payload)] = parts(&block)[..] else {
        panic!("{:?}", parts(&block));
    };
    let expected = [
        Record::Definition {
            series: 7,
            json: b"{}",
        },
        Record::Sample {
            series: 7,
            second: -5,
            values: vec![(0, 1.5), (300, f64::INFINITY)],
        },
        Record::Sample {
            series: 7,
            second: i64::MAX,
            values: vec![],
        },
    ];
    assert_eq!(
        records(payload).map(Option::unwrap).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn a_payload_that_ends_early_says_so_once() {
    let block = sealed(|block| sample(block, 1, 2, &[(0, 1.0)]));
    let payload = &block[BLOCK_HEAD..block.len() - 1];
    assert_eq!(records(payload).collect::<Vec<_>>(), [None]);
}

#[test]
fn what_ends_in_the_middle_of_a_block_is_unfinished_and_not_damaged() {
    let block = sealed(|block| sample(block, 1, 2, &[(0, 1.0)]));
    let two = [&block[..], &block[..]].concat();
    for len in block.len() + 1..two.len() {
        let bytes = len - block.len();
        let expected = [
            Part::Block(&block[BLOCK_HEAD..]),
            Part::Unfinished {
                at: block.len(),
                bytes,
            },
        ];
        assert_eq!(parts(&two[..len]), expected);
    }
}

proptest! {
    /// One flipped byte costs its own block only.
    #[test]
    fn damage_does_not_spread(at in 0_usize..1000, flip in 1_u8..=255) {
        let blocks: Vec<Vec<u8>> = (0..10_i64)
            .map(|second| sealed(|block| sample(block, 1, second, &[(0, 1.0)])))
            .collect();
        let mut bytes = blocks.concat();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let hit = at / blocks[0].len();
        let read: Vec<&[u8]> = parts(&bytes)
            .into_iter()
            .filter_map(|part| match part {
                Part::Block(payload) => Some(payload),
                Part::Damage { .. } | Part::Unfinished { .. } => None,
            })
            .collect();
        let expected: Vec<&[u8]> = blocks
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != hit)
            .map(|(_, block)| &block[BLOCK_HEAD..])
            .collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for part in parts(&bytes) {
            if let Part::Block(payload) = part {
                records(payload).for_each(drop);
            }
        }
        records(&bytes).for_each(drop);
    }
}
