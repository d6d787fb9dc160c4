use redeye_cloud::{Kind, Listing, Origin, Resource, Warning, Why};
use rem_command::tell;
use rem_time::Span;
use serde_json::{Map, Value, json};

use crate::exit::{End, Mistake};
use crate::session::Session;
use crate::show;

pub(crate) async fn list(session: &Session<'_>, kind: Kind) -> anyhow::Result<End> {
    let listing = session.list(kind).await?;
    let filters = filters(&session.common.filter)?;
    let listing = listing.filter(|item| filters.iter().all(|filter| filter.matches(item)));
    warn(&listing);
    show::listing(session.common, kind, &listing)?;
    Ok(end(session, &listing))
}

pub(crate) async fn one(session: &Session<'_>, kind: Kind, id: &str) -> anyhow::Result<End> {
    let listing = session.list(kind).await?;
    let listing = listing.filter(|item| item.id().as_str() == id);
    warn(&listing);
    if listing.items.is_empty() {
        return Ok(missing(&listing, kind, id));
    }
    show::one(session.common, &listing)?;
    Ok(end(session, &listing))
}

/// The machines behind a load balancer.
pub(crate) async fn health(session: &Session<'_>, id: &str) -> anyhow::Result<End> {
    let listing = session.list(Kind::LoadBalancer).await?;
    let listing = listing.filter(|item| item.id().as_str() == id);
    warn(&listing);
    let Some(Resource::LoadBalancer(balancer)) = listing.items.first() else {
        return Ok(missing(&listing, Kind::LoadBalancer, id));
    };
    show::members(session.common, &listing, &balancer.members)?;
    Ok(end(session, &listing))
}

fn missing(listing: &Listing<Resource>, kind: Kind, id: &str) -> End {
    let known = match listing.is_proof() {
        true => "",
        false => " in what is known",
    };
    tell(&format!("redeye-cloud: there is no {kind} {id}{known}"));
    End::NotFound
}

/// `--strict-fresh` is not content with an answer that is not the cloud's own of now.
pub(crate) fn end(session: &Session<'_>, listing: &Listing<Resource>) -> End {
    match (&listing.origin, listing.complete) {
        (Origin::Cache { .. }, _) if session.common.strict_fresh => End::Stale,
        (_, false) => End::Partial,
        _ => End::Done,
    }
}

/// Says on stderr what makes an answer less than it seems.
pub(crate) fn warn(listing: &Listing<Resource>) {
    if let Origin::Cache { age, why } = &listing.origin {
        let age = Span::from_seconds(age.as_seconds());
        match why {
            Why::Fresh | Why::Refreshing | Why::Asked => {}
            Why::Failed(error) => tell(&format!("redeye-cloud: {age} old: {error}")),
            Why::LeftAlone { remaining, last } => {
                let remaining = Span::from_seconds(remaining.as_seconds().max(1));
                tell(&format!(
                    "redeye-cloud: {age} old: asked again in {remaining} at the earliest: {last}"
                ));
            }
            Why::Suspect { before, now } => tell(&format!(
                "redeye-cloud: {age} old: a newer listing has {now} of {before} and is not believed yet"
            )),
        }
    }
    for warning in &listing.warnings {
        let text = match warning {
            Warning::Partial { error } => format!("not all: {error}"),
            Warning::Ancient => "older than a week".to_owned(),
            Warning::Expected { items } => format!("{items} shown as they should become"),
            Warning::NotKept { error } => format!("cannot be kept: {error}"),
        };
        tell(&format!("redeye-cloud: {text}"));
    }
}

/// What a listing is worth, for programs.
pub(crate) fn meta(listing: &Listing<Resource>) -> Value {
    let (origin, age) = match &listing.origin {
        Origin::Live => ("live", None),
        Origin::Cache { age, .. } => ("cache", Some(age.as_secs_f64())),
    };
    json!({
        "origin": origin,
        "age_s": age,
        "complete": listing.complete,
        "observed_at": listing.observed_at,
        "why": match &listing.origin {
            Origin::Live => Value::Null,
            Origin::Cache { why, .. } => json!(why),
        },
        "warnings": listing.warnings,
    })
}

struct Filter {
    tag: bool,
    field: String,
    value: String,
}

fn filters(texts: &[String]) -> Result<Vec<Filter>, Mistake> {
    let read = |text: &String| {
        let (field, value) = text.split_once('=').ok_or_else(|| {
            Mistake(format!(
                "--filter {text}: write field=value, or tag:name=value"
            ))
        })?;
        let tag = field.strip_prefix("tag:");
        Ok(Filter {
            tag: tag.is_some(),
            field: tag.unwrap_or(field).to_owned(),
            value: value.to_owned(),
        })
    };
    texts.iter().map(read).collect()
}

impl Filter {
    fn matches(&self, item: &Resource) -> bool {
        if self.tag {
            let tags = item.tags();
            return tags.and_then(|tags| tags.get(&self.field)) == Some(&self.value);
        }
        fields(item)
            .get(&self.field)
            .is_some_and(|value| match value {
                Value::String(text) => *text == self.value,
                Value::Array(items) => items.iter().any(|item| plain(item) == self.value),
                other => plain(other) == self.value,
            })
    }
}

/// The fields of a thing as JSON, under the names by which they are asked for.
pub(crate) fn fields(item: &Resource) -> Map<String, Value> {
    match serde_json::to_value(item) {
        Ok(Value::Object(mut fields)) => {
            // A failed machine's state has a step beside its name.
            if let Some(lifecycle) = item.as_instance().map(|one| one.lifecycle.name()) {
                fields.insert("lifecycle".into(), lifecycle.into());
            }
            fields
        }
        _ => Map::new(),
    }
}

/// A value in one cell.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    }
}
