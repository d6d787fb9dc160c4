use std::cmp::Reverse;
use std::sync::Arc;

use rem_alert::level::What;
use rem_check::{Report, Verdict};
use rem_time::{Span, Timestamp};

use super::cast::Look;
use super::{Happened, Happening, Seat, Simulation, Staged};
use crate::judge::{Judged, Library};
use crate::places::Need;
use crate::states::States;
use crate::telling::Word;

/// What monitors do: look, and judge what they find, as the rounds of the engine do.
impl Simulation {
    /// Begins a look, or lets it wait for a place.
    pub(super) fn look(&mut self, seat: Seat) {
        let wall = self.wall();
        let Some(actor) = self.seats.get_mut(seat as usize).and_then(Option::as_mut) else {
            return;
        };
        if actor.staged.fresh.is_some() || actor.busy.is_some() {
            return;
        }
        let at_once = actor.finds.takes.is_zero() && self.places.taken() == 0;
        if at_once {
            // It would give its place back in the same instant.
            actor.looks += 1;
            let report = actor.finds.report(wall);
            return self.ended(seat, report);
        }
        actor.busy = Some(Look {
            number: 0,
            began: Timestamp::default(),
            need: None,
            finds: Arc::clone(&actor.finds),
        });
        let need = actor.staged.need.clone();
        if let Some((seat, need)) = self.places.ask(seat, need) {
            self.begin(seat, Some(need));
        }
    }

    pub(super) fn begin(&mut self, seat: Seat, need: Option<Need>) {
        let wall = self.wall();
        self.looks += 1;
        let Some(actor) = self.seats.get_mut(seat as usize).and_then(Option::as_mut) else {
            if let Some(need) = need {
                self.free(&need);
            }
            return;
        };
        actor.looks += 1;
        let finds = Arc::clone(&actor.finds);
        let at = self.now.saturating_add(finds.takes);
        actor.busy = Some(Look {
            number: self.looks,
            began: wall,
            need,
            finds,
        });
        if at < Span::MAX {
            self.under_way.push(Reverse((at, self.looks, seat)));
        }
    }

    pub(super) fn free(&mut self, need: &Need) {
        for (seat, need) in self.places.free(need) {
            self.begin(seat, Some(need));
        }
    }

    pub(super) fn done(&mut self, seat: Seat, number: u64) {
        let Some(actor) = self.seats.get_mut(seat as usize).and_then(Option::as_mut) else {
            return;
        };
        let Some(look) = actor.busy.take_if(|look| look.number == number) else {
            return;
        };
        let report = look.finds.report(look.began);
        if let Some(need) = look.need {
            self.free(&need);
        }
        self.ended(seat, report);
    }

    fn ended(&mut self, seat: Seat, report: Report) {
        let now = self.now.saturating_sub(self.born);
        let retry = self.seats[seat as usize]
            .as_ref()
            .and_then(|actor| actor.staged.retry);
        if let Some(retry) = retry {
            self.agenda.look_again(&seat, retry, report.verdict, now);
        }
        self.take_in(seat, report);
    }

    pub(super) fn hear(&mut self, seat: Seat, report: Report, ttl: Option<Span>) {
        let now = self.now.saturating_sub(self.born);
        let actor = self.seats[seat as usize].as_ref();
        if let Some(fresh) = actor.and_then(|actor| actor.staged.fresh) {
            self.agenda
                .wait_first(&seat, ttl.unwrap_or(fresh), fresh, now);
        }
        self.take_in(seat, report);
    }

    pub(super) fn nothing_heard(&mut self, seat: Seat) {
        let report = Report {
            at: self.wall(),
            took: Span::ZERO,
            verdict: Verdict::Unknown,
            message: "nobody has told anything".into(),
            readings: Vec::new(),
        };
        self.take_in(seat, report);
    }

    fn take_in(&mut self, seat: Seat, report: Report) {
        let now = self.wall();
        let Some(actor) = self.seats[seat as usize].as_mut() else {
            return;
        };
        let library = library(&actor.staged, &self.states);
        let judged = actor.judge.see(&report, library, now);
        let on = actor.judge.has_alerts();
        let (words, desk) = (&mut self.words, &self.desk);
        actor.voice().tell(&report, &judged, on, |word| {
            // Nearly always nobody waits for a look.
            let wanted = match &word {
                Word::Alert(_) => true,
                Word::Looked(looked) => desk.waits_for(&looked.node),
            };
            if wanted || !judged.is_empty() {
                words.push(word);
            }
        });
        actor.last = Some(report);
        self.after_judging(seat, &judged, now);
    }

    /// Time alone may have changed what levels say.
    pub(super) fn tick(&mut self, seat: Seat) {
        let now = self.wall();
        let Some(actor) = self.seats[seat as usize].as_mut() else {
            return;
        };
        let library = library(&actor.staged, &self.states);
        let judged = actor.judge.tick(library, now);
        if let Some(last) = &actor.last {
            let on = actor.judge.has_alerts();
            let words = &mut self.words;
            actor
                .voice()
                .tell(last, &judged, on, |word| words.push(word));
        }
        self.after_judging(seat, &judged, now);
    }

    fn after_judging(&mut self, seat: Seat, judged: &[Judged], now: Timestamp) {
        let Some(actor) = self.seats[seat as usize].as_ref() else {
            return;
        };
        let own = self.now.saturating_sub(self.born);
        let next = actor.judge.next_tick();
        let next = next.map(|at| own.saturating_add(at.since(now).max(crate::rounds::TICK_MIN)));
        self.agenda.tick_at(&seat, next);
        let staged = &actor.staged;
        for found in judged {
            let what = match &found.change.what {
                What::State { name, value } => {
                    if let Some(owner) = staged.telling.owners.first() {
                        self.states.set(owner, name, value.as_ref());
                    }
                    vec![Happened::State(Arc::clone(name), value.clone())]
                }
                What::Trigger(job) => vec![Happened::Job(Arc::clone(job))],
                What::AlertOn(alert) => staged.alert(alert, found.part.as_ref(), true),
                What::AlertOff(alert) => staged.alert(alert, found.part.as_ref(), false),
                What::Became { .. } => Vec::new(),
            };
            for what in what {
                self.happened.push(Happening {
                    at: self.now,
                    monitor: staged.id().into(),
                    what,
                });
            }
        }
    }
}

fn library<'a>(staged: &'a Staged, states: &'a States) -> Library<'a> {
    Library {
        id: &staged.id,
        owners: &staged.telling.owners,
        states,
        store: None,
    }
}
