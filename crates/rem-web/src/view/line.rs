use std::sync::Arc;

use rem_alert::message::State;
use rem_desk::{EpisodeView, Explanation, Letter, Line, PlainKind, Words};
use rem_time::Timestamp;
use serde::Serialize;

use super::AlertJson;

/// An alert with everything that happened to it.
#[derive(Debug, Serialize)]
pub(crate) struct EpisodeJson {
    #[serde(flatten)]
    pub(crate) alert: AlertJson,
    pub(crate) timeline: Vec<LineJson>,
    pub(crate) messages: Vec<LetterJson>,
    pub(crate) why: Option<ExplanationJson>,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
pub(crate) struct LineJson {
    pub(crate) at: String,
    pub(crate) text: String,
    /// Who did it; nothing when it happened by itself.
    pub(crate) by: Option<Arc<str>>,
    /// The message it is about.
    pub(crate) message: Option<u64>,
}

/// A message with every attempt.
#[derive(Debug, Serialize)]
pub(crate) struct LetterJson {
    pub(crate) no: u64,
    pub(crate) id: Arc<str>,
    pub(crate) to: String,
    /// `page`, `low`, `note`, `digest`, `hand_over`, `on_call`, `self_test` …
    pub(crate) kind: &'static str,
    pub(crate) text: Option<String>,
    pub(crate) made: String,
    /// How it stands, in words.
    pub(crate) state: String,
    /// Whether that is the end of it.
    pub(crate) is_over: bool,
    pub(crate) went_with: Option<u64>,
    pub(crate) attempts: Vec<AttemptJson>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AttemptJson {
    pub(crate) at: String,
    pub(crate) contact: Arc<str>,
    pub(crate) took: Option<String>,
    pub(crate) taken: Option<bool>,
    pub(crate) answer: Arc<str>,
}

/// Why something is held, and what it hides.
#[derive(Debug, Serialize)]
pub(crate) struct ExplanationJson {
    pub(crate) subject: Arc<str>,
    pub(crate) state: &'static str,
    pub(crate) held: bool,
    pub(crate) hides: usize,
    pub(crate) causes: Vec<CauseJson>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CauseJson {
    pub(crate) node: Arc<str>,
    pub(crate) path: Vec<String>,
}

impl From<EpisodeView> for EpisodeJson {
    fn from(view: EpisodeView) -> Self {
        Self {
            alert: view.alert.into(),
            timeline: view.timeline.iter().map(LineJson::from).collect(),
            messages: view.messages.iter().map(LetterJson::from).collect(),
            why: view.why.map(ExplanationJson::from),
        }
    }
}

impl From<&Line> for LineJson {
    fn from(line: &Line) -> Self {
        match line {
            Line::Step(step) => Self {
                at: step.at.to_string(),
                text: step.to_string(),
                by: step.event.by().cloned(),
                message: step.paged.as_ref().map(|(number, _)| u64::from(*number)),
            },
            Line::Message { at, no, end } => Self {
                at: at.to_string(),
                text: end.to_string(),
                by: None,
                message: Some(*no),
            },
        }
    }
}

impl From<&Letter> for LetterJson {
    fn from(letter: &Letter) -> Self {
        let (kind, text) = words(&letter.words);
        let (mut state, is_over) = state(&letter.message.state);
        if 0 < letter.again {
            state.push_str(&format!(", due {} times", letter.again + 1));
        }
        let attempts = letter.log.iter().map(|attempt| AttemptJson {
            at: attempt.at.to_string(),
            contact: attempt.contact.clone(),
            took: attempt.took.map(|took| took.to_string()),
            taken: attempt.taken,
            answer: attempt.answer.clone(),
        });
        Self {
            no: letter.no,
            id: letter.message.id.clone(),
            to: letter.to.to_string(),
            kind,
            text,
            made: letter.message.made.to_string(),
            state,
            is_over,
            went_with: letter.went_with,
            attempts: attempts.collect(),
        }
    }
}

fn words(words: &Words) -> (&'static str, Option<String>) {
    match words {
        Words::Page { low: false } => ("page", None),
        Words::Page { low: true } => ("low", None),
        Words::Note(text) => ("note", Some(text.to_string())),
        Words::Digest(letters) => ("digest", Some(format!("{} alerts in one", letters.len()))),
        Words::HandOver { role, text } => ("hand_over", Some(format!("{role}\n{text}"))),
        Words::Plain {
            kind,
            subject,
            text,
        } => {
            let kind = match kind {
                PlainKind::OnCall => "on_call",
                PlainKind::SelfTest => "self_test",
                PlainKind::Heartbeat => "heartbeat",
                PlainKind::Confirmation => "confirmation",
            };
            (kind, Some(format!("{subject}\n{text}")))
        }
    }
}

fn state(state: &State) -> (String, bool) {
    let at = |at: &Timestamp| at.to_string();
    match state {
        State::Queued { not_before } => (format!("waits, not before {}", at(not_before)), false),
        State::Leased(_) => ("is being sent".into(), false),
        State::Sent { at: then, provider } if provider.is_empty() => {
            (format!("taken over at {}", at(then)), true)
        }
        State::Sent { at: then, provider } => {
            (format!("taken over at {}: {provider}", at(then)), true)
        }
        State::Delivered { at: then } => (format!("arrived at {}", at(then)), true),
        State::RetryWait { timer } => (
            format!("failed, tried again at {}", at(&timer.until)),
            false,
        ),
        State::Bundled { into } => (format!("goes with {into}"), false),
        State::Superseded { at: then, why } => {
            let why = match why {
                rem_alert::episode::SupersedeReason::Cleared => "it no longer fires",
                rem_alert::episode::SupersedeReason::Dependency => "something explains it",
                rem_alert::episode::SupersedeReason::Held => "it is on hold",
                rem_alert::episode::SupersedeReason::Acknowledged => "somebody answered",
                rem_alert::episode::SupersedeReason::Removed => "it is no longer configured",
                rem_alert::episode::SupersedeReason::Reassigned => "somebody else is told",
            };
            (format!("not sent since {}: {why}", at(then)), true)
        }
        State::Unreachable { at: then } => (
            format!("reached nobody: no contact works since {}", at(then)),
            true,
        ),
    }
}

impl From<Explanation> for ExplanationJson {
    fn from(explanation: Explanation) -> Self {
        let causes = explanation.causes.into_iter();
        Self {
            subject: explanation.subject,
            state: match explanation.state {
                rem_graph::State::Up => "up",
                rem_graph::State::Degraded => "degraded",
                rem_graph::State::Down => "down",
            },
            held: explanation.held,
            hides: explanation.hides,
            causes: causes
                .map(|(node, path)| CauseJson { node, path })
                .collect(),
        }
    }
}
