//! YAML with the place of everything, and every mistake at once.
//!
//! [`parse`] turns a file into a [`Node`]: values that know the file, line and
//! column they were written at. [`At`] and [`MapReader`] turn nodes into domain
//! types; whatever is wrong is collected in [`Problems`], so that one run shows
//! the whole list, each with its place, its key path and what to write instead.
//! [`Loader`] follows imports from file to file.
//!
//! ```
//! use rem_time::Span;
//! use rem_yaml::{At, FromYaml, Problems, parse};
//!
//! struct Probe {
//!     port: u16,
//!     every: Span,
//! }
//!
//! impl FromYaml for Probe {
//!     fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
//!         let mut map = at.map(problems)?;
//!         let port = map.required("port", problems);
//!         let every = map.with_default("every", Span::from_seconds(60), problems);
//!         map.finish(problems);
//!         Some(Self { port: port?, every })
//!     }
//! }
//!
//! let node = parse("probe.yaml", "port: 80\nevry: 5m\n")?;
//! let mut problems = Problems::new();
//! let probe = Probe::from_yaml(&At::root(&node), &mut problems);
//!
//! assert_eq!(probe.map(|probe| probe.port), Some(80));
//! assert_eq!(
//!     problems.to_string(),
//!     "probe.yaml:2:1: evry: unknown key evry\n  help: did you mean every?"
//! );
//! # Ok::<(), rem_yaml::Problems>(())
//! ```
//!
//! # The dialect
//!
//! YAML 1.2 with the surprises taken out:
//!
//! - Only `true` and `false` are booleans; `no`, `on` and `True` are text.
//! - Whole numbers are `[-+]?[0-9]+` without a leading zero, `0x1F` or `0o17`,
//!   within 64 bits. `017` and `1_000` are text: programs disagree about what they mean.
//!   So are `.inf`, `.nan` and decimals too large to hold.
//! - Keys are text: a number as a key is its text as written (`80` → `"80"`).
//!   A list or a map as a key is refused.
//! - A key given twice in one map is refused, with both places.
//! - Merge keys (`<<: *base`) and aliases are applied. A node from an alias has the
//!   place of the alias; what is inside it keeps the place where it is written.
//! - Tags are refused, except `!!str` and the other core ones that agree with the value.
//! - One document a file; an empty file is refused; UTF-8 only.

mod at;
mod from_yaml;
mod key_path;
mod loader;
mod map_reader;
mod node;
mod parse;
mod percent;
mod place;
mod problem;
mod secret;
mod suggest;

pub use at::{At, Located};
pub use from_yaml::FromYaml;
pub use key_path::KeyPath;
pub use loader::{FILES_MAX, IMPORT_DEPTH_MAX, Loader, Seeker, Sought};
pub use map_reader::MapReader;
pub use node::{Entry, Map, Node, Value};
pub use parse::{DEPTH_MAX, FILE_BYTES_MAX, TEXT_BYTES_MAX, VALUES_MAX, parse, parse_collecting};
pub use percent::Percent;
pub use place::Place;
pub use problem::{PROBLEMS_KEPT_MAX, PROBLEMS_SHOWN_MAX, Problem, Problems};
pub use secret::{Secret, SecretError, SecretSource};
pub use suggest::suggest;
