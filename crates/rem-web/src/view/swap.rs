use rem_alert::shift::{Slot, Swap, SwapState};
use serde::Serialize;

/// An offer of a shift.
#[derive(Debug, Serialize)]
pub(crate) struct SwapJson {
    pub(crate) id: u64,
    pub(crate) by: String,
    pub(crate) at: String,
    pub(crate) reason: String,
    pub(crate) give: SlotJson,
    pub(crate) to: String,
    pub(crate) want: Option<SlotJson>,
    pub(crate) expires: String,
    /// `offered`, `accepted`, `applied`, `declined`, `expired` or `rejected`.
    pub(crate) state: &'static str,
    pub(crate) is_open: bool,
    pub(crate) why: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SlotJson {
    pub(crate) role: String,
    pub(crate) user: String,
    pub(crate) from: String,
    pub(crate) until: String,
}

impl From<&Swap> for SwapJson {
    fn from(swap: &Swap) -> Self {
        Self {
            id: swap.id.0,
            by: swap.author.to_string(),
            at: swap.at.to_string(),
            reason: swap.reason.clone(),
            give: (&swap.give).into(),
            to: swap.to.to_string(),
            want: swap.want.as_ref().map(SlotJson::from),
            expires: swap.expires.to_string(),
            state: swap.state.word(),
            is_open: swap.is_open(),
            why: match &swap.state {
                SwapState::Rejected { why, .. } => Some(why.clone()),
                SwapState::Offered
                | SwapState::Accepted { .. }
                | SwapState::Applied { .. }
                | SwapState::Declined { .. }
                | SwapState::Expired { .. } => None,
            },
        }
    }
}

impl From<&Slot> for SlotJson {
    fn from(slot: &Slot) -> Self {
        Self {
            role: slot.role.to_string(),
            user: slot.user.to_string(),
            from: slot.range.from.to_string(),
            until: slot.range.to.to_string(),
        }
    }
}
