use bytes::Bytes;

use super::{Event, Name};

/// What two events must share for the newer to replace the older.
pub(super) fn coalescing_key(event: &Event) -> String {
    match (&event.key, &event.name) {
        (Some(key), _) => format!("k:{key}"),
        (None, Name::Own(name)) => format!("n:{name}"),
        (None, Name::Topic | Name::Nothing) => String::new(),
    }
}

/// The event as it goes over the wire, the same bytes for every client.
pub(super) fn encode(id: &str, topic: &str, event: &Event) -> Bytes {
    let mut text = String::with_capacity(event.data.len() + topic.len() + id.len() + 32);
    text.push_str("id: ");
    text.push_str(id);
    match &event.name {
        Name::Topic => field(&mut text, "event", topic),
        Name::Own(name) => field(&mut text, "event", name),
        Name::Nothing => {}
    }
    if event.data.contains('\r') {
        lines(
            &mut text,
            &event.data.replace("\r\n", "\n").replace('\r', "\n"),
        );
    } else {
        lines(&mut text, &event.data);
    }
    text.push_str("\n\n");
    text.into()
}

/// Tells a client that it missed events of a topic and should load its page anew.
pub(super) fn resync(topic: &str) -> Bytes {
    let mut text = String::from("event: resync");
    field(&mut text, "data", topic);
    text.push_str("\n\n");
    text.into()
}

fn lines(text: &mut String, data: &str) {
    for line in data.split('\n') {
        text.push_str("\ndata: ");
        text.push_str(line);
    }
}

fn field(text: &mut String, name: &str, value: &str) {
    text.push('\n');
    text.push_str(name);
    text.push_str(": ");
    // Names come from topics and code; a line break in one would start a new field.
    text.extend(value.chars().filter(|c| !matches!(c, '\n' | '\r' | '\0')));
}
