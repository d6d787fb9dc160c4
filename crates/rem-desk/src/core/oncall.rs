//! Shifts begin and end, contacts are tested, the outside hears that we live.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use rem_alert::episode::Condition;
use rem_alert::message::Message;
use rem_alert::shift::{
    Author, Calendar, Due, Finding, Notice, Range, Swap, UserId, alterations, lint, next_notice,
    notices,
};
use rem_time::{Span, Timestamp};

use super::{Court, DeskCore, News, ONCALL_GAP};
use crate::actor::{Actor, Right};
use crate::event::Report;
use crate::outbox::{Addressee, Letter, PlainKind, Words};
use crate::people::{People, ShiftError};

/// The alert of what is wrong with a calendar; its subject is the role or the user.
pub const ONCALL_FINDING: &str = "oncall-finding";
/// How far ahead changes of shifts are told to whom they concern.
const ALTERATIONS_AHEAD: Span = Span::from_seconds(90 * 86_400);
/// How often the calendar is looked through for gaps to come.
const LINT_EVERY: Span = Span::from_seconds(86_400);
/// Open alerts that a hand-over lists.
const HANDOVER_LINES_MAX: usize = 50;
/// Changed stretches that a mail about changed shifts lists.
const ALTERED_LINES_MAX: usize = 20;

impl DeskCore {
    pub(super) fn look_at_people(&mut self, now: Timestamp) {
        if now < self.people.next_look {
            return;
        }
        for swap in self.people.expire(now) {
            self.tell_of_swap(&swap, "nobody answered in time", now);
        }
        let calendar = self.people.calendar.clone();
        for due in notices(&calendar, self.people.noticed, now) {
            self.give_notice(&due, now);
        }
        self.people.noticed = self.people.noticed.max(now);
        self.dirty.people = true;
        if self.look_for_gaps(&calendar, now) {
            // What is a gap now is no finding any more, and the other way round.
            self.people.linted = None;
        }
        let lint_due = self
            .people
            .linted
            .is_none_or(|at| LINT_EVERY <= now.since(at));
        if lint_due {
            self.people.linted = Some(now);
            self.look_for_findings(&calendar, now);
        }
        let roles = calendar.roles().iter();
        let change = roles
            .filter_map(|role| calendar.next_change(&role.id, now))
            .min();
        let offers = self.people.swaps.values().filter(|swap| swap.is_open());
        let next = [
            Some(next_notice(&calendar, now)),
            change,
            offers.map(|swap| swap.expires).min(),
            self.people.linted.map(|at| at + LINT_EVERY),
        ];
        // Never the same instant again: that would be a loop.
        let soonest = now + Span::from_millis(1);
        self.people.next_look = next
            .into_iter()
            .flatten()
            .min()
            .map_or(now + LINT_EVERY, |at| at.max(soonest));
    }

    /// Whether other roles than before have nobody.
    fn look_for_gaps(&mut self, calendar: &Calendar, now: Timestamp) -> bool {
        let alert: Arc<str> = ONCALL_GAP.into();
        let mut gaps = BTreeSet::new();
        for role in calendar.roles() {
            let subject = format!("role:{}", role.id);
            let gap = calendar.on_call(&role.id, now).is_empty();
            let open = self
                .episodes
                .find(&alert, &subject.as_str().into())
                .is_some();
            if gap {
                gaps.insert(role.id.clone());
                let text = format!("nobody is on call for {}", role.id);
                self.report(&Report::fires(ONCALL_GAP, &subject, now).message(text), now);
            } else if open {
                self.report(&Report::clears(ONCALL_GAP, &subject, now), now);
            }
        }
        let other = self.people.gaps != gaps;
        self.people.gaps = gaps;
        other
    }

    /// The ladder came to a role that nobody has, or that does not exist.
    pub(super) fn gap(&mut self, role: &Arc<str>, now: Timestamp) {
        let text = format!("an alert is to be told to {role}, and nobody is on call for it");
        let report = Report::fires(ONCALL_GAP, &format!("role:{role}"), now).message(text);
        // After the step that found it: the alert of a gap may meet the same gap.
        self.found_gaps.push(report);
    }

    pub(super) fn report_gaps(&mut self, now: Timestamp) {
        while let Some(report) = self.found_gaps.pop() {
            let known = self.episodes.find(&report.alert, &report.subject);
            if known.is_none() {
                self.report(&report, now);
            }
        }
    }

    fn look_for_findings(&mut self, calendar: &Calendar, now: Timestamp) {
        let rules = self.rules.clone();
        let reachable = |user: &UserId| {
            let user = rules.rules.users.get(user.as_str());
            user.is_some_and(|user| !user.contacts.is_empty())
        };
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for finding in lint(calendar, &[], reachable, now) {
            let Some(finding) = but_for_now(finding, now) else {
                continue;
            };
            let subject = match &finding {
                Finding::Gaps { role, .. }
                | Finding::Unreachable { role, .. }
                | Finding::UnknownRole { role, .. }
                | Finding::SameName { role, .. } => format!("role:{role}"),
                Finding::NoContact { user, .. } | Finding::UnknownUser { user, .. } => {
                    format!("user:{user}")
                }
                Finding::NoSteps { service } => format!("service:{service}"),
                Finding::LostEdit { author, .. } => format!("user:{author}"),
            };
            let text = found.entry(subject).or_default();
            if !text.is_empty() {
                text.push_str("; ");
            }
            let _ = write!(text, "{finding}");
        }
        let over: Vec<Arc<str>> = self
            .episodes
            .iter()
            .filter(|(_, open)| *open.alert == *ONCALL_FINDING && open.is_firing())
            .filter(|(_, open)| !found.contains_key(&*open.subject))
            .map(|(_, open)| open.subject.clone())
            .collect();
        for subject in over {
            self.report(&Report::clears(ONCALL_FINDING, &subject, now), now);
        }
        for (subject, text) in found {
            let report = Report::fires(ONCALL_FINDING, &subject, now).message(text);
            self.report(&report, now);
        }
    }

    fn give_notice(&mut self, due: &Due, now: Timestamp) {
        let user = due.user.as_str();
        match &due.notice {
            Notice::Before { role, from, ahead } => {
                let subject = format!("on call for {role} in {ahead}");
                let text = format!("you are on call for {role} from {from}\n");
                self.tell(user, &subject, &text, now);
            }
            Notice::On { role, before } => {
                let mut text = format!("you are on call for {role} since {}\n", due.at);
                if !before.is_empty() {
                    let _ = writeln!(text, "before you: {}", names(before));
                }
                self.hand_over(user, role.as_str(), &text, now);
            }
            Notice::Off { role, next } => {
                let mut text = format!("you are no longer on call for {role}\n");
                if !next.is_empty() {
                    let _ = writeln!(text, "after you: {}", names(next));
                }
                self.tell(user, &format!("off call for {role}"), &text, now);
            }
            Notice::Weekly { spells } => {
                let mut text = String::from("your next shifts\n");
                for spell in spells {
                    let Range { from, to } = spell.range;
                    let _ = writeln!(text, "{}: {from} to {to}", spell.role);
                }
                self.tell(user, "your next shifts", &text, now);
            }
        }
    }

    fn tell(&mut self, user: &str, subject: &str, text: &str, now: Timestamp) {
        let to = Addressee::User(user.into());
        self.write_plain(to, None, PlainKind::OnCall, subject, text, now);
    }

    fn hand_over(&mut self, user: &str, role: &str, text: &str, now: Timestamp) {
        let no = self.outbox.next_number();
        let site = &self.rules.rules.site;
        let message = Message::new(format!("{site}-message-{no}"), user, now);
        let words = Words::HandOver {
            role: role.into(),
            text: text.into(),
        };
        let letter = Letter::new(no, Addressee::User(user.into()), words, message);
        let court = Court {
            episodes: &self.episodes,
            rules: &self.rules,
        };
        self.outbox.post(letter, &court);
    }

    /// The open alerts of a role: all that fire and that no other failure
    /// explains, also those that are acknowledged or held.
    pub(crate) fn open_for(&self, role: &str) -> String {
        let mut lines = Vec::new();
        let mut more = 0;
        for (_, open) in self.episodes.iter() {
            let fires = matches!(open.state.condition, Condition::Firing { .. });
            if !fires || !open.state.parents.is_empty() {
                continue;
            }
            let rules = self
                .rules
                .behaviour(&open.alert, open.about.ladder.as_deref());
            if !rules.ladder.iter().any(|step| *step.role == *role) {
                continue;
            }
            if lines.len() == HANDOVER_LINES_MAX {
                more += 1;
                continue;
            }
            lines.push(format!(
                "#{} {} ({}, since {})",
                open.state.number,
                self.title(open),
                open.state.display(),
                open.state.opened
            ));
        }
        if lines.is_empty() {
            return "no open alerts\n".into();
        }
        if 0 < more {
            lines.push(format!("and {more} more"));
        }
        format!("open alerts:\n{}\n", lines.join("\n"))
    }

    /// Changes the calendar, if `by` may, and tells whom it concerns. Whose shifts
    /// they may change is for the calendar to say.
    pub(crate) fn change_shifts<T>(
        &mut self,
        by: &Actor,
        now: Timestamp,
        change: impl FnOnce(&mut People, &Author) -> Result<T, ShiftError>,
    ) -> Result<T, ShiftError> {
        by.needs(Right::Operator, "change shifts")?;
        let author = by.author();
        let before = self.people.calendar.clone();
        let done = change(&mut self.people, &author);
        let after = self.people.calendar.clone();
        self.dirty.people = true;
        self.changes.news.push(News::People);
        if !Arc::ptr_eq(&before, &after) {
            self.people.linted = None;
            self.tell_of_alterations(&before, &after, &author.user, now);
            self.look_at_people(now);
        }
        done
    }

    fn tell_of_alterations(
        &mut self,
        before: &Calendar,
        after: &Calendar,
        by: &UserId,
        now: Timestamp,
    ) {
        let range = Range::new(now, now + ALTERATIONS_AHEAD);
        for alteration in alterations(before, after, range) {
            if alteration.user == *by {
                continue;
            }
            let mut lines = Vec::new();
            for altered in &alteration.roles {
                let gained = altered.gained.iter().map(|range| ("now yours", range));
                let lost = altered.lost.iter().map(|range| ("no longer yours", range));
                for (what, range) in gained.chain(lost) {
                    lines.push(format!(
                        "{}: {} to {} is {what}",
                        altered.role, range.from, range.to
                    ));
                }
            }
            let more = lines.len().saturating_sub(ALTERED_LINES_MAX);
            lines.truncate(ALTERED_LINES_MAX);
            if 0 < more {
                lines.push(format!("and {more} more"));
            }
            let text = format!("{by} changed your shifts\n{}\n", lines.join("\n"));
            self.tell(alteration.user.as_str(), "your shifts changed", &text, now);
        }
    }

    /// Tells both sides of a swap what became of it.
    pub(crate) fn tell_of_swap(&mut self, swap: &Swap, what: &str, now: Timestamp) {
        let subject = format!("swap {}: {what}", swap.id);
        let give = &swap.give;
        let mut text = format!(
            "{} offers {} from {} to {} to {}\n",
            give.user, give.role, give.range.from, give.range.to, swap.to
        );
        if let Some(want) = &swap.want {
            let _ = writeln!(
                text,
                "for {} from {} to {}",
                want.role, want.range.from, want.range.to
            );
        }
        let _ = writeln!(text, "{what}");
        for user in [give.user.clone(), swap.to.clone()] {
            self.tell(user.as_str(), &subject, &text, now);
        }
    }

    pub(super) fn next_sign(&self) -> Option<Timestamp> {
        let rules = &self.rules.rules;
        let beat = rules.heartbeat.as_ref().map(|heartbeat| {
            self.beaten
                .map_or(Timestamp::from_nanos(i64::MIN), |at| at + heartbeat.every)
        });
        let test = rules.timing.self_test_every.map(|every| {
            self.tested
                .map_or(Timestamp::from_nanos(i64::MIN), |at| at + every)
        });
        beat.into_iter().chain(test).min()
    }

    pub(super) fn give_signs(&mut self, now: Timestamp) {
        let rules = self.rules.clone();
        let rules = &rules.rules;
        // A clock that was set back does not make us silent.
        let due = |last: Option<Timestamp>, every: Span| {
            last.is_none_or(|at| now < at || every <= now.since(at))
        };
        if let Some(heartbeat) = &rules.heartbeat
            && due(self.beaten, heartbeat.every)
        {
            self.beaten = Some(now);
            self.dirty.people = true;
            let waiting = self.outbox.waits_for(&Addressee::Heartbeat);
            if !waiting {
                let subject = format!("{} lives", rules.site);
                let text = format!("{} open alerts\n", self.episodes.len());
                let kind = PlainKind::Heartbeat;
                self.write_plain(Addressee::Heartbeat, Some(0), kind, &subject, &text, now);
            }
        }
        if let Some(every) = rules.timing.self_test_every
            && due(self.tested, every)
        {
            let first = self.tested.is_none();
            self.tested = Some(now);
            self.dirty.people = true;
            if !first {
                self.test_contacts(now);
            }
        }
    }
}

/// A gap that is there now is an alert of its own; only those to come are a finding.
fn but_for_now(finding: Finding, now: Timestamp) -> Option<Finding> {
    let Finding::Gaps { role, mut ranges } = finding else {
        return Some(finding);
    };
    ranges.retain(|range| now < range.from);
    (!ranges.is_empty()).then_some(Finding::Gaps { role, ranges })
}

fn names(users: &[UserId]) -> String {
    let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
    names.join(", ")
}
