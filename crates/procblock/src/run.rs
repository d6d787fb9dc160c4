//! One processing of a block: the tree is walked, tags and run items are done
//! in their order.

use std::future::Future;
use std::path::{Path as FilePath, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use rem_yaml::Place;
use serde_json::{Map, Value, json};

use crate::block::{Block, Loaded};
use crate::compile::{DEPTH_MAX, folder_of};
use crate::engine::{Call, Engine, Processed};
use crate::error::{Reason, RunError};
use crate::path::Scope;
use crate::shared::LockGuard;
use crate::tags::{Rule, TagCall, TagFunction, TagOutcome};
use crate::tree::{Branches, RequireLock, Tag, TagKind, Template, Tree};
use crate::{collect, python, template, thread};

mod chain;
mod data;
pub(crate) use chain::Effect;
pub(crate) use data::short;
#[cfg(test)]
mod tests;

pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, RunError>> + Send + 'a>>;

/// What stays the same while a block is processed.
#[derive(Clone)]
pub(crate) struct Run {
    pub engine: Engine,
    pub loaded: Arc<Loaded>,
    pub input_data: Arc<Map<String, Value>>,
    pub request_state: Arc<Map<String, Value>>,
    pub env: Arc<Vec<(String, String)>>,
    pub tag: Arc<str>,
}

/// What changes along the way.
pub(crate) struct State {
    pub pipe_data: Map<String, Value>,
    pub cwd: PathBuf,
    locks: Vec<LockGuard>,
    depth: usize,
    /// Nobody reads the data of the pipe at the end.
    discard: bool,
}

impl Run {
    pub(crate) async fn process(
        engine: &Engine,
        block: &Block,
        call: Call,
        keep: bool,
    ) -> Result<Processed, RunError> {
        let loaded = Arc::clone(block.loaded());
        let tree = Arc::clone(&loaded.tree);
        let cwd = match call.cwd.as_os_str().is_empty() {
            true => folder_of(&tree.at),
            false => call.cwd,
        };
        let run = Arc::new(Self {
            engine: engine.clone(),
            loaded,
            input_data: call.input_data,
            request_state: call.request_state,
            env: call.env,
            tag: call.tag.as_deref().unwrap_or("run").into(),
        });
        let mut state = State::new(call.pipe_data, cwd);
        state.discard = !keep;
        let work = run.tree(&tree, &mut state);
        let result = match call.timeout {
            None => work.await?,
            Some(limit) => match tokio::time::timeout(limit.into(), work).await {
                Ok(result) => result?,
                Err(_) => {
                    return Err(RunError {
                        place: tree.at.clone(),
                        item: format!("block {}", block.name()),
                        reason: Reason::TimedOut {
                            after: limit.into(),
                        },
                    });
                }
            },
        };
        Ok(Processed {
            result,
            pipe_data: state.pipe_data,
        })
    }

    /// Processes a block; its result is also added to the data of the pipe.
    pub(crate) fn tree<'a>(
        self: &'a Arc<Self>,
        tree: &'a Tree,
        state: &'a mut State,
    ) -> Later<'a, Value> {
        Box::pin(async move {
            state.enter(&tree.at)?;
            let held = state.locks.len();
            let mut block = Map::new();
            let replaced = self.tags(tree, &mut block, state).await;
            // Locks of this block end with it, however it ends.
            if state.locks.len() > held {
                Box::pin(state.release_from(held)).await;
            }
            state.depth -= 1;
            let result = match (replaced?, &tree.return_tag) {
                (Some(value), _) => value,
                (None, Some(tag)) => match block.shift_remove(tag) {
                    Some(value) => value,
                    None => state.pipe_data.get(tag).cloned().unwrap_or(Value::Null),
                },
                (None, None) => {
                    if block.keys().any(|key| key.starts_with("__")) {
                        block.retain(|key, _| !key.starts_with("__"));
                    }
                    Value::Object(block)
                }
            };
            let discard = state.discard && state.depth == 0;
            if let Value::Object(map) = &result
                && !discard
            {
                add(&mut state.pipe_data, map);
            }
            Ok(result)
        })
    }

    /// Processes the tags of a block into `block`. Gives the value that takes
    /// the place of the block's result when a lock was not to be had.
    async fn tags(
        self: &Arc<Self>,
        tree: &Tree,
        block: &mut Map<String, Value>,
        state: &mut State,
    ) -> Result<Option<Value>, RunError> {
        let last = tree.tags.len().saturating_sub(1);
        for (index, tag) in tree.tags.iter().enumerate() {
            if let TagKind::RequireLock(locks) = &tag.kind {
                for lock in locks {
                    if let Some(value) = Box::pin(self.require(lock, tag, state)).await? {
                        return Ok(Some(value));
                    }
                }
                continue;
            }
            self.one_tag(tag, tree, block, state, index == last).await?;
        }
        Ok(None)
    }

    async fn one_tag(
        self: &Arc<Self>,
        tag: &Tag,
        parent: &Tree,
        block: &mut Map<String, Value>,
        state: &mut State,
        is_last: bool,
    ) -> Result<(), RunError> {
        let failed = |reason| tag.failed(reason);
        match &tag.kind {
            TagKind::Data(value) => {
                block.insert(tag.name.clone(), value.clone());
            }
            TagKind::Block(tree) => {
                let value = self.tree(tree, state).await?;
                block.insert(tag.name.clone(), value);
            }
            TagKind::If(branches) => {
                let scope = self.scope(block, &state.pipe_data);
                let chosen = choose(branches, &scope)?;
                if let Some(tree) = chosen {
                    match self.tree(tree, state).await? {
                        Value::Object(map) => add(block, &map),
                        other => return Err(failed(data::not_a_map("the branch gives", &other))),
                    }
                }
            }
            TagKind::Run(chain) => {
                let value = self.run_tag(chain, parent, state, is_last).await?;
                block.insert(tag.name.clone(), value);
            }
            TagKind::RunSimultaneous(many) => {
                let value = thread::simultaneous(self, many, &parent.source, state);
                let value = Box::pin(value).await.map_err(failed)?;
                block.insert(tag.name.clone(), value);
            }
            TagKind::Template(source) => {
                let scope = self.scope(block, &state.pipe_data);
                let text = match source {
                    Template::Text(text) => template::render(text, &scope),
                    Template::File(path) => template::render_file(path, &scope),
                };
                let text = text.map_err(|message| failed(Reason::Template { message }))?;
                block.insert(tag.name.clone(), Value::String(text));
            }
            TagKind::Set { name, value } => {
                state.pipe_data.insert(name.clone(), value.clone());
            }
            TagKind::ListAdd { name, value } => {
                data::list_add(&mut state.pipe_data, name, value).map_err(failed)?;
            }
            TagKind::ListDelete { name, value } => {
                data::list_delete(&mut state.pipe_data, name, value).map_err(failed)?;
            }
            TagKind::Increment { name, by, sign } => {
                data::increment(&mut state.pipe_data, name, by, *sign).map_err(failed)?;
            }
            TagKind::RequireLock(locks) => {
                for lock in locks {
                    if let Some(Value::Object(map)) =
                        Box::pin(self.require(lock, tag, state)).await?
                    {
                        add(block, &map);
                    }
                }
            }
            TagKind::ReleaseLock(names) => {
                for name in names {
                    Box::pin(self.release(name, state)).await.map_err(failed)?;
                }
            }
            TagKind::PutInQueue(puts) => {
                for put in puts {
                    let found = block
                        .get(&put.tag)
                        .or_else(|| state.pipe_data.get(&put.tag));
                    let Some(value) = found.cloned() else {
                        let message = format!("no tag of this name has a result: {}", put.tag);
                        return Err(failed(Reason::Data { message }));
                    };
                    let shared = &self.engine.inner().shared;
                    let put = Box::pin(shared.queue_add(&put.queue, &value)).await;
                    put.map_err(|message| failed(Reason::Shared { message }))?;
                }
            }
            TagKind::Collect(collects) => {
                let mut whole = state.pipe_data.clone();
                add(&mut whole, block);
                let now = self.engine.inner().options.clock.now();
                collect::hand_over(&self.engine, collects, &whole, now, &state.cwd);
            }
            TagKind::Custom { rule, value } => {
                Box::pin(self.custom(tag, rule, value, parent, block, state)).await?;
            }
        }
        Ok(())
    }

    async fn custom(
        self: &Arc<Self>,
        tag: &Tag,
        rule: &Rule,
        value: &Value,
        parent: &Tree,
        block: &mut Map<String, Value>,
        state: &mut State,
    ) -> Result<(), RunError> {
        let outcome = match &rule.function {
            TagFunction::Rust(function) => {
                let call = TagCall {
                    tag: &tag.name,
                    value,
                    block_parent: &parent.source,
                    scope: self.scope(block, &state.pipe_data),
                };
                function(call).map_err(|message| tag.failed(Reason::Tag { message }))?
            }
            TagFunction::Block(other) => {
                let mut inner = State::new(state.pipe_data.clone(), state.cwd.clone());
                inner.depth = state.depth;
                inner.pipe_data.insert("tag".into(), json!(tag.name));
                inner.pipe_data.insert("value".into(), value.clone());
                let mut run = Self::clone(self);
                run.loaded = Arc::clone(other.loaded());
                let run = Arc::new(run);
                TagOutcome::Keep(run.tree(&other.loaded().tree, &mut inner).await?)
            }
            TagFunction::Script(script) => {
                let call = python::ScriptCall {
                    script,
                    function: rem_script::Call::FUNCTION,
                    block: value,
                    tag: &tag.name,
                    block_parent: &parent.source,
                    timeout: None,
                    item: &tag.name,
                };
                let called = python::call(self, &call, state).await;
                TagOutcome::Keep(called.map_err(|reason| tag.failed(reason))?.value)
            }
        };
        match outcome {
            TagOutcome::Keep(value) => {
                block.insert(tag.name.clone(), value);
            }
            TagOutcome::Discard => {}
            TagOutcome::Merge(map) => block.extend(map),
        }
        Ok(())
    }

    async fn require(
        self: &Arc<Self>,
        lock: &RequireLock,
        tag: &Tag,
        state: &mut State,
    ) -> Result<Option<Value>, RunError> {
        let shared = &self.engine.inner().shared;
        let acquired = shared
            .lock(&lock.name, lock.timeout, &tag.at.to_string())
            .await;
        match acquired.map_err(|message| tag.failed(Reason::Shared { message }))? {
            Some(guard) => {
                state.locks.push(guard);
                Ok(None)
            }
            None => match &lock.timeout_block {
                Some(block) => self.tree(block, state).await.map(Some),
                None => {
                    let message = lock.timeout_exception.clone();
                    let message = message.unwrap_or_else(|| {
                        let waited = lock.timeout.unwrap_or_default();
                        format!("lock {} is still held after {waited}", lock.name)
                    });
                    Err(tag.failed(Reason::LockTimeout { message }))
                }
            },
        }
    }

    /// Releases a lock that this chain holds, or else whoever holds it.
    async fn release(&self, name: &str, state: &mut State) -> Result<(), Reason> {
        let shared = &self.engine.inner().shared;
        if let Some(at) = state.locks.iter().rposition(|guard| guard.name() == name) {
            state.locks.remove(at).release().await;
            return Ok(());
        }
        let released = shared.release(&self.engine, name).await;
        released.map_err(|message| Reason::Shared { message })?;
        Ok(())
    }

    pub(crate) fn scope<'a>(
        &'a self,
        siblings: &'a Map<String, Value>,
        pipe_data: &'a Map<String, Value>,
    ) -> Scope<'a> {
        Scope {
            siblings,
            pipe_data,
            input_data: &self.input_data,
            request_state: &self.request_state,
        }
    }
}

impl State {
    pub(crate) fn new(pipe_data: Map<String, Value>, cwd: PathBuf) -> Self {
        Self {
            pipe_data,
            cwd,
            locks: Vec::new(),
            depth: 0,
            discard: false,
        }
    }

    pub(crate) fn cwd(&self) -> &FilePath {
        &self.cwd
    }

    fn enter(&mut self, at: &Place) -> Result<(), RunError> {
        if self.depth >= DEPTH_MAX {
            return Err(RunError {
                place: at.clone(),
                item: "block".into(),
                reason: Reason::Data {
                    message: format!("blocks and calls are nested deeper than {DEPTH_MAX}"),
                },
            });
        }
        self.depth += 1;
        Ok(())
    }

    async fn release_from(&mut self, held: usize) {
        while self.locks.len() > held {
            if let Some(guard) = self.locks.pop() {
                guard.release().await;
            }
        }
    }
}

impl Tag {
    fn failed(&self, reason: Reason) -> RunError {
        RunError {
            place: self.at.clone(),
            item: format!("tag \"{}\"", self.name),
            reason,
        }
    }
}

fn choose<'a>(
    branches: &'a Branches,
    scope: &Scope<'_>,
) -> Result<Option<&'a Arc<Tree>>, RunError> {
    for branch in &branches.branches {
        let holds = branch.condition.holds(scope).map_err(|error| RunError {
            place: branch.at.clone(),
            item: format!("condition \"{}\"", branch.condition),
            reason: Reason::Condition(error),
        })?;
        if holds {
            return Ok(Some(&branch.then));
        }
    }
    Ok(branches.otherwise.as_ref())
}

/// Adds all of `from` to `into`, key by key.
pub(crate) fn add(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        into.insert(key.clone(), value.clone());
    }
}
