//! Storages: everything that it takes to mount devices somewhere, as a stack of layers.
//!
//! A [`Storage`] has layers, from the file system at the top down to the volumes. Each
//! is a [`Handler`]: named functions, each with a script in any language for the way
//! down, one for the way up, and one that takes back what was made. A function runs over
//! all layers, down and up again, so that a snapshot can stop writing at the top, be
//! taken at the bottom, and let go on the way back.
//!
//! [`Storages`] is the door: snapshots of many volumes at one instant, restores from the
//! newest snapshot that is good, verification, and any other function. Each is a
//! [`StorageOperation`], written down before and after every step; one that was cut off
//! is finished or unwound by the next process, and what stopped writing is always let go:
//! by the exits, or by the [`Watchdog`], a process of its own that outlives us.
//!
//! ```
//! use redeye_storage::{Places, read_storages};
//! use rem_yaml::{At, Problems, parse};
//!
//! # let folder = tempfile::tempdir()?;
//! let file = r#"
//! shop:
//!   mount: /srv/shop
//!   layers: [ext4, {loop: {files: [a.img, b.img]}}]
//!   verify: {shell: 'test -s "$REM_MOUNT/orders.db"'}
//!   keep: {last: 7, younger: 30d}
//! "#;
//! let places = Places { folder: "/var/lib/shop".into(), handlers: folder.path().into() };
//! let node = parse("storages.yaml", file)?;
//! let mut problems = Problems::new();
//! let storages = read_storages(&At::root(&node), &places, &mut problems);
//! assert_eq!(storages[0].layer_names(), ["ext4", "loop"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/embed.rs` takes and restores a snapshot.
//!
//! # What a script is told, and what it answers
//!
//! It runs in the folder of the file that names the storage. Its environment has the layer's parameters as `REM_<NAME>`, and `REM_STORAGE`,
//! `REM_LAYER`, `REM_FUNCTION`, `REM_PHASE` (`entry`, `undo`, `exit`), `REM_OP`,
//! `REM_MOUNT` (the place it works on: while a snapshot is tried, one beside), and
//! `REM_MOUNTS` (all of them), `REM_LIVE` (where the storage is mounted), `REM_DEVICES`
//! (of the layer below), `REM_RUN` (a folder of this layer and operation), `REM_SNAPSHOT`
//! and `REM_MADE` (which one, and what this layer made of it, as JSON). Lists have one
//! item a line. An exit also gets `REM_OUTCOME` (`ok`, `failed`), `REM_FAILED_LAYER` and
//! `REM_ENTERED` (`yes`, `partial`). The same is one line of JSON on its standard input.
//!
//! Exit code 0 is done, 10 is "it was so already", every other one is a failure whose
//! reason is the end of stderr. The last line of output may be JSON: `ids`, `devices`,
//! `state`, `note`.
//!
//! | function | phases that work | what it does |
//! |---|---|---|
//! | `configure`, `mount`, `resize` | exits, from the bottom up | make, mount, grow |
//! | `unmount`, `forget`, `discard`, `verify` | entries, from the top down | leave, delete a snapshot, delete a candidate, look |
//! | `snapshot` | both | stop writing, take, let go |
//! | `restore` | exits | bring a snapshot beside what is there, mounted at `REM_MOUNTS` |
//! | `adopt`, `revert` | both | the candidate takes the place of what is there, or gives it back |
//!
//! # What has to be so
//!
//! Nothing that we write may lie on what we freeze: journal, log and folder are checked
//! before anything is done. A service manager must not end the watchdog with us
//! (systemd: `KillMode=mixed` or `process`); if it does, the next start lets go.

mod call;
mod definition;
mod handler;
mod journal;
mod operation;
mod read;
mod shipped;
mod snapshot;
mod stage;
mod storages;
mod volumes;
mod watchdog;

pub use call::Said;
pub use definition::{Hold, Keep, Storage, Used, Volumes};
pub use handler::{Form, Function, Handler, Parameter, Script, When};
pub use journal::STORAGE_OPERATIONS_KEPT_MAX;
pub use operation::{STORAGE_LINES_MAX, Step, StorageOperation, StorageState};
pub use read::{Places, read_handler, read_storages};
pub use shipped::{ShippedError, from_shipped, shipped};
pub use snapshot::{Completeness, StorageSnapshot, Verified, candidates, not_kept};
pub use stage::{Candidate, Job, Stage};
pub use storages::{Let, Parts, StorageError, Storages};
pub use watchdog::{Watchdog, WatchdogError, watch};

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let why = cause.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        source = cause.source();
    }
    text
}
