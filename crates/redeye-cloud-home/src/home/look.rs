//! The reads.

use futures_util::{StreamExt, stream};
use redeye_cloud::{Class, CloudError, Id, Instance, Kind, Lifecycle, Listing, Power, Resource};
use serde_json::{Map, Value, json};

use super::HomeMegavisor;
use crate::contract::Said;
use crate::function::{Form, Function, list_of};

impl HomeMegavisor {
    /// Whether a machine has power, as its query says.
    pub(super) async fn query(&self, id: &Id) -> Result<(Power, Said), CloudError> {
        let doing = format!("query of {id}");
        let Some(function) = self.function("query") else {
            let said = Said::new(crate::contract::Code::Done, String::new());
            return Ok((Power::Unknown, said));
        };
        match &function.form {
            Form::AnyOf(names) => self.query_any(id, names, &doing).await,
            _ => self.query_by(id, function, &doing).await,
        }
    }

    /// The first that knows; if none does, that nobody knows, or why nobody could look.
    async fn query_any(
        &self,
        id: &Id,
        names: &[String],
        doing: &str,
    ) -> Result<(Power, Said), CloudError> {
        let mut found: Option<Result<(Power, Said), CloudError>> = None;
        for function in names.iter().filter_map(|name| self.function(name)) {
            let answer = self.query_by(id, function, doing).await;
            match (&answer, &found) {
                (Ok((Power::On | Power::Off, _)), _) => return answer,
                (Ok(_), _) | (Err(_), None) => found = Some(answer),
                (Err(_), Some(_)) => {}
            }
        }
        found.unwrap_or_else(|| {
            Err(CloudError::new(
                Class::Invalid,
                doing,
                "any_of names nothing",
            ))
        })
    }

    async fn query_by(
        &self,
        id: &Id,
        function: &Function,
        doing: &str,
    ) -> Result<(Power, Said), CloudError> {
        let mut values = self.values(Some(id), doing)?;
        values.set("verb", "query");
        let input = json!({"verb": "query", "id": id});
        let said = self.call(function, &values, &input, doing).await?;
        Ok((said.power(&function.matches), said))
    }

    pub(super) async fn list_all(&self, kind: Kind) -> Result<Listing<Resource>, CloudError> {
        let began = self.tools.clock.now();
        let name = list_of(kind);
        if let Some(function) = self.function(&name) {
            let doing = format!("{kind} list");
            let mut values = self.values(None, &doing)?;
            values.set("verb", &name);
            let input = json!({"verb": name});
            let said = self.call(function, &values, &input, &doing).await?;
            return listed(kind, &said, &doing).map(|items| Listing::live(items, began));
        }
        let ids = self.definition.machines.keys();
        let looks = ids.map(|id| async move { Resource::Instance(self.machine(id).await) });
        let looks: Vec<_> = looks.collect();
        let items = stream::iter(looks).buffer_unordered(self.definition.at_once);
        Ok(Listing::live(items.collect().await, began))
    }

    pub(super) async fn look_at(
        &self,
        kind: Kind,
        id: &Id,
    ) -> Result<Option<Resource>, CloudError> {
        let is_ours = self.definition.machines.contains_key(id);
        if kind == Kind::Instance && is_ours {
            return Ok(Some(Resource::Instance(self.machine(id).await)));
        }
        let listing = self.list_all(kind).await?;
        Ok(listing.items.into_iter().find(|item| item.id() == id))
    }

    /// A machine of the file, as its query sees it. One that cannot be asked is lost,
    /// not off.
    async fn machine(&self, id: &Id) -> Instance {
        let answer = self.query(id).await;
        let told = answer.and_then(|(power, said)| instance(id, power, &said));
        told.unwrap_or_else(|error| Instance {
            detail: Some(error.to_string()),
            ..Instance::new(id.clone(), Power::Unknown, Lifecycle::Lost)
        })
    }
}

/// A machine from what its query said: the power, and whatever fields of an instance
/// its JSON has.
fn instance(id: &Id, power: Power, said: &Said) -> Result<Instance, CloudError> {
    let lifecycle = match power {
        Power::On => Lifecycle::Active,
        Power::Off => Lifecycle::Stopped,
        Power::Unknown => Lifecycle::Lost,
    };
    let plain = Instance::new(id.clone(), power, lifecycle);
    let Some(Value::Object(told)) = &said.json else {
        return Ok(plain);
    };
    let wrong = |why: serde_json::Error| {
        let message = format!("its answer is no machine: {why}");
        CloudError::new(Class::Protocol, format!("query of {id}"), message)
    };
    let mut fields = match serde_json::to_value(&plain).map_err(wrong)? {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for (name, value) in told {
        if name != "id" && !(name == "power" && value == "unknown") {
            fields.insert(name.clone(), value.clone());
        }
    }
    serde_json::from_value(Value::Object(fields)).map_err(wrong)
}

/// The things that a list function printed: an array, or `{"items": […]}`.
fn listed(kind: Kind, said: &Said, doing: &str) -> Result<Vec<Resource>, CloudError> {
    let wrong = |message: String| CloudError::new(Class::Protocol, doing, message);
    let items = match &said.json {
        Some(Value::Array(items)) => Some(items),
        Some(Value::Object(object)) => object.get("items").and_then(Value::as_array),
        _ => None,
    };
    // Nothing printed is not nothing there.
    let items = items.ok_or_else(|| {
        wrong("it printed no list: the last line must be a JSON array, also if it is empty".into())
    })?;
    let tag = serde_json::to_value(kind).map_err(|why| wrong(why.to_string()))?;
    let read = |(at, item): (usize, &Value)| {
        let mut item = item.clone();
        if let Some(fields) = item.as_object_mut() {
            fields.insert("kind".into(), tag.clone());
        }
        serde_json::from_value(item)
            .map_err(|why| wrong(format!("item {} is no {kind}: {why}", at + 1)))
    };
    items.iter().enumerate().map(read).collect()
}
