use rem_time::{Clock, SinceBoot, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// An instant by the clock on the wall, and by the machine's uptime if it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) up: Option<SinceBoot>,
}

impl Moment {
    pub(crate) fn now(clock: &dyn Clock) -> Self {
        Self {
            wall: clock.now(),
            up: clock.since_boot(),
        }
    }

    /// How long ago another moment was: by uptime within one boot, else by the wall
    /// clock. `None`: it lies in the future, because the clock was set.
    pub(crate) fn since(&self, then: &Self) -> Option<Span> {
        if let (Some(now), Some(then)) = (&self.up, &then.up)
            && now.boot == then.boot
        {
            let passed = then.passed <= now.passed;
            return passed.then(|| now.passed.saturating_sub(then.passed));
        }
        (then.wall <= self.wall).then(|| self.wall.since(then.wall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: i64, up: Option<(&str, u64)>) -> Moment {
        Moment {
            wall: Timestamp::from_seconds(wall),
            up: up.map(|(boot, passed)| SinceBoot {
                boot: boot.into(),
                passed: Span::from_seconds(passed),
            }),
        }
    }

    #[test]
    fn within_one_boot_the_wall_clock_may_be_set() {
        let then = moment(1_000, Some(("a", 10)));
        let set_back = moment(500, Some(("a", 15)));
        assert_eq!(set_back.since(&then), Some(Span::from_seconds(5)));
        let other_boot = moment(1_060, Some(("b", 1)));
        assert_eq!(other_boot.since(&then), Some(Span::from_seconds(60)));
    }

    #[test]
    fn a_moment_in_the_future_has_no_age() {
        assert_eq!(moment(10, None).since(&moment(20, None)), None);
        let (now, then) = (moment(10, Some(("b", 1))), moment(20, Some(("a", 99))));
        assert_eq!(now.since(&then), None);
    }
}
