use std::collections::{BTreeSet, HashMap};

use rem_time::Timestamp;

use super::fair::FairTable;
use super::{Change, Edit, Range, Role, RoleId, UserId};

/// The vacations of each user, with their place among the edits.
pub(super) type Away = HashMap<UserId, Vec<(Range, usize)>>;

/// What the edits mean for one role.
#[derive(Debug, Default)]
pub(super) struct RoleIndex {
    /// Sorted by their beginning.
    pub(super) moves: Vec<Move>,
    /// The latest end of the moves up to each.
    pub(super) ends: Vec<Timestamp>,
    /// Every instant at which an edit or a member's vacation begins or ends, sorted.
    pub(super) cuts: Vec<Timestamp>,
    /// For each layer and version, what fair mode needs.
    pub(super) fair: Vec<Vec<FairTable>>,
}

/// Somebody goes on call in a role, and perhaps somebody off.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) range: Range,
    /// The place of the edit it comes from.
    pub(super) edit: usize,
    pub(super) user: UserId,
    pub(super) off: Off,
}

/// Who goes off call for it.
#[derive(Debug)]
pub(super) enum Off {
    Nobody,
    Everybody,
    One(UserId),
}

/// What the edits mean for each role, and who is away by them.
pub(super) fn index(
    roles: &[Role],
    names: &HashMap<RoleId, usize>,
    edits: &[Edit],
) -> (Vec<RoleIndex>, Away) {
    let mut away = Away::new();
    let mut moves: Vec<Vec<Move>> = roles.iter().map(|_| Vec::new()).collect();
    for (place, edit) in edits.iter().enumerate() {
        if edit.withdrawn.is_some() {
            continue;
        }
        let mut add = |role: &RoleId, range: Range, user: &UserId, off: Off| {
            if let Some(role) = names.get(role).filter(|_| !range.is_empty()) {
                moves[*role].push(Move {
                    range,
                    edit: place,
                    user: user.clone(),
                    off,
                });
            }
        };
        match &edit.change {
            Change::Replace { slot, instead_of } => {
                let off = instead_of.clone().map_or(Off::Everybody, Off::One);
                add(&slot.role, slot.range, &slot.user, off);
            }
            Change::Add { slot } => add(&slot.role, slot.range, &slot.user, Off::Nobody),
            Change::Take { slot } => add(&slot.role, slot.range, &slot.user, Off::Everybody),
            Change::Swap { give, to, want, .. } => {
                add(&give.role, give.range, to, Off::One(give.user.clone()));
                if let Some(want) = want {
                    let off = Off::One(want.user.clone());
                    add(&want.role, want.range, &give.user, off);
                }
            }
            Change::Vacation { user, range } => {
                away.entry(user.clone()).or_default().push((*range, place));
            }
        }
    }
    let index = roles.iter().zip(moves);
    let index = index.map(|(role, moves)| RoleIndex::new(role, moves, &away));
    (index.collect(), away)
}

impl RoleIndex {
    fn new(role: &Role, mut moves: Vec<Move>, away: &Away) -> Self {
        moves.sort_by_key(|one| (one.range.from, one.edit));
        let mut members: BTreeSet<&UserId> = role.members();
        members.extend(moves.iter().map(|one| &one.user));
        let vacations = members.iter().filter_map(|user| away.get(*user)).flatten();
        let ranges = moves.iter().map(|one| one.range);
        let mut cuts: Vec<Timestamp> = ranges
            .chain(vacations.map(|(range, _)| *range))
            .flat_map(|range| [range.from, range.to])
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        let ends = moves
            .iter()
            .scan(Timestamp::from_nanos(i64::MIN), |end, one| {
                *end = one.range.to.max(*end);
                Some(*end)
            });
        Self {
            ends: ends.collect(),
            cuts,
            fair: role.layers.iter().map(FairTable::of).collect(),
            moves,
        }
    }
}
