use std::fmt;
use std::sync::Arc;

use rem_time::Timestamp;

use super::effect::Recipient;
use super::event::Event;
use super::rules::{Roster, Rules};
use super::state::{Display, Episode};

/// One line of an episode's timeline: everything that changed it, so that the
/// lines alone lead to the same state again ([`replay`]).
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// The episode's number afterwards.
    pub number: u64,
    /// What happened, with who and why in it.
    pub event: Event,
    /// Who was on call for the roles that were asked for.
    pub asked: Vec<(Arc<str>, Vec<Arc<str>>)>,
    /// What the episode showed before.
    pub was: Display,
    /// What it shows now.
    pub is: Display,
    /// Whom it paged, if it did, with the page's number.
    pub paged: Option<(u32, Recipient)>,
}

/// The state that the lines of a timeline lead to, from `start`. The rules must
/// be those of the time.
pub fn replay<'a>(
    start: Episode,
    lines: impl IntoIterator<Item = &'a AuditLine>,
    rules: &Rules,
) -> Episode {
    let mut episode = start;
    let mut effects = Vec::new();
    for line in lines {
        effects.clear();
        episode.step(
            &line.event,
            line.at,
            rules,
            &Asked(&line.asked),
            &mut effects,
        );
    }
    episode
}

/// The answers that a line remembers.
struct Asked<'a>(&'a [(Arc<str>, Vec<Arc<str>>)]);

impl Roster for Asked<'_> {
    fn on_call(&self, role: &str, _at: Timestamp) -> Vec<Arc<str>> {
        self.0
            .iter()
            .find(|(asked, _)| **asked == *role)
            .map(|(_, users)| users.clone())
            .unwrap_or_default()
    }
}

impl fmt::Display for AuditLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.event {
            Event::Fire(_) => f.write_str("fires"),
            Event::Clear => f.write_str("clears"),
            Event::Evaluated { parent, .. } => write!(f, "{parent} was looked at"),
            Event::ParentFire { parent } => write!(f, "{parent} alerts and explains it"),
            Event::ParentClear { parent, .. } => write!(f, "{parent} alerts no more"),
            Event::Sampled { .. } => f.write_str("looked at again"),
            Event::Snooze { until, by } => write!(f, "{by} snoozed it until {until}"),
            Event::Complete { by } => write!(f, "{by} acknowledged it"),
            Event::Force(hold) => {
                write!(f, "{} holds it until {}: {}", hold.by, hold.until, hold.why)
            }
            Event::EndForce { by } => write!(f, "{by} ended the hold"),
            Event::Maintenance(hold) => write!(
                f,
                "maintenance by {} until {}: {}",
                hold.by, hold.until, hold.why
            ),
            Event::EndMaintenance => f.write_str("maintenance is over"),
            Event::Reassign { to, by } => write!(f, "{by} gave it to {to}"),
            Event::Escalate { by } => write!(f, "{by} escalated it"),
            Event::Take { by } => write!(f, "{by} took it"),
            Event::Unreachable { message } => write!(f, "message {message} reached nobody"),
            Event::Comment { by, text } => write!(f, "{by}: {text}"),
            Event::Wake => f.write_str("time passed"),
            Event::Removed { why } => write!(f, "no longer configured: {why}"),
        }?;
        match &self.paged {
            Some((number, Recipient::Role(role))) => write!(f, "; message {number} to {role}")?,
            Some((number, Recipient::User(user))) => write!(f, "; message {number} to {user}")?,
            Some((number, Recipient::Fallback)) => {
                write!(f, "; message {number} to the site's fallback")?;
            }
            None => {}
        }
        if self.was != self.is {
            write!(f, "; {} → {}", self.was, self.is)?;
        }
        Ok(())
    }
}
