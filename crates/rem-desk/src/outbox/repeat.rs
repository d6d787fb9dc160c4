//! A page that is due again while an earlier one of its episode still waits for the
//! same person goes with that one: the person reads it once, however long the post
//! was down.

use std::sync::Arc;

use rem_alert::episode::Urgency;
use rem_alert::message::{Context, Event, State};

use super::{Addressee, Judge, Letter, Outbox, Words};

/// A page that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due<'a> {
    /// The number of the episode.
    pub episode: u64,
    /// The number of the page in it.
    pub number: u32,
    /// For whom.
    pub to: &'a Addressee,
    /// Whether it may wait for the morning.
    pub urgency: Urgency,
}

impl Outbox {
    /// Lets a page go with one that waits; `false` if there is none, so that it needs
    /// a letter of its own. The one that waits keeps its id and its attempts: a
    /// receiver that got an attempt whose answer was lost knows it again.
    pub(crate) fn goes_with(&mut self, due: Due<'_>, judge: &impl Judge) -> bool {
        let waiting = self.pages_of(due.episode, due.to, judge);
        let Some(letter) = waiting
            .into_iter()
            .min_by_key(|no| self.place(*no))
            .and_then(|no| self.letters.get_mut(&no))
        else {
            return false;
        };
        letter.due_again(due.number, due.urgency, 1);
        self.touched.insert(letter.no);
        true
    }

    /// A letter waits again after a failure: what became due meanwhile goes with it.
    pub(super) fn fold(&mut self, no: u64, judge: &impl Judge) {
        let Some(letter) = self.letters.get(&no) else {
            return;
        };
        let pages: Vec<u64> = match &letter.words {
            Words::Page { .. } => vec![no],
            Words::Digest(nos) => nos.clone(),
            Words::Note(_) | Words::HandOver { .. } | Words::Plain { .. } => return,
        };
        for page in pages {
            self.fold_page(page, judge);
        }
    }

    /// After a restart what was under way waits as well.
    pub(crate) fn fold_all(&mut self, judge: &impl Judge) {
        let doubled = self.pages.values().filter(|nos| 1 < nos.len());
        let doubled: Vec<u64> = doubled.flatten().copied().collect();
        for no in doubled {
            self.fold_page(no, judge);
        }
    }

    fn fold_page(&mut self, no: u64, judge: &impl Judge) {
        let Some(letter) = self.letters.get(&no) else {
            return;
        };
        let (Some(episode), to) = (letter.episode(), letter.to.clone()) else {
            return;
        };
        let waiting = self.pages_of(episode, &to, judge);
        let Some(kept) = waiting.iter().copied().min_by_key(|no| self.place(*no)) else {
            return;
        };
        for other in waiting.into_iter().filter(|no| *no != kept) {
            self.fold_into(kept, other);
        }
    }

    fn fold_into(&mut self, kept: u64, no: u64) {
        let Some(letter) = self.letters.get(&kept) else {
            return;
        };
        let carrier = letter.went_with.unwrap_or(kept);
        let Some(into) = self.letters.get(&carrier).map(|one| one.message.id.clone()) else {
            return;
        };
        let Some(letter) = self.letters.get_mut(&no) else {
            return;
        };
        // One that goes with a digest stays there.
        let Some(due) = letter.due() else {
            return;
        };
        let key = (letter.to.clone(), letter.message.contact);
        if let Some(line) = self.lines.get_mut(&key) {
            line.waiting.remove(&(due, no));
        }
        let again = letter.again + 1;
        let number = letter.message.about.as_ref().map_or(0, |(_, n)| *n);
        let urgency = letter.message.urgency;
        letter.go_with(carrier, into);
        self.touched.insert(no);
        if let Some(letter) = self.letters.get_mut(&kept) {
            letter.due_again(number, urgency.unwrap_or(Urgency::Page), again);
            self.touched.insert(kept);
        }
        if let Some(letter) = self.letters.get_mut(&carrier) {
            letter.replaces.push(no);
            self.touched.insert(carrier);
        }
    }

    /// The pages of an episode to a person that wait, by themselves or in a digest,
    /// and are still wanted.
    fn pages_of(&self, episode: u64, to: &Addressee, judge: &impl Judge) -> Vec<u64> {
        let nos = self.pages.get(&episode).map_or(&[][..], Vec::as_slice);
        let letters = nos.iter().filter_map(|no| self.letters.get(no));
        letters
            .filter(|letter| letter.to == *to && self.waits(letter) && judge.is_wanted(letter))
            .map(|letter| letter.no)
            .collect()
    }

    fn waits(&self, letter: &Letter) -> bool {
        match letter.message.state {
            State::Queued { .. } | State::RetryWait { .. } => true,
            State::Bundled { .. } => letter
                .went_with
                .and_then(|no| self.letters.get(&no))
                .is_some_and(|carrier| carrier.due().is_some()),
            State::Leased(_)
            | State::Sent { .. }
            | State::Delivered { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => false,
        }
    }

    /// Which of several stays: one that was tried, then the oldest.
    fn place(&self, no: u64) -> (bool, u64) {
        let untried = self.letters.get(&no).is_none_or(|letter| {
            letter.message.attempts == 0 && !matches!(letter.message.state, State::Bundled { .. })
        });
        (untried, no)
    }

    /// Makes a page found by its episode.
    pub(super) fn index_page(&mut self, no: u64) {
        let Some(letter) = self.letters.get(&no) else {
            return;
        };
        if let (Words::Page { .. }, Some(episode)) = (&letter.words, letter.episode()) {
            self.pages.entry(episode).or_default().push(no);
        }
    }

    /// Takes a letter out for good.
    pub(super) fn remove(&mut self, no: u64) -> Option<Letter> {
        let letter = self.letters.remove(&no)?;
        self.touched.remove(&no);
        if let Some(episode) = letter.episode()
            && let Some(nos) = self.pages.get_mut(&episode)
        {
            nos.retain(|other| *other != no);
            if nos.is_empty() {
                self.pages.remove(&episode);
            }
        }
        Some(letter)
    }
}

impl Letter {
    fn due_again(&mut self, number: u32, urgency: Urgency, times: u32) {
        if let Some((_, newest)) = &mut self.message.about
            && *newest < number
        {
            *newest = number;
            self.message.urgency = Some(urgency);
            self.words = Words::Page {
                low: urgency == Urgency::Low,
            };
        }
        self.again = self.again.saturating_add(times);
    }

    /// Its fate is that of the letter `carrier` from now on.
    pub(super) fn go_with(&mut self, carrier: u64, into: Arc<str>) {
        let context = Context {
            contacts: &[],
            seed: self.no,
        };
        let now = self.message.made;
        self.message
            .step(&Event::Bundle { into }, now, context, &mut Vec::new());
        self.went_with = Some(carrier);
    }
}
