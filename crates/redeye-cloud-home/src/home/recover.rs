//! What became of what a process that died had begun.

use redeye_cloud::{Begun, CloudError, Id, Outcome, Recovered, Request};

use super::HomeMegavisor;
use super::act::targets;

impl HomeMegavisor {
    /// What became of a call that nobody saw the end of.
    pub(super) async fn find_out(&self, request: &Request) -> Result<Recovered, CloudError> {
        let verb = request.action.verb();
        let function = self.function_for(verb)?;
        let ids = targets(request);
        if let (Some(until), Some(id)) = (&function.until, ids.first())
            && self.can_say(verb)
        {
            let so = self.is_so(request, until, id).await?;
            if so.is_none() {
                return Ok(Recovered::Adopt(Begun::Done(Outcome::changed(ids))));
            }
        }
        if function.idempotent {
            return Ok(Recovered::SendAgain);
        }
        let made = self.made_by(request).await?;
        Ok(match made.is_empty() {
            false => Recovered::Adopt(Begun::Done(Outcome::changed(made))),
            true => Recovered::Stuck(format!(
                "{} of {} may have run, and running it twice is not the same as once",
                function.name,
                self.title()
            )),
        })
    }

    /// What carries the name of an operation in its tags.
    async fn made_by(&self, request: &Request) -> Result<Vec<Id>, CloudError> {
        let kind = request.action.verb().kind();
        if !self.capabilities.lists.contains(&kind) {
            return Ok(Vec::new());
        }
        let listing = self.list_all(kind).await?;
        let op = request.id.to_string();
        let tagged = |item: &&redeye_cloud::Resource| {
            item.tags()
                .is_some_and(|tags| tags.get("rem:op") == Some(&op))
        };
        Ok(listing
            .items
            .iter()
            .filter(tagged)
            .map(|item| item.id().clone())
            .collect())
    }
}
