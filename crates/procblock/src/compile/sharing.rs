//! Locks and queues.

use std::sync::Arc;

use rem_yaml::Value as Yaml;

use super::Compiler;
use crate::read::At;
use crate::tree::{PutInQueue, RequireLock};

impl Compiler {
    pub(super) fn require_locks(&mut self, at: &At<'_>) -> Option<Vec<RequireLock>> {
        let items = at.items_or_one();
        let locks = items.iter().map(|item| self.require_lock(item));
        locks.collect::<Vec<_>>().into_iter().collect()
    }

    fn require_lock(&mut self, at: &At<'_>) -> Option<RequireLock> {
        if at.node.as_map().is_none() {
            let name = self.reader.text(at)?;
            return Some(RequireLock {
                name,
                timeout: None,
                timeout_block: None,
                timeout_exception: None,
            });
        }
        self.reader.only(
            at,
            &["name", "timeout", "timeout_block", "timeout_exception"],
        );
        let name = self.reader.required_text(at, "name");
        let timeout = self.reader.optional_span(at, "timeout");
        let timeout_block = match at.get("timeout_block") {
            Some(block) => Some(Arc::new(self.tree(&block)?)),
            None => None,
        };
        let timeout_exception = match at.get("timeout_exception") {
            Some(at) if matches!(at.node.value, Yaml::Bool(_)) => None,
            Some(at) => Some(self.reader.text(&at)?),
            None => None,
        };
        if timeout.is_none() && (timeout_block.is_some() || timeout_exception.is_some()) {
            self.reader
                .wrong(at, "timeout is missing: the wait would never end");
        }
        Some(RequireLock {
            name: name?,
            timeout,
            timeout_block,
            timeout_exception,
        })
    }

    pub(super) fn release_locks(&mut self, at: &At<'_>) -> Option<Vec<String>> {
        let items = at.items_or_one();
        let names = items.iter().map(|item| match item.node.as_map() {
            Some(_) => {
                self.reader.only(item, &["name"]);
                self.reader.required_text(item, "name")
            }
            None => self.reader.text(item),
        });
        names.collect::<Vec<_>>().into_iter().collect()
    }

    /// `put tag T in queue Q`, or a list of `{tag, queue}` as its value.
    pub(super) fn put_in_queue(&mut self, rest: &str, at: &At<'_>) -> Option<Vec<PutInQueue>> {
        if at.node.as_seq().is_none() && at.node.as_map().is_none() {
            let (tag, queue) = rest.split_once(" in queue ")?;
            return Some(vec![PutInQueue {
                tag: tag.trim().into(),
                queue: queue.trim().into(),
            }]);
        }
        let mut puts = Vec::new();
        for item in at.items_or_one() {
            if !self.reader.is_map(&item) {
                return None;
            }
            self.reader.only(&item, &["tag", "queue"]);
            let tag = self.reader.required_text(&item, "tag");
            let queue = self.reader.required_text(&item, "queue");
            puts.push(PutInQueue {
                tag: tag?,
                queue: queue?,
            });
        }
        Some(puts)
    }
}
