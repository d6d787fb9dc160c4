use std::fmt;
use std::sync::Arc;

use rem_yaml::{Located, Problem};

use crate::check::Check;
use crate::host::Host;
use crate::template::{Becomes, NoAddress, Subject, Template};

/// What a monitor looks at, before it is filled in for a machine.
#[derive(Clone)]
pub(crate) struct Look {
    /// What `kind` and `is_local` are asked of without a machine.
    pub(crate) example: Check,
    make: Option<Arc<Make>>,
}

type Make = dyn Fn(&Fill<'_>) -> Result<Check, Problem> + Send + Sync;

/// Fills in one definition for one machine.
#[derive(Clone, Copy)]
pub(crate) struct Fill<'c> {
    pub(crate) subject: Subject<'c>,
    /// Where the monitor is written.
    pub(crate) at: &'c Located<()>,
}

impl Look {
    /// The same for every machine.
    pub(crate) const fn same(check: Check) -> Self {
        Self {
            example: check,
            make: None,
        }
    }

    /// Another for every machine; `example` is of the same kind.
    pub(crate) fn filled(
        example: Check,
        make: impl Fn(&Fill<'_>) -> Result<Check, Problem> + Send + Sync + 'static,
    ) -> Self {
        Self {
            example,
            make: Some(Arc::new(make)),
        }
    }

    /// The check for one machine.
    pub(crate) fn check(&self, fill: &Fill<'_>) -> Result<Check, Problem> {
        match &self.make {
            Some(make) => make(fill),
            None => Ok(self.example.clone()),
        }
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Look").field(&self.example.kind()).finish()
    }
}

impl Fill<'_> {
    pub(crate) fn text(&self, template: &Located<Template>) -> Result<String, Problem> {
        self.becoming(template, Becomes::Text)
    }

    pub(crate) fn texts(&self, templates: &[Located<Template>]) -> Result<Vec<String>, Problem> {
        templates.iter().map(|text| self.text(text)).collect()
    }

    pub(crate) fn maybe(
        &self,
        template: Option<&Located<Template>>,
    ) -> Result<Option<String>, Problem> {
        template.map(|text| self.text(text)).transpose()
    }

    pub(crate) fn url(&self, template: &Located<Template>) -> Result<String, Problem> {
        let url = self.becoming(template, Becomes::Url)?;
        match crate::read::check_url(&url) {
            Ok(()) => Ok(url),
            Err(why) => Err(template.problem(format!("for {}: {why}", self.subject.machine.name))),
        }
    }

    /// The address, or the machine's own where none is written.
    pub(crate) fn address(&self, template: Option<&Located<Template>>) -> Result<Host, Problem> {
        let Some(template) = template else {
            let own = self.subject.machine.address.clone();
            return own.ok_or_else(|| self.no_address(self.at));
        };
        let text = self.text(template)?;
        Host::parse(&text).map_err(|why| {
            template.problem(format!(
                "for {}: not an address: {text}: {why}",
                self.subject.machine.name
            ))
        })
    }

    fn becoming(&self, template: &Located<Template>, becomes: Becomes) -> Result<String, Problem> {
        let filled = template.value.fill(self.subject, becomes);
        filled.map_err(|NoAddress| self.no_address(template))
    }

    fn no_address<T>(&self, at: &Located<T>) -> Problem {
        let machine = &self.subject.machine.name;
        at.problem(format!(
            "the machine {machine} has no address, which is needed here"
        ))
        .help(format!("add `address:` to {machine} under machines"))
    }
}
