mod frame;
mod hub;
mod stream;
mod topic;

use serde::Serialize;

pub use hub::{Hub, HubLimits};
pub use stream::Subscription;

use crate::encoding;

/// Something that happened, on its way to every client that listens to its topic.
#[derive(Clone, Debug)]
pub struct Event {
    name: Name,
    key: Option<String>,
    data: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// The browser's event is named as the topic.
    Topic,
    /// The browser gets a message without a name: htmx swaps it into the page.
    Nothing,
    Own(String),
}

impl Event {
    /// An event of the topic's name that carries text.
    pub fn text(data: impl Into<String>) -> Self {
        Self {
            name: Name::Topic,
            key: None,
            data: data.into(),
        }
    }

    /// An event of the topic's name that carries JSON, written once for all
    /// clients. What cannot be written is logged and sent as null.
    pub fn json(value: &impl Serialize) -> Self {
        let data = serde_json::to_string(value).unwrap_or_else(|error| {
            tracing::error!(error = %encoding::chain(&error), "event cannot be written as JSON");
            "null".into()
        });
        Self::text(data)
    }

    /// A piece of HTML that htmx puts into the page by its ids.
    pub fn fragment(html: impl Into<String>) -> Self {
        Self {
            name: Name::Nothing,
            key: None,
            data: html.into(),
        }
    }

    /// Another name for the browser's event.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Name::Own(name.into());
        self
    }

    /// What this event is the newest word about. Within one frame a newer event
    /// replaces an older one of the same key; without a key, of the same name.
    pub fn about(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

#[cfg(test)]
mod tests;
