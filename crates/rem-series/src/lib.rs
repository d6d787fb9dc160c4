//! Time series for a monitoring system: throw any number in, and it is kept in an
//! ordinary RRD file, survives a crash, and can be fetched and drawn.
//!
//! ```
//! use std::sync::Arc;
//! use rem_series::{Options, Query, Store};
//! use rem_time::{Span, SystemClock, Timestamp};
//!
//! # let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path(), Options::default(), Arc::new(SystemClock))?;
//! let minute = Span::from_seconds(60);
//!
//! // No declaration: the series and its fields exist from their first sample on.
//! let series = store.series("web1/load", minute)?;
//! let start = Timestamp::from_seconds(1_282_114_500);
//! for i in 0..5 {
//!     let time = start + Span::from_seconds(60 * i);
//!     series.push(time, &[("1min", Some(i as f64)), ("5min", None)])?;
//! }
//!
//! let end = start + Span::from_seconds(240);
//! let rows = store.fetch("web1/load", &Query::new(start, end))?;
//! assert_eq!(rows.field("1min").last().unwrap().1, Some(4.0));
//! store.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//! - A sample that [`Series::push`] accepted survives `kill -9` and power failure once
//!   the [commit window](Options::commit_window) has passed, or [`Store::sync`] has returned.
//! - No sample gets into a file twice, and one for a time that the file has already is
//!   left out and counted, never an error for the others.
//! - What cannot be read is named, not guessed at; a damaged file is never written to, and
//!   its samples wait in the journal.
//! - Unknown is a value: `None` in, NaN out.
//!
//! # On disk
//! ```text
//! lock                          holds the number of the process that has the store open
//! series/<name>.rrd             an RRD file, readable by any rrdtool, one a series
//! series/<name>.rrd.json        what the RRD file cannot hold, only where there is something
//! journal/<number>.journal      samples that are not in their files yet
//! journal/<number>.journal.damaged   a copy of a segment of which a part could not be read
//! journal/undo                  heads of the files that are being updated at this moment
//! ```
//! In `<name>`, letters, digits, `_`, `-` and `.` stand for themselves and every other
//! byte is `%XX`, so that `disk//dev/sda` becomes `disk%2F%2Fdev%2Fsda.rrd`; a dot at the
//! front is escaped too. A name of more than 200 bytes is cut and ends in `~` and its hash, and
//! the `.json` file has the whole name. RRD limits the names of fields to 19 letters, digits and
//! `_`: a field with another name gets ten of its characters, `_` and a hash for the file,
//! and the `.json` file says which.
//!
//! A journal segment is blocks of `RSJ1`, length, crc32c and records. A segment is deleted when
//! every sample of it is in its file and the files are synced. An update killed half-way is undone
//! at the next opening (see `journal/undo`) and then made again from the journal.
//! After a power failure the same holds as for every RRD file: the rows written last
//! may be torn, what was committed is written again.
//!
//! # Time
//! RRD counts whole seconds; a sample's time is taken down to the second. Two samples of a series
//! in one second are merged, field by field, the newer known value winning. Values
//! fall into the file's steps as RRD does it: in proportion to the time they cover.
//!
//! # librrd
//! Files are altered and drawn by librrd, which looks at `RRDCACHED_ADDRESS` while it does: a
//! program that uses this crate has no use for rrdcached and should not be run with it.
//! One process at a time works on a folder; its files may be read by any tool at any time, and
//! show what was [flushed](Store::flush). [`Store::beside`] reads what was committed.
//!
//! # Licence
//! This crate is MIT. librrd, which it links to, is GPL-2.0-or-later with a FLOSS exception that covers
//! MIT; a binary made of both is distributed under librrd's terms.

mod beside;
mod declaration;
mod error;
mod flush;
mod graph;
mod header;
mod journal;
mod librrd;
mod name;
mod nested;
mod options;
mod pending;
mod query;
mod rrd_file;
mod series;
mod sidecar;
mod stats;
mod store;
mod undo;

pub use declaration::{Archive, Consolidation, Declaration, Field, Kind, default_archives};
pub use error::{Error, Result};
pub use graph::{Colour, Graph, ImageFormat, Line, Method};
pub use nested::{Group, Groups, groups};
#[doc(hidden)]
pub use options::Fault;
pub use options::Options;
pub use query::{Query, Rows};
pub use rrd_file::RrdFile;
pub use series::Series;
pub use stats::{Opening, Stats};
pub use store::{Recent, Store};
