//! Messages, and contacts that do not work.

use std::sync::Arc;

use rem_alert::episode::{EpisodeId, SupersedeReason, Urgency};
use rem_alert::message::{Lease, Message, State};
use rem_time::Span;
use serde::{Deserialize, Serialize};

use super::{Nanos, TimerRecord, from, from_timer, is_default, timer};
use crate::outbox::{Addressee, Attempt, Broken, Letter, PlainKind, Words};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum AddresseeRecord {
    #[serde(rename = "u")]
    User(Arc<str>),
    #[serde(rename = "f")]
    Fallback,
    #[serde(rename = "h")]
    Heartbeat,
    #[serde(rename = "s")]
    SelfTest,
}

impl From<&Addressee> for AddresseeRecord {
    fn from(to: &Addressee) -> Self {
        match to {
            Addressee::User(user) => Self::User(user.clone()),
            Addressee::Fallback => Self::Fallback,
            Addressee::Heartbeat => Self::Heartbeat,
            Addressee::SelfTest => Self::SelfTest,
        }
    }
}

impl From<AddresseeRecord> for Addressee {
    fn from(record: AddresseeRecord) -> Self {
        match record {
            AddresseeRecord::User(user) => Self::User(user),
            AddresseeRecord::Fallback => Self::Fallback,
            AddresseeRecord::Heartbeat => Self::Heartbeat,
            AddresseeRecord::SelfTest => Self::SelfTest,
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum WordsRecord {
    #[serde(rename = "p")]
    Page,
    #[serde(rename = "l")]
    Low,
    #[serde(rename = "n")]
    Note(Arc<str>),
    #[serde(rename = "d")]
    Digest(Vec<u64>),
    #[serde(rename = "h")]
    HandOver(Arc<str>, Arc<str>),
    #[serde(rename = "x")]
    Plain(PlainKind, Arc<str>, Arc<str>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum StageRecord {
    #[serde(rename = "q")]
    Queued(Nanos),
    #[serde(rename = "l")]
    Leased(Arc<str>, u32, TimerRecord),
    #[serde(rename = "s")]
    Sent(Nanos, Arc<str>),
    #[serde(rename = "d")]
    Delivered(Nanos),
    #[serde(rename = "w")]
    RetryWait(TimerRecord),
    #[serde(rename = "b")]
    Bundled(Arc<str>),
    #[serde(rename = "x")]
    Superseded(Nanos, u8),
    #[serde(rename = "u")]
    Unreachable(Nanos),
}

/// When, where, how long, whether it was taken over, the answer.
type AttemptRecord = (Nanos, Arc<str>, Option<u64>, Option<bool>, Arc<str>);

/// A message.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LetterRecord {
    #[serde(rename = "n")]
    pub no: u64,
    #[serde(rename = "t")]
    to: AddresseeRecord,
    #[serde(rename = "w")]
    words: WordsRecord,
    /// Left out where it follows from the episode and the addressee, as nearly always.
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    id: Arc<str>,
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    about: Option<(Arc<str>, Arc<str>, u64, u32)>,
    #[serde(rename = "v", default, skip_serializing_if = "is_default")]
    service: Arc<str>,
    /// Nothing for a note, else whether it may wait.
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    low: Option<bool>,
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    contact: u32,
    #[serde(rename = "cc", default, skip_serializing_if = "is_default")]
    carries: Vec<Arc<str>>,
    #[serde(rename = "m")]
    made: Nanos,
    #[serde(rename = "k", default, skip_serializing_if = "is_default")]
    attempts: u32,
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    failures: u32,
    #[serde(rename = "s")]
    stage: StageRecord,
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    only: bool,
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    replaces: Vec<u64>,
    #[serde(rename = "g", default, skip_serializing_if = "is_default")]
    went_with: Option<u64>,
    #[serde(rename = "aa", default, skip_serializing_if = "is_default")]
    again: u32,
    #[serde(rename = "l", default, skip_serializing_if = "is_default")]
    log: Vec<AttemptRecord>,
}

const REASONS: [SupersedeReason; 6] = [
    SupersedeReason::Cleared,
    SupersedeReason::Dependency,
    SupersedeReason::Held,
    SupersedeReason::Acknowledged,
    SupersedeReason::Removed,
    SupersedeReason::Reassigned,
];

impl From<&Letter> for LetterRecord {
    fn from(letter: &Letter) -> Self {
        let message = &letter.message;
        Self {
            no: letter.no,
            to: (&letter.to).into(),
            words: match &letter.words {
                Words::Page { low: false } => WordsRecord::Page,
                Words::Page { low: true } => WordsRecord::Low,
                Words::Note(text) => WordsRecord::Note(text.clone()),
                Words::Digest(nos) => WordsRecord::Digest(nos.clone()),
                Words::HandOver { role, text } => WordsRecord::HandOver(role.clone(), text.clone()),
                Words::Plain {
                    kind,
                    subject,
                    text,
                } => WordsRecord::Plain(*kind, subject.clone(), text.clone()),
            },
            id: match follows(&message.about, &letter.to) {
                Some(id) if *id == *message.id => Arc::default(),
                _ => message.id.clone(),
            },
            about: message
                .about
                .as_ref()
                .map(|(id, number)| (id.alert.clone(), id.subject.clone(), id.number, *number)),
            service: message.service.clone(),
            low: message.urgency.map(|urgency| urgency == Urgency::Low),
            contact: message.contact,
            carries: message.carries.clone(),
            made: message.made.as_nanos(),
            attempts: message.attempts,
            failures: message.failures,
            stage: stage(&message.state),
            only: letter.only,
            replaces: letter.replaces.clone(),
            went_with: letter.went_with,
            again: letter.again,
            log: letter.log.iter().map(attempt).collect(),
        }
    }
}

/// The id that a message about an episode has by itself.
fn follows(about: &Option<(EpisodeId, u32)>, to: &Addressee) -> Option<String> {
    let (episode, number) = about.as_ref()?;
    Some(format!("{episode}.{number}/{}", to.name()))
}

fn attempt(attempt: &Attempt) -> AttemptRecord {
    (
        attempt.at.as_nanos(),
        attempt.contact.clone(),
        attempt.took.map(Span::as_nanos),
        attempt.taken,
        attempt.answer.clone(),
    )
}

fn stage(state: &State) -> StageRecord {
    match state {
        State::Queued { not_before } => StageRecord::Queued(not_before.as_nanos()),
        State::Leased(lease) => {
            StageRecord::Leased(lease.node.clone(), lease.epoch, timer(lease.timer))
        }
        State::Sent { at, provider } => StageRecord::Sent(at.as_nanos(), provider.clone()),
        State::Delivered { at } => StageRecord::Delivered(at.as_nanos()),
        State::RetryWait { timer: at } => StageRecord::RetryWait(timer(*at)),
        State::Bundled { into } => StageRecord::Bundled(into.clone()),
        State::Superseded { at, why } => {
            let why = REASONS.iter().position(|reason| reason == why);
            StageRecord::Superseded(at.as_nanos(), why.unwrap_or(0) as u8)
        }
        State::Unreachable { at } => StageRecord::Unreachable(at.as_nanos()),
    }
}

impl From<LetterRecord> for Letter {
    fn from(record: LetterRecord) -> Self {
        let to: Addressee = record.to.into();
        let user = to.name();
        let about = record.about.map(|(alert, subject, number, message)| {
            let id = EpisodeId {
                alert,
                subject,
                number,
            };
            (id, message)
        });
        let id = match follows(&about, &to) {
            Some(id) if record.id.is_empty() => id.into(),
            _ => record.id,
        };
        let message = Message {
            id,
            about,
            user,
            service: record.service,
            urgency: record.low.map(|low| match low {
                true => Urgency::Low,
                false => Urgency::Page,
            }),
            contact: record.contact,
            carries: record.carries,
            made: from(record.made),
            attempts: record.attempts,
            failures: record.failures,
            state: match record.stage {
                StageRecord::Queued(at) => State::Queued {
                    not_before: from(at),
                },
                StageRecord::Leased(node, epoch, timer) => State::Leased(Lease {
                    node,
                    epoch,
                    timer: from_timer(timer),
                }),
                StageRecord::Sent(at, provider) => State::Sent {
                    at: from(at),
                    provider,
                },
                StageRecord::Delivered(at) => State::Delivered { at: from(at) },
                StageRecord::RetryWait(timer) => State::RetryWait {
                    timer: from_timer(timer),
                },
                StageRecord::Bundled(into) => State::Bundled { into },
                StageRecord::Superseded(at, why) => State::Superseded {
                    at: from(at),
                    why: REASONS
                        .get(usize::from(why))
                        .copied()
                        .unwrap_or(SupersedeReason::Cleared),
                },
                StageRecord::Unreachable(at) => State::Unreachable { at: from(at) },
            },
        };
        Self {
            no: record.no,
            to,
            words: match record.words {
                WordsRecord::Page => Words::Page { low: false },
                WordsRecord::Low => Words::Page { low: true },
                WordsRecord::Note(text) => Words::Note(text),
                WordsRecord::Digest(nos) => Words::Digest(nos),
                WordsRecord::HandOver(role, text) => Words::HandOver { role, text },
                WordsRecord::Plain(kind, subject, text) => Words::Plain {
                    kind,
                    subject,
                    text,
                },
            },
            message,
            only: record.only,
            replaces: record.replaces,
            went_with: record.went_with,
            again: record.again,
            log: record
                .log
                .into_iter()
                .map(|(at, contact, took, taken, answer)| Attempt {
                    at: from(at),
                    contact,
                    took: took.map(Span::from_nanos),
                    taken,
                    answer,
                })
                .collect(),
        }
    }
}

/// A contact that does not work.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BrokenRecord {
    to: AddresseeRecord,
    contact: String,
    since: Nanos,
    why: String,
}

impl From<&Broken> for BrokenRecord {
    fn from(broken: &Broken) -> Self {
        Self {
            to: (&broken.to).into(),
            contact: broken.contact.clone(),
            since: broken.since.as_nanos(),
            why: broken.why.clone(),
        }
    }
}

impl From<BrokenRecord> for Broken {
    fn from(record: BrokenRecord) -> Self {
        Self {
            to: record.to.into(),
            contact: record.contact,
            since: from(record.since),
            why: record.why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(json: &str) -> Letter {
        serde_json::from_str::<LetterRecord>(json).unwrap().into()
    }

    fn written(letter: &Letter) -> String {
        serde_json::to_string(&LetterRecord::from(letter)).unwrap()
    }

    #[test]
    fn an_id_that_follows_is_left_out_and_comes_back() {
        let about = r#""a":["down","machine:a",7,2],"m":1,"s":{"q":1}"#;
        let id = "down@machine:a#7.2/ann";
        let full = format!(r#"{{"n":3,"t":{{"u":"ann"}},"w":"p","i":"{id}",{about}}}"#);
        let short = written(&letter(&full));
        assert!(!short.contains("\"i\":"), "{short}");
        assert_eq!(&*letter(&short).message.id, id);
        // One that does not follow, as of a digest, stays.
        let other = full.replace(id, "digest-3");
        assert_eq!(&*letter(&written(&letter(&other))).message.id, "digest-3");
    }
}
