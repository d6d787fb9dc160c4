use std::collections::VecDeque;
use std::time::Duration;

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 503, `RequestLimitExceeded`.
    Throttle,
    /// 500, `InternalError`.
    Internal,
    /// 503, `Unavailable`.
    Unavailable,
    /// 403, `UnauthorizedOperation`.
    Denied,
    /// 500, `InsufficientInstanceCapacity`.
    NoCapacity,
    /// The connection is closed instead of an answer; nothing was done.
    Reset,
    /// It is done, and the connection is closed instead of an answer.
    Lost,
    /// No answer ever; nothing was done.
    Hang,
    /// It is done, and no answer ever comes.
    DoneAndHang,
    /// Done, and half of the answer comes.
    Truncate,
    /// Done, and the answer is 200 without a body.
    EmptyBody,
    /// Done, and the answer is 200 with a page for people.
    Html,
    /// Done, and the answer is of another protocol.
    OtherNamespace,
    /// Done, and the answer lacks the set that holds what was asked for.
    NoSet,
    /// Well formed, and nothing in it.
    EmptySet,
    /// The answer comes later.
    Slow(Duration),
}

impl Fault {
    /// Whether the request is carried out all the same.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Throttle
            | Self::Internal
            | Self::Unavailable
            | Self::Denied
            | Self::NoCapacity
            | Self::Reset
            | Self::Hang => false,
            Self::Lost
            | Self::DoneAndHang
            | Self::Truncate
            | Self::EmptyBody
            | Self::Html
            | Self::OtherNamespace
            | Self::NoSet
            | Self::EmptySet
            | Self::Slow(_) => true,
        }
    }
}

/// What is to go wrong, how often, and how many good answers come before.
#[derive(Debug, Default)]
pub(crate) struct Faults(VecDeque<Rule>);

#[derive(Debug)]
struct Rule {
    action: String,
    after: u32,
    times: u32,
    fault: Fault,
}

impl Faults {
    pub(crate) fn add(&mut self, action: &str, after: u32, times: u32, fault: Fault) {
        self.0.push_back(Rule {
            action: action.to_owned(),
            after,
            times,
            fault,
        });
    }

    /// What goes wrong with this request; `*` stands for every action.
    pub(crate) fn next(&mut self, action: &str) -> Option<Fault> {
        let fits = |rule: &&mut Rule| rule.action == action || rule.action == "*";
        let rule = self.0.iter_mut().find(fits)?;
        if 0 < rule.after {
            rule.after -= 1;
            return None;
        }
        let fault = rule.fault.clone();
        rule.times = rule.times.saturating_sub(1);
        self.0.retain(|rule| 0 < rule.times);
        Some(fault)
    }
}
