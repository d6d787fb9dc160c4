//! The writes: look, act, look until it is so.

use redeye_cloud::{
    Action, Begun, Class, CloudError, Handle, Hidden, Id, Kind, Outcome, Plan, PlannedStep, Power,
    Progress, Request, Verb,
};
use rem_time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::HomeMegavisor;
use crate::contract::Code;
use crate::form;
use crate::function::{Form, Function, Until, function_of};
use crate::template::Values;

/// What is kept of a function that has begun something.
#[derive(Debug, Serialize, Deserialize)]
struct Under {
    /// Which function.
    function: String,
    /// When it was called.
    since: Timestamp,
    /// How often it was looked at.
    looks: usize,
    /// What it wants back.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    state: Value,
}

impl HomeMegavisor {
    pub(super) fn function_for(&self, verb: Verb) -> Result<&Function, CloudError> {
        let name = function_of(verb);
        self.function(&name).ok_or_else(|| {
            let message = format!("{} has no function {name}", self.title());
            CloudError::new(Class::Unsupported, verb.to_string(), message)
        })
    }

    /// What a function is told: the values of its machine, and of the request.
    fn told(&self, request: &Request, doing: &str) -> Result<(Values, Value), CloudError> {
        let targets = request.action.targets();
        let machine = targets.iter().find(|(kind, _)| *kind == Kind::Instance);
        let target = machine.or(targets.first()).map(|(_, id)| *id);
        let mut values = self.values(target, doing)?;
        // A machine that goes behind a load balancer is told of with its settings.
        if let (None, Some(other)) = (machine, other_machine(&request.action)) {
            values.add(self.values(Some(other), doing)?);
        }
        let wrong =
            |why: serde_json::Error| CloudError::new(Class::Invalid, doing, why.to_string());
        let action = serde_json::to_value(&request.action).map_err(wrong)?;
        for (name, value) in action.as_object().into_iter().flatten() {
            let secret = name == "user_data";
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => continue,
            };
            // A machine's own settings come first.
            if values.get(name).is_none() && !secret {
                values.set(name, text);
            }
        }
        values.set("op", request.id.to_string());
        values.set("verb", function_of(request.action.verb()));
        let input = json!({
            "op": request.id,
            "verb": function_of(request.action.verb()),
            "scope": request.scope,
            "action": action,
        });
        Ok((values, input))
    }

    fn doing(&self, name: &str, target: Option<&Id>) -> String {
        match target {
            Some(id) => format!("{name} of {id} by {}", self.title()),
            None => format!("{name} by {}", self.title()),
        }
    }

    pub(super) fn planned(&self, request: &Request) -> Result<Plan, CloudError> {
        let verb = request.action.verb();
        let function = self.function_for(verb)?;
        let targets = request.action.targets();
        let target = targets.first().map(|(_, id)| *id);
        let (values, _) = self.told(request, &verb.to_string())?;
        if let (Kind::Instance, Some(id)) = (verb.kind(), target)
            && self.function("list_instances").is_none()
            && !self.definition.machines.contains_key(id)
        {
            let message = format!("{} has no machine {id}", self.title());
            return Err(CloudError::new(Class::NotFound, verb.to_string(), message));
        }
        let mut steps = Vec::new();
        if let (Some(until), Some(id)) = (&function.until, target)
            && self.asks_first(verb, until)
        {
            let what = format!(
                "query {id}: if its power is {} already, that is all",
                word(until.power)
            );
            let query = self
                .function("query")
                .map(|query| form::show(&query.form, &values, &self.tools.folder));
            steps.push(
                PlannedStep::new(what)
                    .call(query.unwrap_or_default())
                    .on([id.clone()]),
            );
        }
        let mut step = PlannedStep::new(format!("run {} of {}", function.name, self.title()))
            .call(form::show(&function.form, &values, &self.tools.folder))
            .on(targets.iter().map(|(_, id)| (*id).clone()));
        if let Some(until) = &function.until {
            step = step.until(described(until, function, &values));
        }
        steps.push(step);
        Ok(Plan::of(steps))
    }

    /// Whether it is looked first whether it is so already: what switches power, where
    /// somebody can say how it is. Whether a machine that does not answer is off or out
    /// of reach nobody can.
    fn asks_first(&self, verb: Verb, until: &Until) -> bool {
        until.power != Power::Unknown && self.can_say(verb)
    }

    /// Whether a query says how far what a verb does has come.
    pub(super) fn can_say(&self, verb: Verb) -> bool {
        let switches = matches!(
            verb,
            Verb::StartInstance | Verb::StopInstance | Verb::ForceStopInstance
        );
        switches && self.function("query").is_some()
    }

    pub(super) async fn act(&self, request: &Request) -> Result<Begun, CloudError> {
        let verb = request.action.verb();
        let function = self.function_for(verb)?;
        let ids = targets(request);
        if let (Some(until), Some(id)) = (&function.until, ids.first())
            && self.asks_first(verb, until)
        {
            let power = match self.query(id).await {
                Ok((power, _)) => power,
                // A machine that sleeps answers nobody, and that is why it is woken.
                Err(error)
                    if error.class == Class::Unavailable
                        && matches!(function.form, Form::WakeOnLan { .. }) =>
                {
                    Power::Unknown
                }
                Err(error) => return Err(error),
            };
            if power == until.power {
                return Ok(Begun::Done(Outcome::unchanged(ids)));
            }
        }
        self.run(request, function, ids, Value::Null).await
    }

    /// Calls a function that does something.
    async fn run(
        &self,
        request: &Request,
        function: &Function,
        ids: Vec<Id>,
        state: Value,
    ) -> Result<Begun, CloudError> {
        let doing = self.doing(&function.name, ids.first());
        let (mut values, mut input) = self.told(request, &doing)?;
        // A function that stands in for another one is told its own name.
        values.set("verb", &function.name);
        input["verb"] = json!(function.name);
        input["state"] = state;
        let since = self.tools.clock.now();
        let called = self.call(function, &values, &input, &doing).await;
        let said = called.map_err(|error| unclear(error, function))?;
        let told = said.told(&doing)?;
        let ids = match told.ids.is_empty() {
            true => ids,
            false => told.ids,
        };
        let changed = told.changed.unwrap_or(said.code != Code::Already);
        let outcome = Outcome {
            changed,
            ids: ids.clone(),
            note: told.note,
            secret: told.secret.map(Hidden::new),
        };
        let waits = function.until.is_some() || said.code == Code::Begun;
        if said.code == Code::Already || !waits {
            return Ok(Begun::Done(outcome));
        }
        let under = Under {
            function: function.name.clone(),
            since,
            looks: 0,
            state: told.state,
        };
        Ok(Begun::Running(self.handle(ids, &under)?))
    }

    fn handle(&self, ids: Vec<Id>, under: &Under) -> Result<Handle, CloudError> {
        let state = serde_json::to_value(under);
        let state = state
            .map_err(|why| CloudError::new(Class::Protocol, &under.function, why.to_string()))?;
        Ok(Handle {
            ids,
            state,
            poll_after: self.pause(under.looks),
        })
    }

    /// Whether it is so by now.
    pub(super) async fn follow(
        &self,
        request: &Request,
        handle: &Handle,
    ) -> Result<Progress, CloudError> {
        let wrong = |message: String| {
            CloudError::new(Class::Protocol, request.action.verb().to_string(), message)
        };
        let under = Under::deserialize(&handle.state);
        let mut under = under.map_err(|why| wrong(format!("not our own handle: {why}")))?;
        let function = self
            .function(&under.function)
            .ok_or_else(|| wrong(format!("{} has no {}", self.title(), under.function)))?;
        let Some(until) = &function.until else {
            let state = under.state.clone();
            let begun = self
                .run(request, function, handle.ids.clone(), state)
                .await?;
            return Ok(match begun {
                Begun::Done(outcome) => Progress::Done(Outcome {
                    changed: true,
                    ..outcome
                }),
                Begun::Running(next) => {
                    under.looks += 1;
                    Progress::Running {
                        handle: Handle {
                            poll_after: self.pause(under.looks),
                            ..next
                        },
                        note: None,
                        percent: None,
                    }
                }
            });
        };
        let id = handle
            .ids
            .first()
            .ok_or_else(|| wrong("nothing to look at".into()))?;
        let seen = match self.is_so(request, until, id).await {
            Ok(None) => return Ok(Progress::Done(Outcome::changed(handle.ids.clone()))),
            Ok(Some(seen)) => seen,
            // A controller may be away while its machine turns around.
            Err(error) => error.to_string(),
        };
        let now = self.tools.clock.now();
        if under.since + until.within <= now {
            return self.give_up(request, function, handle, &seen).await;
        }
        under.looks += 1;
        Ok(Progress::Running {
            handle: self.handle(handle.ids.clone(), &under)?,
            note: Some(seen),
            percent: None,
        })
    }

    /// Nothing if it is as it should be, else how it is.
    pub(super) async fn is_so(
        &self,
        request: &Request,
        until: &Until,
        id: &Id,
    ) -> Result<Option<String>, CloudError> {
        let power = match self.query(id).await {
            Ok((power, _)) => power,
            // That nothing answers any more is what is waited for.
            Err(error) if until.power == Power::Unknown && error.class == Class::Unavailable => {
                Power::Unknown
            }
            Err(error) => return Err(error),
        };
        if power != until.power {
            return Ok(Some(format!("power is {}", word(power))));
        }
        if let Some(host) = &until.ping {
            let (values, _) = self.told(request, "ping")?;
            let host = host.fill(&values);
            if !form::answers(&self.tools, &host).await {
                return Ok(Some(format!(
                    "power is {}, {host} does not answer yet",
                    word(power)
                )));
            }
        }
        Ok(None)
    }

    /// It did not become so in time: what stands in for it is run, if there is one.
    async fn give_up(
        &self,
        request: &Request,
        function: &Function,
        handle: &Handle,
        seen: &str,
    ) -> Result<Progress, CloudError> {
        let within = function.until.as_ref().map(|until| until.within);
        let Some(name) = &function.otherwise else {
            let within = within.map_or_else(String::new, |within| within.to_string());
            let message = format!("not so within {within}: {seen}");
            let doing = self.doing(&function.name, handle.ids.first());
            return Ok(Progress::Failed(CloudError::new(
                Class::Failed,
                doing,
                message,
            )));
        };
        let next = self
            .function(name)
            .ok_or_else(|| CloudError::new(Class::Invalid, name, "there is no such function"))?;
        let note = Some(format!(
            "{seen}: {name} is run in place of {}",
            function.name
        ));
        let begun = self
            .run(request, next, handle.ids.clone(), Value::Null)
            .await?;
        Ok(match begun {
            Begun::Done(outcome) => Progress::Done(outcome),
            Begun::Running(handle) => Progress::Running {
                handle,
                note,
                percent: None,
            },
        })
    }
}

/// A machine that an action is about and does not change.
fn other_machine(action: &Action) -> Option<&Id> {
    match action {
        Action::AttachMember { instance, .. } | Action::DetachMember { instance, .. } => {
            Some(instance)
        }
        _ => None,
    }
}

/// What a request works on.
pub(super) fn targets(request: &Request) -> Vec<Id> {
    let targets = request.action.targets().into_iter();
    targets.map(|(_, id)| id.clone()).collect()
}

/// A call that was cut off may have done something, unless doing it twice is as good.
fn unclear(error: CloudError, function: &Function) -> CloudError {
    let cut = error.class == Class::Unavailable && error.message.starts_with("no end within");
    match cut && !function.idempotent {
        true => CloudError::unclear(error.doing, error.message),
        false => error,
    }
}

fn word(power: Power) -> &'static str {
    power.name()
}

fn described(until: &Until, function: &Function, values: &Values) -> String {
    let mut text = match until.power {
        Power::Unknown => "it no longer answers".to_owned(),
        power => format!("power is {}", word(power)),
    };
    if let Some(host) = &until.ping {
        text += &format!(" and {} answers", host.show(values));
    }
    text += &format!(", within {}", until.within);
    if let Some(name) = &function.otherwise {
        text += &format!(", else {name}");
    }
    text
}
