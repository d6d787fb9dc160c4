//! What Prometheus scrapes: about ourselves, and every current value.

mod own;
mod process;
mod values;

pub(crate) use dropstar::Exposition;
pub(crate) use own::own;
pub(crate) use values::{Globs, stream};
