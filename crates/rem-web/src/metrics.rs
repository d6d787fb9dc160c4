//! What Prometheus scrapes: about ourselves, and every current value.

mod own;
mod process;
mod text;
mod values;

pub(crate) use own::own;
pub(crate) use text::Exposition;
pub(crate) use values::{Globs, stream};
