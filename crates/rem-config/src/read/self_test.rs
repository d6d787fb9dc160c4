use rem_time::Span;
use rem_yaml::{At, Located, Problems};

use crate::contact::ContactKind;
use crate::notify::{SELF_TEST_DEFAULT, SELF_TEST_WITHIN_DEFAULT, SelfTest};

use super::owner::at_least;

const EVERY_MIN: Span = Span::from_seconds(60);
const WITHIN_MIN: Span = Span::from_seconds(10);
const KINDS: [(&str, ContactKind); 3] = [
    ("mail", ContactKind::Mail),
    ("webhook", ContactKind::Webhook),
    ("script", ContactKind::Script),
];

/// As it is written: what comes back may be left to the rest of the file.
#[derive(Clone, Debug)]
pub(super) struct SelfTestDraft {
    every: Span,
    within: Span,
    comes_back: Option<Vec<Located<ContactKind>>>,
}

/// What the rest of the file has for tests to come back by.
#[derive(Clone, Copy, Debug)]
pub(super) struct WaysBack {
    pub smtp: bool,
    pub imap: bool,
    /// Where the pages are is known.
    pub pages: bool,
}

/// `{every: 1d, within: 15m, comes_back: [mail]}`, or `none`. The outer `None` is a
/// mistake.
#[allow(clippy::option_option)]
pub(super) fn read(at: &At<'_>, problems: &mut Problems) -> Option<Option<SelfTestDraft>> {
    if at.node().as_str() == Some("none") {
        return Some(None);
    }
    if at.node().as_map().is_none() {
        problems.add(at.expected("{every: 1d} or none"));
        return None;
    }
    let mut map = at.map(problems)?;
    let every = match map.get("every") {
        Some(at) => at_least(&at, EVERY_MIN, problems),
        None => Some(SELF_TEST_DEFAULT),
    };
    let within = match map.get("within") {
        Some(at) => at_least(&at, WITHIN_MIN, problems),
        None => Some(SELF_TEST_WITHIN_DEFAULT),
    };
    let comes_back = map.get("comes_back").and_then(|at| {
        let items = at.items(problems)?;
        let kind =
            |at: &At<'_>, problems: &mut Problems| Some(at.located(at.one_of(&KINDS, problems)?));
        let kinds: Vec<_> = items.iter().filter_map(|at| kind(at, problems)).collect();
        Some(kinds)
    });
    map.finish(problems);
    Some(Some(SelfTestDraft {
        every: every?,
        within: within?,
        comes_back,
    }))
}

impl SelfTestDraft {
    pub(super) fn daily() -> Self {
        Self {
            every: SELF_TEST_DEFAULT,
            within: SELF_TEST_WITHIN_DEFAULT,
            comes_back: None,
        }
    }

    /// Mails come back where an inbox is read, unless told; what else comes back has
    /// to be said.
    pub(super) fn settle(self, ways: WaysBack, problems: &mut Problems) -> SelfTest {
        let comes_back = match self.comes_back {
            None if ways.imap && ways.smtp => vec![ContactKind::Mail],
            None => Vec::new(),
            Some(kinds) => {
                for kind in &kinds {
                    let (is_there, message, help) = match kind.value {
                        ContactKind::Mail => (
                            ways.smtp,
                            "no mail can come back: there is no notify.smtp",
                            "add `smtp: {url: smtp://localhost:25, from: rem@example.com}`",
                        ),
                        ContactKind::Webhook | ContactKind::Script => (
                            ways.pages,
                            "nothing can come back: there is no listener and no notify.url",
                            "add `url: https://rem.example.com`, where the pages are",
                        ),
                    };
                    if !is_there {
                        problems.add(kind.problem(message).help(help));
                    }
                }
                let mut kinds: Vec<ContactKind> =
                    kinds.into_iter().map(|kind| kind.value).collect();
                kinds.sort_unstable();
                kinds.dedup();
                kinds
            }
        };
        SelfTest {
            every: self.every,
            within: self.within,
            comes_back,
        }
    }
}
