use redeye_cloud::{Health, Kind, Listener, Listing, Member, Resource};
use rem_command::{Cell, Table, Tone, colour, say, visible};
use serde_json::{Value, json};

use crate::arguments::{Common, Output};
use crate::exit::Mistake;
use crate::query::Query;
use crate::reads::{fields, meta, plain};

/// The columns of a table unless others are asked for.
fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Instance => &[
            "id",
            "name",
            "power",
            "lifecycle",
            "image",
            "private_addresses",
            "public_addresses",
        ],
        Kind::Volume => &["id", "name", "bytes", "state", "attached"],
        Kind::Snapshot => &[
            "id",
            "volume",
            "state",
            "progress",
            "bytes",
            "taken",
            "description",
        ],
        Kind::FloatingIp => &["id", "address", "instance"],
        Kind::LoadBalancer => &["id", "name", "address", "listeners", "members"],
        Kind::KeyPair => &["id", "name", "fingerprint"],
        Kind::Firewall => &["id", "name", "rules", "description"],
        Kind::Image => &["id", "name", "state", "platform", "created"],
        Kind::Region => &["id", "endpoint"],
        Kind::Zone => &["id", "region", "available"],
        Kind::Size => &["id", "processors", "memory_bytes", "disk_bytes"],
        Kind::Capacity => &["id", "limit", "used", "free", "source"],
    }
}

pub(crate) fn listing(
    common: &Common,
    kind: Kind,
    listing: &Listing<Resource>,
) -> anyhow::Result<()> {
    let chosen: Vec<&str> = match common.columns.is_empty() {
        true => columns(kind).to_vec(),
        false => common.columns.iter().map(String::as_str).collect(),
    };
    let whole = || {
        let items = listing.items.iter().map(|item| fields(item).into());
        json!({"items": items.collect::<Vec<Value>>(), "meta": meta(listing)})
    };
    if let Some(query) = &common.query {
        return answer(common, query, &whole());
    }
    match common.output {
        Output::Json | Output::Yaml => print(common, &whole()),
        Output::Id => {
            let ids = listing.items.iter().map(|item| format!("{}\n", item.id()));
            Ok(say(&ids.collect::<String>())?)
        }
        Output::Text => {
            let rows = rows(listing, &chosen)?;
            let lines = rows.iter().map(|row| format!("{}\n", row.join("\t")));
            Ok(say(&lines.collect::<String>())?)
        }
        Output::Table => {
            let rows = rows(listing, &chosen)?;
            let mut table = Table::new(
                chosen
                    .iter()
                    .map(|name| name.replace('_', " ").to_uppercase()),
            );
            for row in rows {
                let cells = row
                    .into_iter()
                    .zip(&chosen)
                    .map(|(text, name)| tone(name, text));
                table.row(cells);
            }
            Ok(say(&table.text(colour()))?)
        }
    }
}

fn rows(listing: &Listing<Resource>, columns: &[&str]) -> Result<Vec<Vec<String>>, Mistake> {
    let mut rows = Vec::new();
    for item in &listing.items {
        let fields = fields(item);
        let tags = item.tags();
        let cell = |name: &&str| match name.strip_prefix("tag:") {
            Some(tag) => tags
                .and_then(|tags| tags.get(tag))
                .cloned()
                .unwrap_or_default(),
            None if *name == "bytes" || name.ends_with("_bytes") => fields
                .get(*name)
                .and_then(Value::as_u64)
                .map(size)
                .unwrap_or_default(),
            None => words(item, name)
                .or_else(|| fields.get(*name).map(plain))
                .unwrap_or_default(),
        };
        rows.push(columns.iter().map(cell).collect());
    }
    Ok(rows)
}

/// Fields that are lists of things, as people and the command's own arguments say them.
fn words(item: &Resource, field: &str) -> Option<String> {
    let texts: Vec<String> = match (item, field) {
        (Resource::Firewall(firewall), "rules") => {
            firewall.rules.iter().map(ToString::to_string).collect()
        }
        (Resource::LoadBalancer(balancer), "listeners") => {
            let shown = |one: &Listener| {
                let Listener {
                    port,
                    protocol,
                    target_port,
                } = one;
                format!("{port}/{}:{target_port}", protocol.name())
            };
            balancer.listeners.iter().map(shown).collect()
        }
        (Resource::LoadBalancer(balancer), "members") => {
            let members = balancer.members.iter();
            members
                .map(|member| format!("{} {}", member.instance, plain(&json!(member.health))))
                .collect()
        }
        (Resource::Volume(volume), "attached") => {
            let attached = volume.attached.iter();
            attached
                .map(|one| match &one.device {
                    Some(device) => format!("{} as {device}", one.instance),
                    None => one.instance.to_string(),
                })
                .collect()
        }
        _ => return None,
    };
    Some(texts.join(", "))
}

fn tone(column: &str, text: String) -> Cell {
    let tone = match (column, text.as_str()) {
        ("power", "on")
        | ("lifecycle", "active" | "ready")
        | ("state", "available" | "in_use" | "completed") => Some(Tone::Good),
        ("power", "unknown")
        | ("lifecycle", "lost" | "failed" | "broken")
        | ("state", "error" | "unknown") => Some(Tone::Bad),
        _ => None,
    };
    match tone {
        Some(tone) => Cell::toned(text, tone),
        None => Cell::from(text),
    }
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "K", "M", "G", "T"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while 1024.0 <= value && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match value.fract() == 0.0 {
        true => format!("{value:.0}{}", UNITS[unit]),
        false => format!("{value:.1}{}", UNITS[unit]),
    }
}

pub(crate) fn one(common: &Common, listing: &Listing<Resource>) -> anyhow::Result<()> {
    let Some(item) = listing.items.first() else {
        return Ok(());
    };
    let fields = fields(item);
    let whole = || json!({"item": fields, "meta": meta(listing)});
    if let Some(query) = &common.query {
        return answer(common, query, &whole());
    }
    match common.output {
        Output::Json | Output::Yaml => print(common, &whole()),
        Output::Id => Ok(say(&format!("{}\n", item.id()))?),
        Output::Text | Output::Table => {
            let wide = fields.keys().map(String::len).max().unwrap_or(0);
            let lines = fields
                .iter()
                .map(|(name, value)| format!("{name:wide$}  {}\n", visible(&plain(value))));
            Ok(say(&lines.collect::<String>())?)
        }
    }
}

/// The machines behind a load balancer.
pub(crate) fn members(
    common: &Common,
    listing: &Listing<Resource>,
    members: &[Member],
) -> anyhow::Result<()> {
    let whole = || json!({"members": members, "meta": meta(listing)});
    if let Some(query) = &common.query {
        return answer(common, query, &whole());
    }
    let row = |member: &Member| {
        let health = json!(member.health);
        [
            member.instance.to_string(),
            member.port.map(|port| port.to_string()).unwrap_or_default(),
            plain(&health),
            member.why.clone().unwrap_or_default(),
        ]
    };
    match common.output {
        Output::Json | Output::Yaml => print(common, &whole()),
        Output::Id => {
            let ids = members
                .iter()
                .map(|member| format!("{}\n", member.instance));
            Ok(say(&ids.collect::<String>())?)
        }
        Output::Text => {
            let lines = members
                .iter()
                .map(|member| format!("{}\n", row(member).join("\t")));
            Ok(say(&lines.collect::<String>())?)
        }
        Output::Table => {
            let mut table = Table::new(["INSTANCE", "PORT", "HEALTH", "WHY"]);
            for member in members {
                let tone = match member.health {
                    Health::Healthy => Tone::Good,
                    Health::Unhealthy => Tone::Bad,
                    _ => Tone::Plain,
                };
                let [instance, port, health, why] = row(member);
                table.row([
                    Cell::from(instance),
                    Cell::from(port),
                    Cell::toned(health, tone),
                    Cell::from(why),
                ]);
            }
            Ok(say(&table.text(colour()))?)
        }
    }
}

/// JSON, or the same as YAML; of it what `--query` asks for.
pub(crate) fn print(common: &Common, value: &Value) -> anyhow::Result<()> {
    if let Some(query) = &common.query {
        return answer(common, query, value);
    }
    written(common, value)
}

/// What `--query` asks for. Where no format for programs is wanted, a value is a line
/// and a list in a list is a row.
fn answer(common: &Common, query: &Query, whole: &Value) -> anyhow::Result<()> {
    let found = query.of(whole)?;
    if matches!(common.output, Output::Json | Output::Yaml) {
        return written(common, &found);
    }
    let row = |value: &Value| match value {
        Value::Array(cells) => {
            let cells = cells.iter().map(|cell| visible(&plain(cell)).into_owned());
            cells.collect::<Vec<_>>().join("\t")
        }
        other => visible(&plain(other)).into_owned(),
    };
    let lines: String = match &found {
        Value::Null => String::new(),
        Value::Array(items) => items
            .iter()
            .map(|item| format!("{}\n", row(item)))
            .collect(),
        other => format!("{}\n", visible(&plain(other))),
    };
    Ok(say(&lines)?)
}

fn written(common: &Common, value: &Value) -> anyhow::Result<()> {
    match common.output {
        Output::Yaml => {
            let mut text = String::new();
            yaml(value, 0, false, &mut text);
            Ok(say(&text)?)
        }
        _ => Ok(rem_command::say_json(value)?),
    }
}

/// Block YAML; texts are quoted as JSON does, which YAML reads.
fn yaml(value: &Value, depth: usize, in_line: bool, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (at, (name, value)) in fields.iter().enumerate() {
                if !(in_line && at == 0) {
                    out.push_str(&indent);
                }
                out.push_str(&format!("{}:", json!(name)));
                nested(value, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("{indent}-"));
                match item {
                    Value::Object(fields) if !fields.is_empty() => {
                        out.push(' ');
                        yaml(item, depth + 1, true, out);
                    }
                    _ => nested(item, depth, out),
                }
            }
        }
        other => out.push_str(&format!("{indent}{other}\n")),
    }
}

fn nested(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            yaml(value, depth + 1, false, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            yaml(value, depth + 1, false, out);
        }
        other => out.push_str(&format!(" {other}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_people_say_them() {
        assert_eq!(size(0), "0B");
        assert_eq!(size(1 << 30), "1G");
        assert_eq!(size(1_610_612_736), "1.5G");
        assert_eq!(size(u64::MAX), "16777216T");
    }

    #[test]
    fn yaml_reads_back_as_the_same() {
        let value = json!({
            "items": [{"id": "m-1", "tags": {"a: b": "x\ny"}, "empty": [], "n": null}, 5],
            "meta": {"age_s": 1.5, "complete": true},
        });
        let mut text = String::new();
        yaml(&value, 0, false, &mut text);
        let node = rem_yaml::parse("out.yaml", &text).unwrap();
        let mut problems = rem_yaml::Problems::new();
        let read: Option<Value> = rem_yaml::At::root(&node).read(&mut problems);
        assert_eq!(read, Some(value), "{text}");
    }
}
