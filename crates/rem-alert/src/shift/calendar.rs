use std::collections::{BTreeMap, BTreeSet, HashMap};

use rem_time::Timestamp;

use super::moves::{self, Away, Move, Off, RoleIndex};
use super::{Edit, EditId, Range, Role, RoleId, User, UserId};

#[cfg(test)]
mod tests;

/// How many hand-overs are looked through for the next change.
const LOOK_AHEAD_MAX: usize = 10_000;

/// Roles, people and their edits, and who is on call by them.
///
/// Answers are functions of the arguments alone. Building one costs about a
/// microsecond an edit; whoever changes an edit or a role builds a new one.
#[derive(Debug)]
pub struct Calendar {
    roles: Vec<Role>,
    users: BTreeMap<UserId, User>,
    edits: Vec<Edit>,
    names: HashMap<RoleId, usize>,
    away: Away,
    index: Vec<RoleIndex>,
}

/// The next people on call and when they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// When they begin.
    pub at: Timestamp,
    /// Who is on call from then.
    pub users: Vec<UserId>,
}

/// Why somebody is on call, without names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Shift `k` of a version; `turn` is the place of whose turn it is when another
    /// stands in for them.
    Turn {
        layer: usize,
        version: usize,
        k: i64,
        stands_in_for: Option<usize>,
    },
    Standing,
    Edit(usize),
}

/// Who is on call, and why.
pub(crate) type Holders<'a> = Vec<(&'a UserId, Cause)>;

impl Calendar {
    /// A calendar. Of two roles or users of one name the later counts. Edits are put
    /// in the order of their numbers; names in them that exist no more are kept and
    /// found by [`lint`](super::lint()).
    pub fn new(mut roles: Vec<Role>, users: Vec<User>, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| edit.id);
        let mut seen = BTreeSet::new();
        roles.reverse();
        roles.retain(|role| seen.insert(role.id.clone()));
        roles.reverse();
        let names = roles.iter().map(|role| role.id.clone()).zip(0..).collect();
        let (index, away) = moves::index(&roles, &names, &edits);
        let users = users.into_iter().map(|user| (user.id.clone(), user));
        Self {
            users: users.collect(),
            roles,
            edits,
            names,
            away,
            index,
        }
    }

    /// The same roles and people with one more edit, or another version of an edit
    /// that is there.
    #[must_use]
    pub fn with(&self, edit: Edit) -> Self {
        let id = edit.id;
        let others = self.edits.iter().filter(|other| other.id != id);
        let edits = others.cloned().chain([edit]).collect();
        Self::new(
            self.roles.clone(),
            self.users.values().cloned().collect(),
            edits,
        )
    }

    /// The roles.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The role of that name.
    pub fn role(&self, id: &RoleId) -> Option<&Role> {
        self.place(id).map(|role| &self.roles[role])
    }

    /// The people, by name.
    pub fn users(&self) -> &BTreeMap<UserId, User> {
        &self.users
    }

    /// The edits, the oldest first.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The number the next edit gets.
    pub fn next_edit(&self) -> EditId {
        EditId(
            self.edits
                .last()
                .map_or(1, |edit| edit.id.0.saturating_add(1)),
        )
    }

    /// Who is on call in a role: nobody in a gap, or when there is no such role. The
    /// one whose turn it is comes first.
    pub fn on_call(&self, role: &RoleId, at: Timestamp) -> Vec<UserId> {
        let Some(role) = self.place(role) else {
            return Vec::new();
        };
        let holders = self.holders(role, at).into_iter();
        holders.map(|(user, _)| user.clone()).collect()
    }

    /// In which roles somebody is on call.
    pub fn roles_of(&self, user: &UserId, at: Timestamp) -> Vec<RoleId> {
        let on_call = |role: &usize| self.holders(*role, at).iter().any(|(who, _)| *who == user);
        let roles = (0..self.roles.len()).filter(on_call);
        roles.map(|role| self.roles[role].id.clone()).collect()
    }

    /// The next instant after `at` at which somebody else, or nobody, or somebody
    /// again is on call; `None` if that does not come within 10,000 hand-overs.
    pub fn next_change(&self, role: &RoleId, at: Timestamp) -> Option<Timestamp> {
        let role = self.place(role)?;
        let set = |at| -> BTreeSet<&UserId> {
            self.holders(role, at)
                .iter()
                .map(|(user, _)| *user)
                .collect()
        };
        let now = set(at);
        self.cuts_after(role, at).find(|cut| set(*cut) != now)
    }

    /// Who comes on call next who is not on call now, and when. Gaps are passed over.
    pub fn who_next(&self, role: &RoleId, at: Timestamp) -> Option<Next> {
        let place = self.place(role)?;
        let now = self.on_call(role, at);
        self.cuts_after(place, at).find_map(|at| {
            let users = self.on_call(role, at);
            let news = users.iter().any(|user| !now.contains(user));
            news.then_some(Next { at, users })
        })
    }

    /// Whether somebody is on vacation.
    pub fn is_away(&self, user: &UserId, at: Timestamp) -> bool {
        self.is_away_since(user, at, 0)
    }

    /// Whether by a vacation that was filed as this edit or later.
    fn is_away_since(&self, user: &UserId, at: Timestamp, edit: usize) -> bool {
        if self.away.is_empty() {
            return false;
        }
        let away = self.away.get(user).map_or(&[][..], Vec::as_slice);
        away.iter()
            .any(|(range, filed)| *filed >= edit && range.contains(at))
    }

    /// Whether somebody is on vacation at any time of a range.
    pub(crate) fn is_away_in(&self, user: &UserId, range: Range) -> bool {
        let away = self.away.get(user).map_or(&[][..], Vec::as_slice);
        away.iter().any(|(away, _)| away.shared(&range).is_some())
    }

    pub(crate) fn place(&self, role: &RoleId) -> Option<usize> {
        self.names.get(role).copied()
    }

    /// Who is on call, edits included.
    pub(crate) fn holders(&self, role: usize, at: Timestamp) -> Holders<'_> {
        let base = self.base(role, at);
        self.moved(role, at, base)
    }

    /// Who is on call by the layers.
    fn base(&self, role: usize, at: Timestamp) -> Holders<'_> {
        let layers = self.roles[role].layers.iter().enumerate().rev();
        for (layer, rotation) in layers {
            let Some(version) = rotation.version_at(at) else {
                continue;
            };
            let plan = &rotation.versions()[version].plan;
            if let Some(k) = plan.covering(at)
                && let Some(holder) = self.turn_holder(role, (layer, version, k), at)
            {
                return vec![holder];
            }
        }
        let standing = self.roles[role].standing.iter();
        standing
            .filter(|user| !self.is_away(user, at))
            .map(|user| (user, Cause::Standing))
            .collect()
    }

    /// Who has a shift at an instant: the first in its order who is not away.
    pub(crate) fn turn_holder(
        &self,
        role: usize,
        (layer, version, k): (usize, usize, i64),
        at: Timestamp,
    ) -> Option<(&UserId, Cause)> {
        let plan = &self.roles[role].layers[layer].versions()[version].plan;
        let table = &self.index[role].fair[layer][version];
        let order = table.order(self, role, (layer, version, k));
        let place = |nth: usize| match order {
            Some(order) => usize::from(order[nth]),
            None => plan.turn(k, nth),
        };
        let here = |nth: &usize| !self.is_away(&plan.users()[place(*nth)], at);
        let nth = (0..plan.users().len()).find(here)?;
        let cause = Cause::Turn {
            layer,
            version,
            k,
            stands_in_for: (nth > 0).then(|| place(0)),
        };
        Some((&plan.users()[place(nth)], cause))
    }

    /// The same people after the edits.
    pub(crate) fn moved<'a>(
        &'a self,
        role: usize,
        at: Timestamp,
        mut holders: Holders<'a>,
    ) -> Holders<'a> {
        let index = &self.index[role];
        let begun = index.moves.partition_point(|one| one.range.from <= at);
        if begun == 0 || index.ends[begun - 1] <= at {
            return holders;
        }
        let last_first = (0..begun).rev();
        let live = last_first.take_while(|place| index.ends[*place] > at);
        let mut moves: Vec<&Move> = live
            .map(|place| &index.moves[place])
            .filter(|one| one.range.contains(at) && !self.is_away_since(&one.user, at, one.edit))
            .collect();
        moves.sort_by_key(|one| one.edit);
        for one in moves {
            let on = (&one.user, Cause::Edit(one.edit));
            match &one.off {
                Off::Everybody => holders = vec![on],
                Off::Nobody => {
                    if holders.iter().all(|(user, _)| *user != &one.user) {
                        holders.push(on);
                    }
                }
                Off::One(off) => {
                    let Some(place) = holders.iter().position(|(user, _)| *user == off) else {
                        continue;
                    };
                    holders[place] = on;
                    let mut seen = BTreeSet::new();
                    holders.retain(|(user, _)| seen.insert(*user));
                }
            }
        }
        holders
    }

    /// The next instant after `at` at which anything in a role can change.
    pub(crate) fn next_cut(&self, role: usize, at: Timestamp) -> Option<Timestamp> {
        let index = &self.index[role];
        let cut = index.cuts.partition_point(|cut| *cut <= at);
        let mut next = index.cuts.get(cut).copied();
        let mut sooner = |candidate: Timestamp| {
            if candidate > at && next.is_none_or(|next| candidate < next) {
                next = Some(candidate);
            }
        };
        for rotation in &self.roles[role].layers {
            let versions = rotation.versions();
            let version = rotation.version_at(at);
            if let Some(later) = versions.get(version.map_or(0, |version| version + 1)) {
                sooner(later.from);
            }
            if let Some(version) = version {
                sooner(versions[version].plan.next_edge(at));
            }
        }
        next
    }

    /// Instants in a range at which an edit or a vacation of a role begins or ends.
    pub(crate) fn edit_cuts(&self, role: usize, range: Range) -> &[Timestamp] {
        let cuts = &self.index[role].cuts;
        let first = cuts.partition_point(|cut| *cut <= range.from);
        let last = cuts.partition_point(|cut| *cut < range.to);
        &cuts[first..last.max(first)]
    }

    /// Where the shifts that are under way began at the earliest.
    pub(crate) fn begun(&self, role: usize, at: Timestamp) -> Timestamp {
        let layers = self.roles[role].layers.iter();
        let shifts = layers.filter_map(|rotation| {
            let plan = &rotation.versions()[rotation.version_at(at)?].plan;
            Some(plan.boundary(plan.shift_at(at)))
        });
        let moves = self.index[role].moves.iter();
        let edits = moves.filter(|one| one.range.contains(at));
        shifts
            .chain(edits.map(|one| one.range.from))
            .fold(at, Timestamp::min)
    }

    fn cuts_after(&self, role: usize, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_cut(role, at), move |cut| {
            self.next_cut(role, *cut)
        })
        .take(LOOK_AHEAD_MAX)
    }
}

impl Clone for Calendar {
    fn clone(&self) -> Self {
        let users = self.users.values().cloned().collect();
        Self::new(self.roles.clone(), users, self.edits.clone())
    }
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        (&self.roles, &self.users, &self.edits) == (&other.roles, &other.users, &other.edits)
    }
}
