//! What people do with open alerts.

use rem_alert::episode::Event;
use rem_time::Timestamp;

use super::{DeskCore, Refused};
use crate::actor::{Actor, Right};
use crate::event::{Action, Target};

impl DeskCore {
    /// A person does something with open alerts; tells which.
    ///
    /// # Errors
    /// If they may not, none of them is open, or what was said makes no sense.
    pub fn act(
        &mut self,
        target: &Target,
        by: &Actor,
        action: &Action,
        now: Timestamp,
    ) -> Result<Vec<u64>, Refused> {
        by.needs(Right::Operator, "act on alerts")?;
        let numbers = self.targets(target)?;
        let by = by.name.clone();
        let event = match action {
            Action::Snooze(span) if span.is_zero() => {
                return Err(Refused::Invalid("a snooze has to last some time".into()));
            }
            Action::Snooze(span) => Event::Snooze {
                until: now + *span,
                by,
            },
            Action::Complete => Event::Complete { by },
            Action::Comment(text) => Event::Comment {
                by,
                text: text.clone(),
            },
            Action::Take => Event::Take { by },
            Action::Reassign(to) => {
                if !self.rules.rules.users.contains_key(&**to) {
                    return Err(Refused::NoUser(to.to_string()));
                }
                Event::Reassign { to: to.clone(), by }
            }
            Action::Escalate => Event::Escalate { by },
        };
        for number in &numbers {
            if let Some(slot) = self.episodes.numbered(*number) {
                self.step(slot, &event, now);
            }
        }
        Ok(numbers)
    }

    pub(super) fn targets(&self, target: &Target) -> Result<Vec<u64>, Refused> {
        let open = |number: &u64| {
            self.episodes
                .numbered(*number)
                .and_then(|slot| self.episodes.get(slot))
                .is_some_and(|open| open.state.is_open())
        };
        let numbers: Vec<u64> = match target {
            Target::Episode(number) => vec![*number],
            Target::Episodes(numbers) => numbers.clone(),
            Target::Key { alert, subject } => self
                .episodes
                .find(alert, subject)
                .and_then(|slot| self.episodes.get(slot))
                .map(|open| open.state.number)
                .into_iter()
                .collect(),
        };
        let numbers: Vec<u64> = numbers.into_iter().filter(open).collect();
        if numbers.is_empty() {
            return Err(Refused::NoEpisode(target.to_string()));
        }
        Ok(numbers)
    }
}
