use dropstar::{Event, Hub, HubLimits};
use rem_monitor::Engine;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::card::Seen;

/// The topic on which checks are told to open pages.
pub(crate) const TOPIC: &str = "checks";

/// The topic on which open pages of alerts are told to look again.
pub(crate) const ALERTS_TOPIC: &str = "alerts";

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

/// Tells open pages of alerts that something changed, until the desk is gone. What it
/// was is on the page when it is loaded again.
pub(crate) async fn tell_alerts(mut news: broadcast::Receiver<rem_desk::News>, hub: Hub) {
    loop {
        match news.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => {
                if hub.listeners(ALERTS_TOPIC) > 0 {
                    let event = Event::json(&json!({ "changed": true }));
                    hub.publish(ALERTS_TOPIC, event.about("alerts"));
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}
