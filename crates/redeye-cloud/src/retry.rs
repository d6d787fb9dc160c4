use rem_time::Span;

/// The first pause, at most.
const FIRST: Span = Span::from_millis(250);
/// The longest pause, at most.
const MOST: Span = Span::from_seconds(8);

/// How long to wait before the next attempt, after `failures` in a row: anything up to
/// 250 ms, doubled each time up to 8 s, so that many who failed together do not come
/// back together. At least what the cloud asked for. `chance` is any number.
pub(crate) fn pause(failures: u32, asked: Option<Span>, chance: u64) -> Span {
    let doubled = FIRST.as_nanos() << failures.saturating_sub(1).min(20);
    let most = doubled.min(MOST.as_nanos());
    let own = Span::from_nanos(chance % (most + 1));
    asked.map_or(own, |asked| asked.saturating_add(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_eight_seconds() {
        let longest = |failures| {
            let all = (0..=20_000).map(|n| pause(failures, None, n * 500_000));
            all.max().unwrap().as_millis()
        };
        let grown: Vec<u64> = (1..=8).map(longest).collect();
        assert_eq!(grown, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        assert!(longest(u32::MAX) <= 8_000);
        let asked = Some(Span::from_seconds(30));
        assert!(Span::from_seconds(30) <= pause(1, asked, 7));
    }
}
