use std::collections::BTreeMap;
use std::sync::Arc;

use rem_check::Report;
use rem_time::Timestamp;

use super::{Finding, Seat, Simulation, Staged};
use crate::judge::Judge;
use crate::places::Need;
use crate::telling::Voice;

/// A monitor that plays.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) staged: Staged,
    /// What its looks are looks at, worked out once.
    pub(super) nodes: Arc<[Arc<str>]>,
    pub(super) judge: Judge,
    pub(super) finds: Arc<Finding>,
    pub(super) last: Option<Report>,
    pub(super) busy: Option<Look>,
    pub(super) missed: u64,
    pub(super) looks: u64,
}

/// A look under way.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) number: u64,
    pub(super) began: Timestamp,
    pub(super) need: Option<Need>,
    pub(super) finds: Arc<Finding>,
}

impl Actor {
    pub(super) fn voice(&self) -> Voice<'_> {
        Voice {
            telling: &self.staged.telling,
            id: &self.staged.id,
            every: self.staged.every,
            nodes: &self.nodes,
        }
    }
}

/// Which monitors play.
impl Simulation {
    /// Goes over to these monitors. Those that did not change go on undisturbed.
    pub fn apply(&mut self, monitors: Vec<Staged>) {
        let mut wanted: BTreeMap<Arc<str>, Staged> = BTreeMap::new();
        for staged in monitors {
            wanted.insert(staged.id().into(), staged);
        }
        for seat in 0..self.seats.len() as Seat {
            let Some(actor) = &self.seats[seat as usize] else {
                continue;
            };
            if !wanted.contains_key(actor.staged.id()) {
                self.dismiss(seat);
            }
        }
        for (id, staged) in wanted {
            match self.by_id.get(&id).copied() {
                Some(seat) => self.change(seat, &staged),
                None => self.cast(id, staged),
            }
        }
        self.by_node.clear();
        for (seat, actor) in (0..).zip(&self.seats) {
            let Some(actor) = actor else { continue };
            for node in actor.nodes.iter() {
                self.by_node.entry(Arc::clone(node)).or_default().push(seat);
            }
        }
        self.settle();
    }

    /// A monitor that was not there before.
    fn cast(&mut self, id: Arc<str>, staged: Staged) {
        let seat = self.seats.len() as Seat;
        self.by_id.insert(id, seat);
        let judge = Judge::new(Arc::clone(&staged.levels));
        self.place(seat, &staged);
        self.seats.push(Some(Actor {
            nodes: staged.telling.nodes_of(&staged.id),
            staged,
            judge,
            finds: Arc::default(),
            last: None,
            busy: None,
            missed: 0,
            looks: 0,
        }));
    }

    fn change(&mut self, seat: Seat, staged: &Staged) {
        let Some(actor) = self.seats[seat as usize].as_mut() else {
            return;
        };
        let moved = !actor.staged.same_time_as(staged);
        if !actor.staged.levels.all().eq(staged.levels.all()) {
            let judged = actor.judge.reload(Arc::clone(&staged.levels));
            if let Some(last) = &actor.last {
                let on = actor.judge.has_alerts();
                let words = &mut self.words;
                actor
                    .voice()
                    .tell(last, &judged, on, |word| words.push(word));
            }
        }
        actor.nodes = staged.telling.nodes_of(&staged.id);
        actor.staged = staged.clone();
        if moved {
            self.place(seat, staged);
        }
    }

    /// A monitor that is gone. What its levels had on is over.
    fn dismiss(&mut self, seat: Seat) {
        let Some(mut actor) = self.seats[seat as usize].take() else {
            return;
        };
        self.agenda.forget(&seat);
        self.by_id.remove(actor.staged.id());
        let judged = actor.judge.reload(Arc::default());
        if let Some(last) = &actor.last {
            let words = &mut self.words;
            let voice = actor.voice();
            voice.tell(last, &judged, false, |word| words.push(word));
        }
        if let Some(need) = actor.busy.and_then(|look| look.need) {
            self.free(&need);
        }
    }

    pub(super) fn place(&mut self, seat: Seat, staged: &Staged) {
        let now = self.now.saturating_sub(self.born);
        match staged.fresh {
            Some(fresh) => self.agenda.wait(&seat, fresh, now),
            None => self.agenda.place(&seat, staged.rate(), now),
        }
    }
}
