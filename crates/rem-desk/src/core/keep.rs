//! What is written, and how a desk is made from it again.

use std::collections::VecDeque;

use rem_alert::episode::{Event, HoldPlan};
use rem_time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use super::{Closed, Court, DeskCore};
use crate::episodes::Slot;
use crate::outbox::{Letter, Outbox};
use crate::paths::Paths;
use crate::people::{Fresh, People};
use crate::record::{
    BrokenRecord, EditRecord, EpisodeRecord, HoldPlanRecord, LetterRecord, LineRecord, SiteRecord,
    SwapRecord,
};
use crate::rules::Rules;
use crate::store::Pending;

/// Episodes that are over and can still be looked at; the oldest go first.
pub const CLOSED_KEPT_MAX: usize = 5_000;
/// Messages that are done and can still be looked at; the oldest go first.
pub const MESSAGES_KEPT_MAX: usize = 5_000;
/// Lines of one episode's timeline; of more, the first and the newest are kept.
pub const LINES_KEPT_MAX: u32 = 1_000;
const FIRST_LINES_KEPT: u32 = 100;

/// The kinds of keys. Messages are written before episodes: see [`crate::store`].
pub(crate) mod key {
    pub(crate) const BROKEN: &str = "broken";
    pub(crate) const SITE: &str = "site";
    pub(crate) const HOLDS: &str = "holds";

    /// Numbers have as many digits as the longest, so that keys sort by them.
    pub(crate) fn open(number: u64) -> String {
        format!("e/{number:016x}")
    }

    pub(crate) fn closed(number: u64) -> String {
        format!("c/{number:016x}")
    }

    pub(crate) fn letter(number: u64) -> String {
        format!("m/{number:016x}")
    }

    pub(crate) fn done(number: u64) -> String {
        format!("d/{number:016x}")
    }

    pub(crate) fn line(episode: u64, line: u32) -> String {
        format!("t/{episode:016x}/{line:08x}")
    }

    pub(crate) fn lines(episode: u64) -> String {
        format!("t/{episode:016x}/")
    }

    pub(crate) fn edit(number: u64) -> String {
        format!("x/{number:016x}")
    }

    pub(crate) fn swap(number: u64) -> String {
        format!("w/{number:016x}")
    }
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the record {key} of the alert desk")]
pub struct RecordError {
    key: String,
    source: serde_json::Error,
}

impl RecordError {
    pub(crate) fn new(key: &str, source: serde_json::Error) -> Self {
        Self {
            key: key.into(),
            source,
        }
    }
}

impl DeskCore {
    /// Moves everything that changed since the last call into `pending`.
    pub(crate) fn drain(&mut self, pending: &mut Pending) {
        self.drain_episodes(pending);
        self.drain_letters(pending);
        for (episode, number, line) in std::mem::take(&mut self.timeline.fresh) {
            put(
                pending,
                key::line(episode, number),
                &LineRecord::from(&line),
            );
            if LINES_KEPT_MAX < number {
                let gone = number - (LINES_KEPT_MAX - FIRST_LINES_KEPT);
                pending.insert(key::line(episode, gone), None);
            }
        }
        if std::mem::take(&mut self.dirty.holds) {
            let ours = self.rules.rules.holds.iter();
            let ours: Vec<_> = ours.map(|plan| &plan.id).collect();
            let plans = self.holds.plans.iter();
            let theirs: Vec<HoldPlanRecord> = plans
                .filter(|plan| !ours.contains(&&plan.id))
                .map(Into::into)
                .collect();
            put(pending, key::HOLDS.into(), &theirs);
        }
        if std::mem::take(&mut self.dirty.broken) {
            let broken: Vec<BrokenRecord> = self.outbox.broken().map(Into::into).collect();
            put(pending, key::BROKEN.into(), &broken);
        }
        for fresh in std::mem::take(&mut self.people.fresh) {
            match fresh {
                Fresh::Edit(edit) => {
                    put(pending, key::edit(edit.id.0), &EditRecord::from(&edit));
                }
                Fresh::Swap(swap) => {
                    put(pending, key::swap(swap.id.0), &SwapRecord::from(&swap));
                }
                Fresh::SwapGone(id) => {
                    pending.insert(key::swap(id.0), None);
                }
            }
        }
        let numbers = (self.episodes.last_number, self.outbox.last_number());
        if std::mem::take(&mut self.dirty.people) || self.numbers != numbers {
            self.numbers = numbers;
            let site = SiteRecord {
                episodes: numbers.0,
                letters: numbers.1,
                noticed: self.people.noticed.as_nanos(),
                tested: self.tested.map(Timestamp::as_nanos),
                beaten: self.beaten.map(Timestamp::as_nanos),
                paths: self.paths.records(),
            };
            put(pending, key::SITE.into(), &site);
        }
    }

    fn drain_episodes(&mut self, pending: &mut Pending) {
        let now = self.last_now;
        for open in std::mem::take(&mut self.dirty.closed) {
            let number = open.state.number;
            pending.insert(key::open(number), None);
            put(
                pending,
                key::closed(number),
                &EpisodeRecord::of(&open, Some(now)),
            );
            self.closed.push_back(Closed {
                number,
                lines: open.lines,
            });
        }
        while CLOSED_KEPT_MAX < self.closed.len() {
            let Some(old) = self.closed.pop_front() else {
                break;
            };
            pending.insert(key::closed(old.number), None);
            for line in 1..=old.lines {
                let is_kept = line <= FIRST_LINES_KEPT
                    || old.lines - line < LINES_KEPT_MAX - FIRST_LINES_KEPT;
                if is_kept {
                    pending.insert(key::line(old.number, line), None);
                }
            }
        }
        for slot in std::mem::take(&mut self.dirty.episodes) {
            if let Some(open) = self.episodes.get(slot) {
                let number = open.state.number;
                put(pending, key::open(number), &EpisodeRecord::of(open, None));
            }
        }
    }

    fn drain_letters(&mut self, pending: &mut Pending) {
        for no in std::mem::take(&mut self.outbox.touched) {
            if let Some(letter) = self.outbox.get(no) {
                put(pending, key::letter(no), &LetterRecord::from(letter));
            }
        }
        for letter in std::mem::take(&mut self.dirty.done) {
            pending.insert(key::letter(letter.no), None);
            put(pending, key::done(letter.no), &LetterRecord::from(&letter));
            self.finished.push_back(letter.no);
        }
        while MESSAGES_KEPT_MAX < self.finished.len() {
            let Some(old) = self.finished.pop_front() else {
                break;
            };
            pending.insert(key::done(old), None);
        }
    }

    /// The desk that `records` describe, at `now`.
    pub(crate) fn restore(
        rules: Rules,
        records: &[(String, Box<RawValue>)],
        now: Timestamp,
    ) -> Result<Self, RecordError> {
        let mut core = Self::new(rules, now);
        let mut letters: Vec<Letter> = Vec::new();
        let mut broken = Vec::new();
        let mut site = SiteRecord::default();
        let (mut edits, mut swaps) = (Vec::new(), Vec::new());
        let mut closed: Vec<(i64, Closed)> = Vec::new();
        for (key, json) in records {
            match key.split_once('/').map_or(&**key, |(kind, _)| kind) {
                "e" => core.restore_episode(&read::<EpisodeRecord>(key, json)?),
                "c" => {
                    let record: EpisodeRecord = read(key, json)?;
                    let one = Closed {
                        number: record.number,
                        lines: record.lines,
                    };
                    closed.push((record.closed.unwrap_or(0), one));
                }
                "m" => letters.push(read::<LetterRecord>(key, json)?.into()),
                "d" => core.finished.push_back(read::<LetterRecord>(key, json)?.no),
                "x" => edits.push(read::<EditRecord>(key, json)?.into()),
                "w" => swaps.push(read::<SwapRecord>(key, json)?.into()),
                key::HOLDS => {
                    let plans: Vec<HoldPlanRecord> = read(key, json)?;
                    let plans = plans
                        .into_iter()
                        .filter_map(|plan| HoldPlan::try_from(plan).ok());
                    core.holds.plans.extend(plans);
                }
                key::BROKEN => {
                    let records: Vec<BrokenRecord> = read(key, json)?;
                    broken.extend(records.into_iter().map(Into::into));
                }
                key::SITE => site = read(key, json)?,
                // Timelines stay on disk, and what a later version wrote stays as it is.
                _ => {}
            }
        }
        closed.sort_unstable_by_key(|(at, closed)| (*at, closed.number));
        core.closed = closed
            .into_iter()
            .map(|(_, closed)| closed)
            .collect::<VecDeque<_>>();
        let newest = core.episodes.newest();
        core.episodes.last_number = site.episodes.max(newest);
        let newest = letters.iter().map(|letter| letter.no).max().unwrap_or(0);
        core.outbox = Outbox::restore(letters, broken, site.letters.max(newest), now);
        core.people = People::new(&core.rules.rules, edits, swaps, now);
        if site.noticed != 0 {
            core.people.noticed = Timestamp::from_nanos(site.noticed);
        }
        core.tested = site.tested.map(Timestamp::from_nanos);
        core.beaten = site.beaten.map(Timestamp::from_nanos);
        core.paths = Paths::of_records(site.paths);
        core.next_hold_change = Some(now);
        core.find_failed(now);
        let court = Court {
            episodes: &core.episodes,
            rules: &core.rules,
        };
        core.outbox.fold_all(&court);
        Ok(core)
    }

    fn restore_episode(&mut self, record: &EpisodeRecord) {
        let node = self.rules.node_of(&record.subject);
        let slot = self.episodes.insert(
            record.alert.clone(),
            record.subject.clone(),
            node,
            record.state(),
            record.about(),
            record.lines,
        );
        self.episodes.index(slot);
        self.episodes.fires_now(slot);
        if let Some(root) = record.parents.first() {
            *self.hidden.entry(root.clone()).or_default() += 1;
        }
    }

    /// Works out what has failed and what that explains, from what is open.
    pub(super) fn find_failed(&mut self, now: Timestamp) {
        let failed: Vec<_> = self
            .episodes
            .iter()
            .filter_map(|(_, open)| match (open.node, open.is_firing()) {
                (Some((node, false)), true) => Some((node, open.state.opened.as_nanos())),
                _ => None,
            })
            .collect();
        let mut live = rem_graph::Live::new(self.rules.graph.clone());
        live.fail_many(failed);
        self.live = live;
        let slots: Vec<Slot> = self.episodes.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let node = self.episodes.get(slot).and_then(|open| open.node);
            let explained = match node {
                Some((node, false)) => self.live.held(node),
                Some((node, true)) => self.live.state(node) == rem_graph::State::Down,
                None => false,
            };
            match node {
                Some((node, _)) => self.explain(slot, node, explained, now),
                None => self.unexplain(slot, now),
            }
            self.step(slot, &Event::Wake, now);
        }
    }
}

fn put<T: Serialize>(pending: &mut Pending, key: String, record: &T) {
    match to_raw_value(record) {
        Ok(json) => {
            pending.insert(key, Some(json));
        }
        // Records are made of texts and numbers.
        Err(error) => tracing::error!(key, %error, "a record cannot be written"),
    }
}

fn read<T: DeserializeOwned>(key: &str, json: &RawValue) -> Result<T, RecordError> {
    serde_json::from_str(json.get()).map_err(|source| RecordError::new(key, source))
}
