use rem_desk::{Desk, DeskError};
use rem_time::Span;
use tokio::sync::mpsc;

use crate::engine::Engine;
use crate::record::chain;
use crate::telling::Word;

/// Words that go to the desk in one durable commit.
const BATCH_MAX: usize = 2_048;
/// How long to wait before the desk is told again what its disk refused.
const AGAIN_AFTER: Span = Span::from_seconds(1);

/// Carries what levels decided to the desk, in order, until nobody speaks any more.
/// What the disk of the desk refuses is told again until it is taken.
pub(crate) async fn carry(mut words: mpsc::UnboundedReceiver<Word>, desk: Desk) {
    let mut batch = Vec::new();
    while words.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let mut alerts = Vec::new();
        let mut looked = Vec::new();
        for word in batch.drain(..) {
            match word {
                Word::Alert(report) => alerts.push(*report),
                Word::Looked(evaluated) => looked.push(evaluated),
            }
        }
        while !alerts.is_empty() {
            match desk.report(alerts.clone()).await {
                Ok(()) => break,
                Err(DeskError::Closed) => return,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "alerts not taken, told again");
                    tokio::time::sleep(AGAIN_AFTER.as_duration()).await;
                }
            }
        }
        if looked.is_empty() {
            continue;
        }
        // Looks are told again by the next ones.
        if let Err(error) = desk.evaluated(looked).await {
            tracing::warn!(error = %chain(&error), "looks not taken");
        }
    }
}

/// Looks at once at what the desk waits for.
pub(crate) async fn recheck(desk: Desk, engine: Engine) {
    let Some(mut rechecks) = desk.rechecks() else {
        return;
    };
    while let Some(node) = rechecks.next().await {
        engine.look_at_node(&node).await;
    }
}
