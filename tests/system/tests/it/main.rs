//! Tests of the whole. They run the real binaries, which `make test` has built.
#![allow(clippy::unwrap_used)]

mod demo;
mod house;
mod monitor;
mod peers;
mod power;
mod process;

use std::path::{Path, PathBuf};

/// The top folder of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}
