use rem_command::{Table, visible};
use serde_json::{Value, json};

use super::params;
use super::show::{Answer, Show, items, text};
use crate::arguments::{SwapId, SwapOffer, SwapVerb};
use crate::ask::{AskError, Whom};

pub(super) async fn swap(verb: &SwapVerb, show: &Show) -> Result<Answer, AskError> {
    match verb {
        SwapVerb::List(plain) => {
            let value = Whom::of(&plain.ask)?.call("swap.list", json!({})).await?;
            let page = show.table(&table(items(&value)), "no shift was ever offered");
            Ok(Answer::done(value, page))
        }
        SwapVerb::Offer(offer) => self::offer(offer).await,
        SwapVerb::Accept(id) => answer("swap.accept", id).await,
        SwapVerb::Decline(id) => answer("swap.decline", id).await,
    }
}

async fn offer(offer: &SwapOffer) -> Result<Answer, AskError> {
    let whom = Whom::of(&offer.ask)?;
    let given = json!({
        "role": offer.role, "from": offer.from, "until": offer.until, "to": offer.to,
        "user": offer.user, "want_from": offer.want_from, "want_until": offer.want_until,
        "want_role": offer.want_role, "zone": offer.zone, "reason": offer.reason,
    });
    said(whom.call("swap.offer", params(&whom, given)).await?)
}

async fn answer(method: &str, id: &SwapId) -> Result<Answer, AskError> {
    let whom = Whom::of(&id.ask)?;
    said(
        whom.call(method, params(&whom, json!({ "id": id.id })))
            .await?,
    )
}

fn said(swap: Value) -> Result<Answer, AskError> {
    let line = visible(&format!(
        "offer {}: {}",
        text(&swap, "id"),
        text(&swap, "state")
    ))
    .into_owned();
    Ok(Answer::done(swap, format!("{line}\n")))
}

fn table(swaps: &[Value]) -> Table {
    let mut table = Table::new([
        "ID", "STATE", "BY", "GIVES", "TO", "WANTS", "EXPIRES", "REASON",
    ]);
    for swap in swaps {
        table.row([
            text(swap, "id").into(),
            text(swap, "state").into(),
            text(swap, "by").into(),
            slot(&swap["give"]).into(),
            text(swap, "to").into(),
            slot(&swap["want"]).into(),
            text(swap, "expires").into(),
            text(swap, "reason").into(),
        ]);
    }
    table
}

fn slot(slot: &Value) -> String {
    match slot.is_object() {
        true => format!(
            "{} {} to {}",
            text(slot, "role"),
            text(slot, "from"),
            text(slot, "until")
        ),
        false => String::new(),
    }
}
