//! What is over, read from where it is kept.

use parking_lot::Mutex;
use rem_time::Timestamp;

use crate::core::{DeskCore, RecordError, key};
use crate::desk::DeskError;
use crate::outbox::{Letter, Words};
use crate::record::{EpisodeRecord, LetterRecord, LineRecord};
use crate::store::Store;
use crate::timeline::Line;
use crate::view::{AlertView, EpisodeView, Explanation};

/// An episode with its timeline; `open` if it is.
pub(crate) async fn episode(
    store: &Store,
    core: &Mutex<DeskCore>,
    number: u64,
    open: Option<(AlertView, Option<Explanation>)>,
) -> Result<Option<EpisodeView>, DeskError> {
    let (alert, why) = match open {
        Some((alert, why)) => (alert, why),
        None => {
            let key = key::closed(number);
            let Some(json) = store.get(&key).await.map_err(DeskError::Read)? else {
                return Ok(None);
            };
            let record: EpisodeRecord =
                serde_json::from_str(json.get()).map_err(|error| RecordError::new(&key, error))?;
            let closed = record.closed.map(Timestamp::from_nanos);
            (core.lock().closed_view(&record, closed), None)
        }
    };
    let mut timeline = Vec::new();
    let lines = store
        .read(&key::lines(number))
        .await
        .map_err(DeskError::Read)?;
    for (key, json) in lines {
        let record: LineRecord =
            serde_json::from_str(json.get()).map_err(|error| RecordError::new(&key, error))?;
        timeline.push(Line::from(record));
    }
    let mut messages = messages(store, &timeline).await?;
    {
        let core = core.lock();
        let waiting = core
            .outbox
            .letters()
            .filter(|letter| letter.episode() == Some(number));
        messages.extend(waiting.cloned());
    }
    messages.sort_by_key(|letter| letter.no);
    messages.dedup_by_key(|letter| letter.no);
    Ok(Some(EpisodeView {
        alert,
        timeline,
        messages,
        why,
    }))
}

/// The messages that a timeline names, with the digests they went with.
async fn messages(store: &Store, timeline: &[Line]) -> Result<Vec<Letter>, DeskError> {
    let mut messages: Vec<Letter> = Vec::new();
    for line in timeline {
        let Line::Message { no, .. } = line else {
            continue;
        };
        let mut next = Some(*no);
        while let Some(no) = next.take()
            && messages.iter().all(|letter| letter.no != no)
        {
            if let Some(letter) = done(store, no).await? {
                next = letter.went_with;
                messages.push(letter);
            }
        }
    }
    Ok(messages)
}

async fn done(store: &Store, no: u64) -> Result<Option<Letter>, DeskError> {
    let key = key::done(no);
    let Some(json) = store.get(&key).await.map_err(DeskError::Read)? else {
        return Ok(None);
    };
    let record: LetterRecord =
        serde_json::from_str(json.get()).map_err(|error| RecordError::new(&key, error))?;
    Ok(Some(record.into()))
}

/// The messages that a digest brought, after it was sent.
pub(crate) async fn digest(store: &Store, no: u64) -> Result<Vec<Letter>, DeskError> {
    let mut letters = Vec::new();
    if let Some(letter) = done(store, no).await? {
        if let Words::Digest(nos) = &letter.words {
            for no in nos {
                letters.extend(done(store, *no).await?);
            }
        } else {
            letters.push(letter);
        }
    }
    Ok(letters)
}
