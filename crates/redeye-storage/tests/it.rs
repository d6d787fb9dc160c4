//! Storages on real file systems: ext4 and btrfs on loop devices, as root.
#![allow(missing_docs, clippy::unwrap_used)]

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

#[path = "it/bed.rs"]
mod bed;
#[path = "it/btrfs.rs"]
mod btrfs;
#[path = "it/kill.rs"]
mod kill;
#[path = "it/restore.rs"]
mod restore;
#[path = "it/tools.rs"]
mod tools;
#[path = "it/traces.rs"]
mod traces;
#[path = "it/volumes.rs"]
mod volumes;
#[path = "it/watchdog.rs"]
mod watchdog;

/// This binary as the watchdog of its own tests: the socket is its standard input.
#[test]
fn watchdog_mode() {
    if std::env::var_os(bed::WATCHDOG).is_none() {
        return;
    }
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(redeye_storage::watch(socket)).unwrap();
}
