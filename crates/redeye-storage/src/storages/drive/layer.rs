//! One step of one layer, from writing it down to writing down what came of it.

use std::time::Duration;

use redeye_cloud::{JournalError, Phase, StackStep};

use super::{
    Level, Post, Record, Said, Went, Work, alone, outcome, phase, says_something, settled,
};

impl Work<'_> {
    /// One step: written down, done, and what came of it written down.
    pub(super) async fn step(
        &mut self,
        step: StackStep,
        levels: &[Level<'_>],
    ) -> Result<(), JournalError> {
        let level = levels[step.layer];
        let now = self.now();
        if let Some(run) = &mut self.operation.run {
            run.begins(step);
        }
        self.operation.step_begins(level.name(), step.phase, now);
        self.write().await?;
        let went = match step.phase {
            Phase::Entry => self.entry(step, levels).await?,
            Phase::Undo | Phase::Exit => self.way_up(step, levels).await?,
        };
        let result = match went {
            Ok(said) => {
                if let Some(note) = &said.note {
                    let text = format!("{}: {note}", level.name());
                    self.operation.say(text, self.now());
                }
                if says_something(&said) {
                    self.operation.said.insert(level.name().to_owned(), said);
                }
                Ok(())
            }
            Err(why) => {
                let words = format!("{} {} failed: {why}", phase(step.phase), level.name());
                self.operation.say(words, self.now());
                Err(why)
            }
        };
        let now = self.now();
        self.operation.step_ends(&result, now);
        if let Some(run) = &mut self.operation.run {
            run.ends(result);
        }
        self.write().await
    }

    /// A step on the way down: it ends early when somebody wants it stopped, when the
    /// time is over, or when something above it is not held any more.
    async fn entry(&mut self, step: StackStep, levels: &[Level<'_>]) -> Went {
        let mut post = self.post.take();
        let can_stop = self.operation.stage.can_stop();
        let (inner, id) = (self.inner, self.operation.id);
        let left = self.operation.deadline.since(self.now()).as_duration();
        let stop = async {
            if !can_stop {
                return std::future::pending().await;
            }
            tokio::select! {
                by = inner.journal.until_cancelled(id) => match by {
                    Ok(by) => format!("{by} stopped it"),
                    Err(error) => crate::chain(&error),
                },
                () = tokio::time::sleep(left) => "the deadline passed".to_owned(),
            }
        };
        let holds = self
            .operation
            .run
            .as_ref()
            .is_some_and(|run| run.layers()[step.layer].holds);
        let went = if holds {
            // It is not cut off: the watchdog sees to it that it ends.
            self.hold(step, levels, &mut post).await
        } else {
            let gone = async {
                match &mut post {
                    Some(post) => post.gone().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                went = self.work(step, levels) => went,
                why = gone => Ok(Err(why)),
                why = stop => Ok(Err(why)),
            }
        };
        let mut went = went?;
        // What was done counts only if nothing was written meanwhile.
        if let (Ok(_), Some(post)) = (&went, &mut post)
            && let Err(why) = post.still().await
        {
            went = Err(why);
        }
        self.post = post;
        Ok(went)
    }

    /// Stops writing, by a watchdog that was there before.
    async fn hold(
        &mut self,
        step: StackStep,
        levels: &[Level<'_>],
        post: &mut Option<Post>,
    ) -> Went {
        let level = levels[step.layer];
        let told = self.told(None);
        let function = self.operation.stage.function().unwrap_or_default();
        let scripts = (
            level.script(function, Phase::Entry),
            level.script(function, Phase::Exit),
        );
        let (Some(entry), Some(exit)) = scripts else {
            return Ok(Err("nothing would let it go".into()));
        };
        if let Err(why) = std::fs::create_dir_all(told.run_folder(level.name())) {
            return Ok(Err(format!("cannot make a folder of ours: {why}")));
        }
        let entry = told.call(&level, entry, (Phase::Entry, &[]), [].into());
        let exit = told.call(&level, exit, (Phase::Exit, &[]), alone(&level));
        let started = match post {
            Some(post) => post,
            None => {
                let hold_max = self.storage.hold_max;
                let begun = Post::start(&self.inner.watchdog, &self.record(), hold_max, 1).await;
                match begun {
                    Ok(begun) => post.insert(begun),
                    Err(why) => {
                        self.never_held.insert(step.layer);
                        return Ok(Err(why));
                    }
                }
            }
        };
        Ok(started.hold(step.layer, entry, exit).await)
    }

    /// A step on the way up, or one that takes something back.
    async fn way_up(&mut self, step: StackStep, levels: &[Level<'_>]) -> Went {
        let holds = self
            .operation
            .run
            .as_ref()
            .is_some_and(|run| run.layers()[step.layer].holds);
        if !holds || step.phase != Phase::Exit {
            return self.work(step, levels).await;
        }
        if self.never_held.remove(&step.layer) {
            return Ok(Ok(Said::default()));
        }
        let let_go = |left: &Record| left.let_go.contains(&step.layer);
        if self.left.as_ref().is_some_and(let_go) {
            // Once is enough: by now it may be somebody else who stops writing.
            return Ok(Ok(Said {
                note: Some("the watchdog has let go".into()),
                ..Said::default()
            }));
        }
        let level = levels[step.layer];
        let function = self.operation.stage.function().unwrap_or_default();
        let Some(exit) = level.script(function, Phase::Exit) else {
            return Ok(Err("nothing would let it go".into()));
        };
        let outcome = match &self.operation.run {
            Some(run) => outcome(run, step, levels),
            None => alone(&level),
        };
        let told = self.told(None);
        let call = told.call(&level, exit, (Phase::Exit, &[]), outcome);
        if let Some(post) = &mut self.post {
            match post.release(step.layer, call.clone()).await {
                Ok(released) => return Ok(released.map(|()| Said::default())),
                Err(why) => {
                    // Nobody can say what it has done: the exit makes sure.
                    self.post = None;
                    self.say(why).await?;
                }
            }
        }
        if let Some(record) = settled(&self.record(), Duration::ZERO).await
            && record.let_go.contains(&step.layer)
        {
            return Ok(Ok(Said::default()));
        }
        Ok(call.run().await)
    }

    /// Runs whatever a step is.
    async fn work(&mut self, step: StackStep, levels: &[Level<'_>]) -> Went {
        let level = levels[step.layer];
        if let Level::Volumes = level {
            return self.volumes(step.phase).await;
        }
        let function = self.operation.stage.function().unwrap_or_default();
        let Some(script) = level.script(function, step.phase) else {
            return Ok(Ok(Said::default()));
        };
        let snapshot = self.snapshot().await?;
        let told = self.told(snapshot.as_ref());
        if let Err(why) = std::fs::create_dir_all(told.run_folder(level.name())) {
            return Ok(Err(format!("cannot make a folder of ours: {why}")));
        }
        let devices = told.devices(levels, step.layer);
        let outcome = match &self.operation.run {
            Some(run) => outcome(run, step, levels),
            None => [].into(),
        };
        let call = told.call(&level, script, (step.phase, &devices), outcome);
        Ok(call.run().await)
    }
}
