use std::path::PathBuf;

use rem_time::Span;
use serde::{Deserialize, Serialize};

use crate::call::{Call, Said};

/// What the watchdog is told, each as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// The first one.
    Start {
        /// Where it writes down what is let go, without the ending.
        record: PathBuf,
        /// How long everything together may be held.
        hold_max: Span,
        /// How often an exit is tried before it is told that it failed.
        exits_tried: u32,
    },
    /// Stop writing.
    Hold {
        /// Which layer, counted from the top.
        layer: usize,
        /// How.
        entry: Box<Call>,
        /// How it is let go if nobody says so.
        exit: Box<Call>,
    },
    /// Say whether all that is held is held still.
    Ask,
    /// Let go.
    Release {
        /// Which layer.
        layer: usize,
        /// How.
        exit: Box<Call>,
    },
    /// Nothing more comes. What could not be let go is tried further.
    End,
}

/// What the watchdog answers, each as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It is there, and nobody who ends us ends it.
    Ready,
    /// The entry ended.
    Held(Result<Said, String>),
    /// All is held still.
    Still,
    /// Writing goes on, and why; said without being asked too.
    Gone(String),
    /// The exit ended.
    Released(Result<(), String>),
}
