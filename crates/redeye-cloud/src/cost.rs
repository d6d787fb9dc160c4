//! What things cost: a price book that people keep, and a ledger of what was there.

mod ledger;
mod money;
mod price;
mod record;

pub use ledger::{Bill, CostError, Ledger, Line};
pub use money::{Money, NotMoney};
pub use price::{HOURS_A_MONTH, PriceBook, Prices};
