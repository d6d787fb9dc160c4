use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::policy::Policy;
use crate::error::{Class, CloudError};

/// Whether a scope answers at all. After some failures in a row it is left alone for
/// a while, so that who asks meanwhile has what is kept at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Circuit {
    pub(crate) failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<CloudError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alone: Option<Alone>,
}

/// From when until when a scope is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alone {
    from: Timestamp,
    until: Timestamp,
}

impl Circuit {
    /// How long the scope is still left alone, and why; nothing where it may be asked.
    pub(crate) fn remaining(&self, now: Timestamp) -> Option<(Span, &CloudError)> {
        let (alone, last) = (self.alone?, self.last.as_ref()?);
        // A clock that was set back must not make the wait longer.
        let waiting = alone.from <= now && now < alone.until;
        waiting.then(|| (alone.until.since(now), last))
    }

    /// It answered.
    pub(crate) fn answered(&mut self) -> bool {
        let was = std::mem::take(self);
        was != Self::default()
    }

    /// It failed. Failures that are answers all the same do not count. `chance` is any
    /// number, so that many do not come back at once.
    pub(crate) fn failed(
        &mut self,
        error: &CloudError,
        policy: &Policy,
        now: Timestamp,
        chance: u64,
    ) {
        match error.class {
            Class::Throttled | Class::Unavailable | Class::Protocol => {}
            _ => return,
        }
        self.failures = self.failures.saturating_add(1);
        self.last = Some(error.clone());
        if self.failures < policy.failures_max {
            return;
        }
        let doublings = (self.failures - policy.failures_max).min(30);
        let nanos = policy.alone_first.as_nanos().saturating_mul(1 << doublings);
        let nanos = nanos.min(policy.alone_most.as_nanos());
        let spread = u128::from(nanos) * u128::from(900 + chance % 201) / 1_000;
        let wait = Span::from_nanos(spread as u64).max(error.retry_after.unwrap_or(Span::ZERO));
        self.alone = Some(Alone {
            from: now,
            until: now + wait,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + second)
    }

    #[test]
    fn a_scope_that_fails_three_times_is_left_alone_longer_and_longer() {
        let (policy, mut circuit) = (Policy::default(), Circuit::default());
        let down = CloudError::new(Class::Unavailable, "instance list", "refused");
        circuit.failed(&down, &policy, at(0), 100);
        circuit.failed(&down, &policy, at(1), 100);
        assert_eq!(circuit.remaining(at(1)), None);
        let mut now = 2;
        for wait in [5, 10, 20, 40, 60, 60] {
            circuit.failed(&down, &policy, at(now), 100);
            let (remaining, _) = circuit.remaining(at(now)).unwrap();
            assert_eq!(remaining, Span::from_seconds(wait));
            now += i64::try_from(wait).unwrap();
            assert_eq!(circuit.remaining(at(now)), None, "then it is tried");
        }
        assert!(circuit.answered());
        assert_eq!(circuit, Circuit::default());
        assert!(!circuit.answered());
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let mut circuit = Circuit::default();
        for class in [Class::Denied, Class::NotFound, Class::Invalid] {
            for _ in 0..5 {
                let error = CloudError::new(class, "x", "y");
                circuit.failed(&error, &Policy::default(), at(0), 0);
            }
        }
        assert_eq!(circuit, Circuit::default());
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_the_wait_longer() {
        let (policy, mut circuit) = (Policy::default(), Circuit::default());
        let down = CloudError::new(Class::Throttled, "x", "y").retry_after(Span::from_seconds(30));
        for _ in 0..3 {
            circuit.failed(&down, &policy, at(0), 100);
        }
        let (remaining, _) = circuit.remaining(at(0)).unwrap();
        assert_eq!(remaining, Span::from_seconds(30), "as the cloud asked");
        assert_eq!(circuit.remaining(at(-3_600)), None);
    }
}
