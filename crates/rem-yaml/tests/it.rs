//! The public face of rem-yaml: what is read, what is refused, and in which words.
#![allow(clippy::unwrap_used)]

#[path = "it/broken.rs"]
mod broken;
#[path = "it/dialect.rs"]
mod dialect;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/loader.rs"]
mod loader;
#[path = "it/reader.rs"]
mod reader;
#[path = "it/secret.rs"]
mod secret;
