use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::alert::Heard;

type Texts = BTreeMap<Arc<str>, Arc<str>>;

/// Keeps each text of a POST once: its alerts have the same names, and most of the same
/// values, and stay for as long as they fire.
pub(super) fn share(heard: &mut [Heard]) {
    let mut known: HashSet<Arc<str>> = HashSet::new();
    let mut one = |text: Arc<str>| match known.get(&text) {
        Some(same) => Arc::clone(same),
        None => {
            known.insert(Arc::clone(&text));
            text
        }
    };
    for Heard { report, .. } in heard {
        report.alert = one(std::mem::take(&mut report.alert));
        for texts in [&mut report.labels, &mut report.values] {
            let pairs = std::mem::take::<Texts>(texts).into_iter();
            *texts = pairs.map(|(name, text)| (one(name), one(text))).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use rem_desk::Report;
    use rem_time::Timestamp;

    use super::*;

    #[test]
    fn alerts_of_one_post_share_their_texts_and_say_the_same() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let heard = |host: &str| Heard {
            report: Report::fires("down", host, now)
                .label("job", "web")
                .label("host", host),
            until: now,
        };
        let mut both = [heard("a"), heard("b")];
        share(&mut both);
        let [a, b] = &both;
        assert_eq!(a.report, heard("a").report);
        assert_eq!(b.report, heard("b").report);
        assert!(Arc::ptr_eq(&a.report.alert, &b.report.alert));
        assert!(Arc::ptr_eq(
            &a.report.labels["job"],
            &b.report.labels["job"]
        ));
    }
}
