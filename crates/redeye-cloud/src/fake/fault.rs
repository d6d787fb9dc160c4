use super::Seen;
use crate::error::Class;
use crate::kind::Kind;
use crate::verb::Verb;

/// How a call of a [`super::FakeMegavisor`] fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With an error of this class.
    Error(Class),
    /// No answer ever comes.
    Hang,
    /// A listing has nothing in it, and says that this is all; a thing is not found.
    Empty,
    /// A listing ends after so many items, and says that it is not all.
    Truncate(usize),
    /// The request is carried out, and its answer is lost.
    AnswerLost,
    /// The request is lost on the way.
    NotSent,
}

/// Which calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// All of them.
    Everything,
    /// Lists of this kind.
    List(Kind),
    /// Looks at one thing of this kind.
    Get(Kind),
    /// Requests with this verb.
    Begin(Verb),
    /// Questions about progress.
    Poll,
    /// Questions about what became of something.
    Recover,
}

#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(On, u32, Fault)>);

impl Faults {
    pub(super) fn add(&mut self, on: On, times: u32, fault: Fault) {
        self.0.push((on, times, fault));
    }

    /// How this call fails, the oldest order first.
    pub(super) fn next(&mut self, seen: &Seen) -> Option<Fault> {
        let at = self.0.iter().position(|(on, _, _)| on.is_about(seen))?;
        let (_, left, fault) = &mut self.0[at];
        let fault = *fault;
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }
}

impl On {
    fn is_about(self, seen: &Seen) -> bool {
        match (self, seen) {
            (Self::Everything, _)
            | (Self::Poll, Seen::Poll(_))
            | (Self::Recover, Seen::Recover(_)) => true,
            (Self::List(kind), Seen::List(asked)) => kind == *asked,
            (Self::Get(kind), Seen::Get(asked, _)) => kind == *asked,
            (Self::Begin(verb), Seen::Begin(_, action)) => verb == action.verb(),
            _ => false,
        }
    }
}
