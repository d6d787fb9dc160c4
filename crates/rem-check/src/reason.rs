//! System errors in an operator's words.

use std::io::{self, ErrorKind};

/// What went wrong, without the number that the system adds.
pub(crate) fn io(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::ConnectionReset => "connection reset".into(),
        ErrorKind::ConnectionAborted => "connection aborted".into(),
        ErrorKind::BrokenPipe => "connection closed".into(),
        ErrorKind::UnexpectedEof => "connection closed too early".into(),
        ErrorKind::HostUnreachable => "no route to the host".into(),
        ErrorKind::NetworkUnreachable => "no route to the network".into(),
        ErrorKind::TimedOut => "timed out by the system".into(),
        ErrorKind::NotFound => "no such file".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or(&text);
            let mut letters = text.chars();
            // "No buffer space available" reads as a fragment behind a colon.
            match letters.next() {
                Some(first) => first.to_lowercase().chain(letters).collect(),
                None => "an error without a reason".into(),
            }
        }
    }
}
