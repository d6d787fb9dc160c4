//! What things cost.

use std::collections::BTreeMap;

use redeye_cloud::{Bill, Kind, Line, Money};
use rem_command::{Cell, Table, colour, say, tell};
use serde_json::json;

use crate::arguments::{Cost, Output};
use crate::exit::{End, Mistake};
use crate::reads;
use crate::session::{Session, scope_of};
use crate::show;

/// What clouds take money for.
const KINDS: [Kind; 5] = [
    Kind::Instance,
    Kind::Volume,
    Kind::Snapshot,
    Kind::FloatingIp,
    Kind::LoadBalancer,
];

pub(crate) async fn run(session: &Session<'_>, verb: &Cost) -> anyhow::Result<End> {
    let Cost::Show { since, by } = verb;
    let by = by.as_deref().map(By::read).transpose()?;
    let book = session.prices()?;
    let ledger = session.ledger().await?;
    let mut end = End::Done;
    for megavisor in session.chosen()? {
        for kind in KINDS {
            if !megavisor.capabilities().lists.contains(&kind) {
                continue;
            }
            // What is there now is written down with its price; a cloud that is away
            // leaves what is known of it as it is.
            match session.list_of(&megavisor, kind).await {
                Ok(listing) => {
                    reads::warn(&listing);
                    end = end.worse(reads::end(session, &listing));
                    ledger
                        .observe(scope_of(&megavisor)?, kind, &listing, book)
                        .await?;
                }
                Err(error) => {
                    tell(&format!(
                        "redeye-cloud: {}: {error:#}",
                        megavisor.info().name
                    ));
                    end = end.worse(End::Partial);
                }
            }
        }
    }
    let now = session.now();
    let mut bill = ledger.bill(now - *since, now, book).await?;
    if let Some(name) = &session.common.megavisor {
        bill.retain(|line| line.scope.megavisor.as_str() == name);
    }
    match by {
        None => show_lines(session, &bill)?,
        Some(by) => show_sums(session, &bill, &by)?,
    }
    Ok(end)
}

/// By what costs are summed up.
enum By {
    Kind,
    Megavisor,
    Region,
    Size,
    Tag(String),
}

impl By {
    fn read(text: &str) -> Result<Self, Mistake> {
        match (text, text.strip_prefix("tag:")) {
            ("kind", _) => Ok(Self::Kind),
            ("megavisor", _) => Ok(Self::Megavisor),
            ("region", _) => Ok(Self::Region),
            ("size", _) => Ok(Self::Size),
            (_, Some(tag)) if !tag.is_empty() => Ok(Self::Tag(tag.into())),
            _ => Err(Mistake(format!(
                "--by {text}: write kind, megavisor, region, size or tag:NAME"
            ))),
        }
    }

    fn of(&self, line: &Line) -> String {
        match self {
            Self::Kind => line.kind.to_string(),
            Self::Megavisor => line.scope.megavisor.to_string(),
            Self::Region => format!("{}/{}", line.scope.megavisor, line.scope.region),
            Self::Size => line.sort.clone().unwrap_or_default(),
            Self::Tag(tag) => line.tags.get(tag).cloned().unwrap_or_default(),
        }
    }
}

/// An amount, said to be more where something has no price.
fn amount(amount: Money, unknown: bool) -> String {
    format!("{amount:.2}{}", if unknown { " + ?" } else { "" })
}

fn hourly(price: Option<Money>) -> String {
    price.map_or_else(|| "?".into(), |price| format!("{price:.4}"))
}

fn show_lines(session: &Session<'_>, bill: &Bill) -> anyhow::Result<()> {
    if is_for_programs(session) {
        return show::print(session.common, &json!(bill));
    }
    let rows = bill.lines.iter().map(|line| {
        [
            line.scope.to_string(),
            line.kind.to_string(),
            line.id.to_string(),
            line.name.clone().unwrap_or_default(),
            line.sort.clone().unwrap_or_default(),
            hourly(line.hourly),
            amount(line.amount, line.unknown),
            line.gone.map(|at| at.to_string()).unwrap_or_default(),
        ]
    });
    let head = [
        "SCOPE", "KIND", "ID", "NAME", "SIZE", "HOUR", "COST", "GONE",
    ];
    print(session, bill, &head, rows)
}

fn show_sums(session: &Session<'_>, bill: &Bill, by: &By) -> anyhow::Result<()> {
    let mut sums: BTreeMap<String, (usize, Money, Money, bool)> = BTreeMap::new();
    for line in &bill.lines {
        let sum = sums.entry(by.of(line)).or_default();
        sum.0 += 1;
        sum.1 += line.hourly.unwrap_or_default();
        sum.2 += line.amount;
        sum.3 |= line.unknown;
    }
    if is_for_programs(session) {
        let sums: Vec<_> = sums
            .iter()
            .map(|(what, (things, hourly, amount, unknown))| {
                json!({"what": what, "things": things, "hourly": hourly, "amount": amount, "unknown": unknown})
            })
            .collect();
        let bill = json!({
            "currency": bill.currency, "from": bill.from, "to": bill.to, "amount": bill.amount,
            "hourly": bill.hourly, "unknown": bill.unknown, "sums": sums,
        });
        return show::print(session.common, &bill);
    }
    let rows = sums
        .into_iter()
        .map(|(what, (things, hour, sum, unknown))| {
            [
                if what.is_empty() { "-".into() } else { what },
                things.to_string(),
                hourly(Some(hour)),
                amount(sum, unknown),
            ]
        });
    print(session, bill, &["WHAT", "THINGS", "HOUR", "COST"], rows)
}

fn is_for_programs(session: &Session<'_>) -> bool {
    matches!(session.common.output, Output::Json | Output::Yaml) || session.common.query.is_some()
}

fn print<const N: usize>(
    session: &Session<'_>,
    bill: &Bill,
    head: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    if matches!(session.common.output, Output::Text | Output::Id) {
        let lines = rows.map(|row| format!("{}\n", row.join("\t")));
        return Ok(say(&lines.collect::<String>())?);
    }
    let mut table = Table::new(*head);
    for row in rows {
        table.row(row.map(Cell::from));
    }
    let more = match bill.unknown {
        0 => String::new(),
        unknown => format!("; {unknown} things have no price for some of the time"),
    };
    let sum = format!(
        "{} {:.2} since {}, {:.4} an hour now{more}\n",
        bill.currency, bill.amount, bill.from, bill.hourly
    );
    Ok(say(&(table.text(colour()) + &sum))?)
}
