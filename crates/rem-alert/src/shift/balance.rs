use std::collections::BTreeMap;

use rem_time::Span;

use super::fair::Scale;
use super::{Calendar, Range, RoleId, UserId, Why};

/// Who carried how much of a role.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    /// The role.
    pub role: RoleId,
    /// The time that was looked at.
    pub range: Range,
    /// How much of it somebody was on call.
    pub covered: Span,
    /// How much of it nobody was.
    pub gap: Span,
    /// Every member and whoever else was on call, by name.
    pub shares: Vec<Share>,
}

/// What one person carried.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Who.
    pub user: UserId,
    /// How many stretches.
    pub shifts: usize,
    /// How long together.
    pub time: Span,
    /// The same by the weights of the role's fair rotation, if it has one.
    pub weighted: Span,
    /// Their part of all weighted time, in percent; 0 when there is none.
    pub percent: f64,
}

impl Calendar {
    /// Who carries how much of a role in a range; `None` when there is no such role.
    /// With fair rotations, times are weighted by the layer a shift belongs to, and
    /// edits by the topmost layer.
    pub fn balance(&self, role: &RoleId, range: Range) -> Option<Balance> {
        let found = self.role(role)?;
        let mut shares: BTreeMap<UserId, (usize, Span, Span)> = BTreeMap::new();
        for member in found.members() {
            shares.entry(member.clone()).or_default();
        }
        for shift in self.shifts(role, range) {
            let piece = Range::new(shift.from, shift.to);
            let plan = self.weighing(found, &shift.why, piece);
            let weighted = match plan {
                Some(plan) => Scale::of(plan).span(plan, piece),
                None => piece.length(),
            };
            let share = shares.entry(shift.user).or_default();
            share.0 += 1;
            share.1 = share.1.saturating_add(piece.length());
            share.2 = share.2.saturating_add(weighted);
        }
        let gaps = self.gaps(role, range).into_iter();
        let gap = gaps.fold(Span::ZERO, |sum, gap| sum.saturating_add(gap.length()));
        let all: f64 = shares.values().map(|share| share.2.as_secs_f64()).sum();
        let shares = shares
            .into_iter()
            .map(|(user, (shifts, time, weighted))| Share {
                user,
                shifts,
                time,
                weighted,
                percent: match all > 0.0 {
                    true => weighted.as_secs_f64() * 100.0 / all,
                    false => 0.0,
                },
            });
        Some(Balance {
            role: role.clone(),
            range,
            covered: range.length().saturating_sub(gap),
            gap,
            shares: shares.collect(),
        })
    }

    /// The plan whose weights count for a shift.
    fn weighing<'a>(
        &self,
        role: &'a super::Role,
        why: &Why,
        piece: Range,
    ) -> Option<&'a super::Plan> {
        if let Why::Turn {
            rotation, version, ..
        } = why
        {
            let layer = role
                .layers
                .iter()
                .find(|layer| layer.name() == &**rotation)?;
            return layer.versions().get(*version).map(|version| &version.plan);
        }
        let top = role.layers.last()?;
        let version = top.version_at(piece.from)?;
        let plan = &top.versions()[version].plan;
        plan.hours().is_always().then_some(plan)
    }
}
