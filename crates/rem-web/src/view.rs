//! What methods answer and pages show: one shape for both. Times are RFC 3339 texts.

mod alert;
mod hold;
mod level;
mod line;
mod on_call;
mod path;
mod swap;

pub(crate) use alert::{AlertJson, DISPLAYS, key, said};
pub(crate) use hold::HoldJson;
pub(crate) use level::LevelJson;
pub(crate) use line::{EpisodeJson, ExplanationJson};
pub(crate) use on_call::{BrokenJson, EditJson, OnCallJson, ShiftJson};
pub(crate) use path::{PathJson, path_state};
pub(crate) use swap::SwapJson;
