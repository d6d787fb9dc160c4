#![allow(missing_docs, clippy::unwrap_used)]

#[path = "it/client.rs"]
mod client;
#[path = "it/example.rs"]
mod example;
#[path = "it/pages.rs"]
mod pages;
#[path = "it/robust.rs"]
mod robust;
#[path = "it/script_files.rs"]
mod script_files;
#[path = "it/script_pages.rs"]
mod script_pages;
#[path = "it/signing_in.rs"]
mod signing_in;
#[path = "it/stream.rs"]
mod stream;
#[path = "it/transport.rs"]
mod transport;
