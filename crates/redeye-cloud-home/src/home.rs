use std::fmt;
use std::sync::Arc;

use redeye_cloud::{
    Answer, Begun, Capabilities, Class, CloudError, Handle, Id, Info, Kind, Listing, Megavisor,
    Plan, Progress, Recovered, Request, Resource, Scope,
};
use rem_check::Pinger;
use rem_time::{Clock, Span};
use serde_json::Value;

use crate::contract::Said;
use crate::definition::Definition;
use crate::form::{self, Call, Terminal, Tools};
use crate::function::{Function, Purpose};
use crate::template::Values;

mod act;
mod look;
mod recover;

/// Looks up an environment variable, for secrets.
pub type Env = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A megavisor that is a file of functions.
#[derive(Clone)]
pub struct HomeMegavisor {
    definition: Arc<Definition>,
    info: Info,
    capabilities: Capabilities,
    tools: Tools,
    env: Env,
}

impl fmt::Debug for HomeMegavisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HomeMegavisor")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl HomeMegavisor {
    /// The megavisor of a file.
    pub fn new(definition: Definition, clock: Arc<dyn Clock>, env: Env) -> Self {
        let has_query = definition.functions.contains_key("query");
        let mut capabilities = Capabilities::default();
        for name in definition.functions.keys() {
            match Purpose::of(name) {
                Purpose::List(kind) => {
                    capabilities.lists.insert(kind);
                }
                Purpose::Do(verb) => {
                    capabilities.does.insert(verb);
                }
                Purpose::Query | Purpose::Other => {}
            }
        }
        if has_query || !definition.machines.is_empty() {
            capabilities.lists.insert(Kind::Instance);
        }
        Self {
            info: Info {
                name: definition.name.clone(),
                version: definition.version,
                sort: "home",
                scopes: vec![definition.scope.clone()],
                at_once: definition.at_once,
                rest: definition.rest,
            },
            tools: Tools {
                pinger: Pinger::new(),
                clock,
                folder: definition.folder.clone(),
            },
            capabilities,
            env,
            definition: Arc::new(definition),
        }
    }

    /// The only scope.
    pub fn scope(&self) -> &Scope {
        &self.definition.scope
    }

    /// The hardware set whose machines it controls.
    pub fn hardware_set(&self) -> Option<&str> {
        self.definition.hardware_set.as_deref()
    }

    /// What opens the console of a machine on a person's terminal.
    ///
    /// # Errors
    /// [`Class::Unsupported`] if the file has no interactive function `console`.
    pub fn console(&self, id: &Id) -> Result<Terminal, CloudError> {
        let doing = format!("console of {id}");
        let function = self.function("console").filter(|one| one.interactive);
        let function = function.ok_or_else(|| {
            let message = format!("{} has no interactive function console", self.title());
            CloudError::new(Class::Unsupported, doing.clone(), message)
        })?;
        let values = self.values(Some(id), &doing)?;
        Ok(form::interactive(
            &function.form,
            &values,
            &self.tools.folder,
        ))
    }

    fn function(&self, name: &str) -> Option<&Function> {
        self.definition.functions.get(name)
    }

    fn values(&self, id: Option<&Id>, doing: &str) -> Result<Values, CloudError> {
        let values = self.definition.values(id, &*self.env);
        let mut values =
            values.map_err(|error| CloudError::new(Class::Tool, doing, error.to_string()))?;
        values.set("folder", self.definition.folder.to_string_lossy());
        Ok(values)
    }

    async fn call(
        &self,
        function: &Function,
        values: &Values,
        input: &Value,
        doing: &str,
    ) -> Result<Said, CloudError> {
        let call = Call {
            function,
            values,
            input,
            doing,
        };
        form::run(&self.tools, &call).await
    }

    /// How long to wait before the next look.
    fn pause(&self, looks: usize) -> Span {
        let pauses = &self.definition.pauses;
        pauses[looks.min(pauses.len() - 1)]
    }

    fn title(&self) -> String {
        format!("{}@{}", self.info.name, self.info.version)
    }
}

impl Megavisor for HomeMegavisor {
    fn info(&self) -> &Info {
        &self.info
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn list<'a>(&'a self, _: &'a Scope, kind: Kind) -> Answer<'a, Listing<Resource>> {
        Box::pin(self.list_all(kind))
    }

    fn get<'a>(&'a self, _: &'a Scope, kind: Kind, id: &'a Id) -> Answer<'a, Option<Resource>> {
        Box::pin(self.look_at(kind, id))
    }

    fn plan<'a>(&'a self, request: &'a Request) -> Answer<'a, Plan> {
        Box::pin(async move { self.planned(request) })
    }

    fn begin<'a>(&'a self, request: &'a Request) -> Answer<'a, Begun> {
        Box::pin(self.act(request))
    }

    fn poll<'a>(&'a self, request: &'a Request, handle: &'a Handle) -> Answer<'a, Progress> {
        Box::pin(self.follow(request, handle))
    }

    fn recover<'a>(&'a self, request: &'a Request) -> Answer<'a, Recovered> {
        Box::pin(self.find_out(request))
    }

    /// What runs has ended with its call; what a controller was told goes on.
    fn cancel<'a>(&'a self, _: &'a Request, _: &'a Handle) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests;
