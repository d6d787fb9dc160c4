//! Run lists: items one after the other, each handing its data on.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{Later, Run, State, add};
use crate::error::{Reason, RunError};
use crate::tree::{Chain, Function, Item, Tree, Verb};
use crate::{collect, program, python, thread};

/// Results of earlier chains: a run's own result leaves them out, or each
/// would hold all those before it.
const RUN_TAGS: [&str; 3] = ["run", "run simultaneous", "run_simultaneous"];

/// What an item did.
pub(crate) enum Effect {
    /// It adds these to the data of the pipe.
    Adds(Map<String, Value>),
    /// It has changed the data of the pipe by itself.
    Done,
}

impl Run {
    /// A `run` list: its result is the data of the pipe at its end, with when
    /// it began and how long it took.
    pub(super) async fn run_tag(
        self: &Arc<Self>,
        chain: &Chain,
        parent: &Tree,
        state: &mut State,
        is_last: bool,
    ) -> Result<Value, RunError> {
        let start = self.engine.inner().options.clock.now().as_secs_f64();
        let began = Instant::now();
        self.chain(chain, &parent.source, state).await?;
        let took = began.elapsed().as_secs_f64();
        let may_take = is_last && state.discard && state.depth == 1;
        let mut result = match may_take {
            true => std::mem::take(&mut state.pipe_data),
            false => state.pipe_data.clone(),
        };
        for tag in RUN_TAGS {
            result.shift_remove(tag);
        }
        for (key, value) in [("__start_time", start), ("__duration", took)] {
            result.insert(key.into(), json!(value));
            if !may_take {
                state.pipe_data.insert(key.into(), json!(value));
            }
        }
        Ok(Value::Object(result))
    }

    /// The items of a chain. A failure goes to the next `except`, or ends it.
    pub(crate) fn chain<'a>(
        self: &'a Arc<Self>,
        chain: &'a Chain,
        parent: &'a Arc<Value>,
        state: &'a mut State,
    ) -> Later<'a, ()> {
        Box::pin(async move {
            if let Some(first) = chain.items.first() {
                state.enter(&first.at)?;
            } else {
                return Ok(());
            }
            // A `cd` counts for its own chain only.
            let cwd = state.cwd.clone();
            let result = self.items(chain, parent, state).await;
            state.cwd = cwd;
            state.depth -= 1;
            result
        })
    }

    async fn items(
        self: &Arc<Self>,
        chain: &Chain,
        parent: &Arc<Value>,
        state: &mut State,
    ) -> Result<(), RunError> {
        let mut failed: Option<RunError> = None;
        for item in &chain.items {
            match (&item.verb, failed.take()) {
                (Verb::Except(handler), Some(error)) => {
                    state.pipe_data.insert("exception".into(), error.to_json());
                    failed = self.chain(handler, parent, state).await.err();
                }
                (Verb::Except(_), None) => {}
                (_, Some(error)) => failed = Some(error),
                (_, None) => failed = self.item(item, chain, parent, state).await.err(),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn item(
        self: &Arc<Self>,
        item: &Arc<Item>,
        chain: &Chain,
        parent: &Arc<Value>,
        state: &mut State,
    ) -> Result<(), RunError> {
        if let Some(cache) = &item.cache {
            let output = thread::read(self, item, cache, &chain.source, parent, state);
            let output = Box::pin(output).await;
            let output = output.map_err(|reason| item.failed(reason))?;
            add(&mut state.pipe_data, &output.data);
            let key = format!("run_thread.{}", cache.thread_id);
            state.pipe_data.insert(key, Value::String(output.shown));
            return Ok(());
        }
        let started = self.engine.inner().options.clock.now();
        let effect = self.verb(item, &chain.source, parent, state).await?;
        if let Some(collects) = &item.collect {
            let output = match &effect {
                Effect::Adds(map) => map,
                Effect::Done => &state.pipe_data,
            };
            collect::hand_over(&self.engine, collects, output, started, &state.cwd);
        }
        if let Effect::Adds(mut map) = effect {
            state.pipe_data.append(&mut map);
        }
        Ok(())
    }

    /// Does what an item says, once.
    pub(crate) fn verb<'a>(
        self: &'a Arc<Self>,
        item: &'a Item,
        block: &'a Value,
        parent: &'a Arc<Value>,
        state: &'a mut State,
    ) -> Later<'a, Effect> {
        Box::pin(async move {
            let failed = |reason| item.failed(reason);
            let limit = item.timeout;
            match &item.verb {
                Verb::Python(script) => {
                    let Some(path) = script.file.find(&state.cwd) else {
                        let path = script.file.beside.clone();
                        return Err(failed(Reason::NoScript { path }));
                    };
                    let call = python::ScriptCall {
                        script: &path,
                        function: &script.function,
                        block,
                        tag: &self.tag,
                        block_parent: parent,
                        timeout: limit,
                        item: &item.label,
                    };
                    let called = Box::pin(python::call(self, &call, state))
                        .await
                        .map_err(failed)?;
                    called.into_effect().map_err(failed)
                }
                Verb::Program(script) => {
                    Box::pin(program::script(self, script, item, block, parent, state))
                        .await
                        .map(Effect::Adds)
                        .map_err(failed)
                }
                Verb::Shell(shell) => Box::pin(program::shell(self, shell, item, state))
                    .await
                    .map(|()| Effect::Done)
                    .map_err(failed),
                Verb::Set(values) => Ok(Effect::Adds(values.clone())),
                Verb::Cd(folder) => {
                    let folder = state.cwd.join(folder);
                    if !folder.is_dir() {
                        let message = format!("no such directory: {}", folder.display());
                        return Err(failed(Reason::Data { message }));
                    }
                    state.cwd = folder;
                    Ok(Effect::Done)
                }
                Verb::Call { name, with } => {
                    add(&mut state.pipe_data, with);
                    let work = self.call_function(name, item, parent, state);
                    match limit {
                        None => work.await?,
                        Some(limit) => match tokio::time::timeout(limit.into(), work).await {
                            Ok(result) => result?,
                            Err(_) => {
                                let after = limit.into();
                                return Err(failed(Reason::TimedOut { after }));
                            }
                        },
                    }
                    Ok(Effect::Done)
                }
                Verb::Tag(tag) => {
                    let mut block = Map::new();
                    let tree = Tree::of_source(&item.at, parent);
                    self.one_tag(tag, &tree, &mut block, state, false).await?;
                    Ok(Effect::Adds(block))
                }
                // Done by the chain itself.
                Verb::Except(_) => Ok(Effect::Done),
            }
        })
    }

    fn call_function<'a>(
        self: &'a Arc<Self>,
        name: &'a str,
        item: &'a Item,
        parent: &'a Arc<Value>,
        state: &'a mut State,
    ) -> Later<'a, ()> {
        Box::pin(async move {
            let functions = &self.loaded.functions;
            let function = functions.iter().find(|(known, _)| known == name);
            match function.map(|(_, function)| function) {
                Some(Function::Chain(chain)) => self.chain(chain, parent, state).await,
                Some(Function::Block(tree)) => self.tree(tree, state).await.map(|_| ()),
                None => Err(item.failed(Reason::Data {
                    message: format!("unknown function: {name}"),
                })),
            }
        })
    }
}

impl Item {
    pub(crate) fn failed(&self, reason: Reason) -> RunError {
        RunError {
            place: self.at.clone(),
            item: self.label.clone(),
            reason,
        }
    }
}
