//! Tests of contacts: sent, taken over, come back or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use rem_alert::message::State;
use rem_time::Timestamp;

use super::{DeskCore, News, Refused};
use crate::event::Report;
use crate::outbox::{Addressee, Letter, PlainKind, Words};
use crate::paths::PathView;

/// The alert of a self-test that was taken over and did not come back; its subject is
/// `contact:<kind>`.
pub const ONCALL_PATH: &str = "oncall-path";
/// What the grant of a self-test's token is about begins with this.
const TEST: char = 't';
/// The kinds of contact, with the letter that a token has for each.
const KINDS: [(char, &str); 3] = [('m', "mail"), ('w', "webhook"), ('s', "script")];

impl DeskCore {
    /// One test message to each loop contact of the site, and to each contact that
    /// is known as broken.
    pub(crate) fn test_contacts(&mut self, now: Timestamp) {
        let subject = format!("{}: does this contact work?", self.rules.rules.site);
        let text = "a test; nothing is to be done\n";
        let mut tests: Vec<(Addressee, u32)> = (0..self.rules.rules.self_test.len() as u32)
            .map(|at| (Addressee::SelfTest, at))
            .collect();
        for broken in self.outbox.broken() {
            let reaches = self.rules.reaches(&broken.to);
            let at = reaches
                .iter()
                .position(|reach| reach.contact.to_string() == broken.contact);
            if let Some(at) = at.filter(|_| broken.to != Addressee::SelfTest) {
                tests.push((broken.to.clone(), at as u32));
            }
        }
        for (to, at) in tests {
            self.write_plain(to, Some(at), PlainKind::SelfTest, &subject, text, now);
        }
    }

    /// What the token of a self-test is about; `None` if a letter is none, or nothing
    /// comes back from its kind of contact.
    pub(crate) fn test_of(&self, letter: &Letter) -> Option<String> {
        let kind = self.kind_tested(letter)?;
        if !self.rules.rules.comes_back.contains(kind) {
            return None;
        }
        let (short, _) = KINDS.iter().find(|(_, name)| *name == kind)?;
        Some(format!("{TEST}{short}{}", letter.no))
    }

    fn kind_tested(&self, letter: &Letter) -> Option<&'static str> {
        let is_test = matches!(
            &letter.words,
            Words::Plain {
                kind: PlainKind::SelfTest,
                ..
            }
        );
        if !is_test || letter.to != Addressee::SelfTest {
            return None;
        }
        let reaches = self.rules.reaches(&letter.to);
        let reach = reaches.get(letter.message.contact as usize)?;
        Some(reach.contact.kind())
    }

    /// A letter is done: if it is a test, somebody took it over.
    pub(super) fn test_done(&mut self, letter: &Letter, now: Timestamp) {
        let Some(kind) = self.kind_tested(letter) else {
            return;
        };
        if matches!(letter.message.state, State::Sent { .. }) {
            self.paths.taken(kind, letter.no, now);
            self.dirty.people = true;
            self.changes.news.push(News::People);
        }
    }

    /// A self-test came back; tells the kind of contact.
    ///
    /// # Errors
    /// If `about` is of no self-test that was sent.
    pub fn arrived(&mut self, about: &str, now: Timestamp) -> Result<Arc<str>, Refused> {
        let not_ours = || Refused::Invalid("this is not the token of a self-test".into());
        let rest = about.strip_prefix(TEST).ok_or_else(not_ours)?;
        let (_, kind) = KINDS
            .iter()
            .find(|(short, _)| rest.starts_with(*short))
            .ok_or_else(not_ours)?;
        let no: u64 = rest[1..].parse().map_err(|_| not_ours())?;
        if self.outbox.last_number() < no {
            return Err(not_ours());
        }
        if self.paths.arrived(kind, no, now) {
            self.report(&Report::clears(ONCALL_PATH, &subject(kind), now), now);
        }
        self.dirty.people = true;
        self.changes.news.push(News::People);
        Ok((*kind).into())
    }

    pub(super) fn next_path(&self) -> Option<Timestamp> {
        let rules = &self.rules.rules;
        self.paths
            .next_wakeup(&rules.comes_back, rules.timing.self_test_within)
    }

    pub(super) fn look_at_paths(&mut self, now: Timestamp) {
        let rules = self.rules.clone();
        let within = rules.rules.timing.self_test_within;
        for (kind, since) in self.paths.overdue(&rules.rules.comes_back, within, now) {
            self.dirty.people = true;
            let text = format!(
                "the self-test by {kind} to {} was taken over at {since} and did not come back \
                 within {within}",
                self.tested_at(&kind)
            );
            let report = Report::fires(ONCALL_PATH, &subject(&kind), now).message(text);
            self.report(&report, now);
        }
    }

    /// Other rules: what is no longer to come back is missed no more.
    pub(super) fn paths_changed(&mut self, now: Timestamp) {
        let rules = self.rules.clone();
        let tested = rules.rules.self_test.iter();
        let tested: BTreeSet<&str> = tested.map(|reach| reach.contact.kind()).collect();
        for kind in self.paths.keep(&tested, &rules.rules.comes_back) {
            self.report(&Report::clears(ONCALL_PATH, &subject(&kind), now), now);
        }
        self.dirty.people = true;
    }

    fn tested_at(&self, kind: &str) -> String {
        let mut reaches = self.rules.rules.self_test.iter();
        let reach = reaches.find(|reach| reach.contact.kind() == kind);
        reach.map_or_else(String::new, |reach| reach.contact.to_string())
    }

    /// Where the test of each kind stands.
    pub(crate) fn path_views(&self) -> Vec<PathView> {
        let rules = &self.rules.rules;
        let view = |reach: &crate::rules::Reach| {
            let kind = reach.contact.kind();
            let comes_back = rules.comes_back.contains(kind);
            self.paths.view(kind, reach.contact.to_string(), comes_back)
        };
        rules.self_test.iter().map(view).collect()
    }
}

fn subject(kind: &str) -> String {
    format!("contact:{kind}")
}
