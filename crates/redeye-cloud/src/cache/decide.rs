use rem_time::Span;

use super::circuit::Circuit;
use super::entry::Entry;
use super::moment::Moment;
use super::policy::{Mode, Policy};
use crate::error::CloudError;
use crate::listing::Why;

/// What a reader gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// What is kept.
    Answer(Why),
    /// What is kept, while a newer one is fetched.
    AnswerAndRefresh,
    /// The cloud is asked; what is kept may stand in.
    Ask,
    /// The cloud is asked; nothing stands in.
    AskStrictly,
    /// Nothing is kept, and the cloud is left alone.
    LeftAlone(Span, CloudError),
    /// Nothing is kept, and the cloud must not be asked.
    Nothing,
}

/// What a reader gets, from what is kept and how the scope has answered so far.
/// `spread` is any number of the entry's own.
pub(crate) fn decide(
    entry: Option<&Entry>,
    circuit: &Circuit,
    mode: Mode,
    policy: &Policy,
    now: &Moment,
    spread: u64,
) -> Decision {
    let kept = entry.filter(|entry| entry.kept.is_some());
    let limit = match mode {
        Mode::StrictFresh => return Decision::AskStrictly,
        Mode::Fresh => return Decision::Ask,
        Mode::Cached => {
            return match kept {
                Some(_) => Decision::Answer(Why::Asked),
                None => Decision::Nothing,
            };
        }
        Mode::MaxAge(limit) => Some(limit),
        Mode::Usual => None,
    };
    let age = kept.and_then(|entry| entry.age(now));
    let dirty = kept.is_some_and(|entry| entry.dirty);
    let alone = circuit.remaining(now.wall);
    if let (Some(entry), Some(age), false) = (kept, age, dirty) {
        let young = limit.unwrap_or_else(|| policy.ttl(entry.kind, entry.is_busy(), spread));
        if age <= young {
            return Decision::Answer(Why::Fresh);
        }
        let factor = u64::from(policy.stale_factor);
        let stale = Span::from_nanos(young.as_nanos().saturating_mul(factor));
        if limit.is_none() && age <= stale && alone.is_none() {
            return Decision::AnswerAndRefresh;
        }
    }
    match (alone, kept) {
        (None, _) => Decision::Ask,
        (Some((remaining, last)), Some(_)) => Decision::Answer(Why::LeftAlone {
            remaining,
            last: last.clone(),
        }),
        (Some((remaining, last)), None) => Decision::LeftAlone(remaining, last.clone()),
    }
}
