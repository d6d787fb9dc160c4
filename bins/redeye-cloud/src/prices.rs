//! The price book, as people write it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redeye_cloud::{Money, Name, PriceBook, Prices};
use rem_yaml::{At, FromYaml, Located, Problems, Value, parse};

/// A number, or a text where its digits matter.
struct Price(Money);

impl FromYaml for Price {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        let text = match &at.node().value {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Str(text) => text.to_string(),
            _ => String::new(),
        };
        let money = text.parse().ok().map(Self);
        if money.is_none() {
            problems.add(
                at.expected("a price such as 0.0104, with at most nine digits behind the point"),
            );
        }
        money
    }
}

pub(crate) fn read(
    path: &Path,
    named: &Located<PathBuf>,
    problems: &mut Problems,
) -> Option<PriceBook> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) => {
            problems.add(named.problem(format!("cannot read {}: {why}", path.display())));
            return None;
        }
    };
    match parse(&path.to_string_lossy(), &text) {
        Ok(node) => book(&At::root(&node), problems),
        Err(wrong) => {
            problems.append(wrong);
            None
        }
    }
}

fn book(at: &At<'_>, problems: &mut Problems) -> Option<PriceBook> {
    let mut map = at.map(problems)?;
    let currency = map.required("currency", problems);
    let entries = map.get("megavisors").and_then(|at| at.entries(problems));
    map.finish(problems);
    let mut megavisors = BTreeMap::new();
    for (name, at) in entries.unwrap_or_default() {
        let prices = prices(&at, problems);
        match Name::new(name.value) {
            Ok(name) => {
                megavisors.insert(name, prices.unwrap_or_default());
            }
            Err(why) => problems.add(name.problem(why.to_string())),
        }
    }
    Some(PriceBook {
        currency: currency?,
        megavisors,
    })
}

fn prices(at: &At<'_>, problems: &mut Problems) -> Option<Prices> {
    let mut map = at.map(problems)?;
    let mut table = |key, problems: &mut Problems| {
        let entries = map.get(key).and_then(|at| at.entries(problems));
        let entries = entries.unwrap_or_default().into_iter();
        entries
            .filter_map(|(size, at)| Some((size.value.to_owned(), price(&at, problems)?)))
            .collect()
    };
    let instance = table("instance", problems);
    let stopped = table("stopped", problems);
    let volume = table("volume", problems);
    let mut single = |key| map.get(key).and_then(|at| price(&at, problems));
    let prices = Prices {
        instance,
        stopped,
        volume,
        snapshot: single("snapshot"),
        ip: single("ip"),
        lb: single("lb"),
    };
    map.finish(problems);
    Some(prices)
}

fn price(at: &At<'_>, problems: &mut Problems) -> Option<Money> {
    at.read::<Price>(problems).map(|price| price.0)
}
