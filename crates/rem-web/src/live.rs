use dropstar::{Event, Hub, HubLimits};
use rem_monitor::Engine;
use tokio::sync::broadcast::error::RecvError;

use crate::card::Seen;

/// The topic on which checks are told to open pages.
pub(crate) const TOPIC: &str = "checks";

/// At most so many monitors may have news within one frame (half a second) before
/// open pages are told to load everything anew.
const MONITORS_A_FRAME_MAX: usize = 16_384;

pub(crate) fn limits() -> HubLimits {
    HubLimits {
        waiting: MONITORS_A_FRAME_MAX,
        kept: MONITORS_A_FRAME_MAX,
        kept_bytes: 16 << 20,
        ..HubLimits::default()
    }
}

/// Tells every check to open pages, until the engine is gone. While no page is
/// open, nothing is made of the news.
pub(crate) async fn tell(engine: Engine, hub: Hub) {
    let mut news = engine.subscribe();
    loop {
        match news.recv().await {
            Ok(news) => {
                if hub.listeners(TOPIC) == 0 {
                    continue;
                }
                if let Some(seen) = engine.monitor(&news.id).and_then(|view| Seen::new(&view)) {
                    hub.publish(TOPIC, Event::json(&seen).about(seen.card));
                }
            }
            // The newest word about each monitor is in the next event about it.
            Err(RecvError::Lagged(lost)) => tracing::debug!(lost, "pages missed some checks"),
            Err(RecvError::Closed) => return,
        }
    }
}
