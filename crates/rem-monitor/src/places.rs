use std::collections::{BTreeMap, HashMap, VecDeque};

use rem_config::MachineName;

#[cfg(test)]
mod tests;

/// How many checks may run at once; further ones wait their turn, the one that has
/// waited longest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Over everything; at least 1.
    pub checks_at_once: usize,
    /// At one machine; at least 1.
    pub per_target: usize,
    /// Of one kind of check, such as `run` or `plugin`; kinds that are not here
    /// have no limit of their own.
    pub per_kind: BTreeMap<String, usize>,
}

impl Default for Limits {
    /// 512 checks at once, 16 at one machine, 32 scripts, 64 plugins.
    fn default() -> Self {
        Self {
            checks_at_once: 512,
            per_target: 16,
            per_kind: BTreeMap::from([("plugin".into(), 64), ("run".into(), 32)]),
        }
    }
}

/// What a check takes a place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) kind: &'static str,
    pub(crate) target: MachineName,
}

/// The places for running checks, and who waits for one. Decides only.
#[derive(Debug)]
pub(crate) struct Places<K> {
    limits: Limits,
    taken: usize,
    in_line: usize,
    by_kind: HashMap<&'static str, usize>,
    by_target: HashMap<MachineName, usize>,
    waiting: VecDeque<(K, Need)>,
    waiting_kind: HashMap<&'static str, VecDeque<(K, Need)>>,
    waiting_target: HashMap<MachineName, VecDeque<(K, Need)>>,
}

/// What there is no place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    All,
    Kind,
    Target,
}

impl<K> Places<K> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            taken: 0,
            in_line: 0,
            by_kind: HashMap::new(),
            by_target: HashMap::new(),
            waiting: VecDeque::new(),
            waiting_kind: HashMap::new(),
            waiting_target: HashMap::new(),
        }
    }

    /// Other limits from now on; whoever has a place keeps it. Everybody who gets
    /// one through that is returned.
    pub(crate) fn limit(&mut self, limits: Limits) -> Vec<(K, Need)> {
        if self.limits == limits {
            return Vec::new();
        }
        self.limits = limits;
        self.in_line = 0;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let kinds = std::mem::take(&mut self.waiting_kind).into_values();
        let targets = std::mem::take(&mut self.waiting_target).into_values();
        let all: Vec<(K, Need)> = waiting.chain(kinds.chain(targets).flatten()).collect();
        let seat = |(key, need)| self.ask(key, need);
        all.into_iter().filter_map(seat).collect()
    }

    /// How many have a place.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.in_line
    }

    /// A place for `key`: gives it back with its place, or keeps it until there is
    /// one.
    pub(crate) fn ask(&mut self, key: K, need: Need) -> Option<(K, Need)> {
        match self.full(&need) {
            None => {
                self.take(&need);
                Some((key, need))
            }
            Some(full) => {
                self.wait(key, need, full);
                None
            }
        }
    }

    /// Takes a place back; everybody who gets one through that is returned.
    pub(crate) fn free(&mut self, need: &Need) -> Vec<(K, Need)> {
        self.taken = self.taken.saturating_sub(1);
        give_back(&mut self.by_kind, &need.kind);
        give_back(&mut self.by_target, &need.target);
        let mut seated = Vec::new();
        self.seat_from(&mut seated, Full::Target, need);
        self.seat_from(&mut seated, Full::Kind, need);
        self.seat_from(&mut seated, Full::All, need);
        seated
    }

    /// Seats from one queue until somebody of it sits or waits for the places of all,
    /// or it is empty, or its own limit is reached again. Whoever stays in the queue
    /// of a kind or a machine has somebody before him who will free it.
    fn seat_from(&mut self, seated: &mut Vec<(K, Need)>, queue: Full, freed: &Need) {
        loop {
            let first = match queue {
                Full::All => self.waiting.pop_front(),
                Full::Kind => pop(&mut self.waiting_kind, &freed.kind),
                Full::Target => pop(&mut self.waiting_target, &freed.target),
            };
            let Some((key, need)) = first else { return };
            self.in_line -= 1;
            match self.full(&need) {
                None => {
                    self.take(&need);
                    seated.push((key, need));
                    return;
                }
                Some(full) if full == queue => {
                    self.line(&need, full).push_front((key, need));
                    self.in_line += 1;
                    return;
                }
                Some(Full::All) => return self.wait(key, need, Full::All),
                // It waits for something else now.
                Some(full) => self.wait(key, need, full),
            }
        }
    }

    fn full(&self, need: &Need) -> Option<Full> {
        let at_target = self.by_target.get(&need.target).copied().unwrap_or(0);
        if at_target >= self.limits.per_target.max(1) {
            return Some(Full::Target);
        }
        let limit = self.limits.per_kind.get(need.kind);
        let of_kind = self.by_kind.get(need.kind).copied().unwrap_or(0);
        if limit.is_some_and(|limit| of_kind >= (*limit).max(1)) {
            return Some(Full::Kind);
        }
        (self.taken >= self.limits.checks_at_once.max(1)).then_some(Full::All)
    }

    fn take(&mut self, need: &Need) {
        self.taken += 1;
        *self.by_kind.entry(need.kind).or_default() += 1;
        *self.by_target.entry(need.target.clone()).or_default() += 1;
    }

    fn wait(&mut self, key: K, need: Need, full: Full) {
        self.line(&need, full).push_back((key, need));
        self.in_line += 1;
    }

    /// The queue of whoever waits for that.
    fn line(&mut self, need: &Need, full: Full) -> &mut VecDeque<(K, Need)> {
        match full {
            Full::All => &mut self.waiting,
            Full::Kind => self.waiting_kind.entry(need.kind).or_default(),
            Full::Target => self.waiting_target.entry(need.target.clone()).or_default(),
        }
    }
}

fn give_back<Q: std::hash::Hash + Eq>(counts: &mut HashMap<Q, usize>, key: &Q) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn pop<Q: std::hash::Hash + Eq, T>(queues: &mut HashMap<Q, VecDeque<T>>, key: &Q) -> Option<T> {
    let queue = queues.get_mut(key)?;
    let first = queue.pop_front();
    if queue.is_empty() {
        queues.remove(key);
    }
    first
}
