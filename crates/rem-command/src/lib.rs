//! The edge of a command: where a program meets its terminal, its pipe and its
//! operating system.
//!
//! For binaries alone, and the one exception to the rule that a library does not
//! install a logger, listen for signals or look at the environment: that is what it
//! is for, so that every command of the house does it the same way.
//!
//! - [`start_log`] writes to stderr; stdout belongs to the answer.
//! - [`say`] and [`tell`] bear a reader who has seen enough, as `head` does.
//! - [`Exit`] is the same small number for the same end in every command.
//! - [`Table`] aligns, and colours on a terminal only; [`outline`] is for one thing
//!   with many parts. Both show what came from outside without letting it move the
//!   cursor.
//! - [`Signals`] says whether to stop or to read files again.
//! - [`password`] and [`confirm`] ask a person, if there is one.
//!
//! ```
//! use rem_command::{Cell, Table, Tone};
//!
//! let mut table = Table::new(["MONITOR", "STATE"]);
//! table.row([Cell::from("web-01/apache/http"), Cell::toned("down", Tone::Bad)]);
//! table.row([Cell::from("db-01/linux/load"), Cell::toned("ok", Tone::Good)]);
//! assert_eq!(
//!     table.text(false),
//!     "MONITOR             STATE\n\
//!      web-01/apache/http  down\n\
//!      db-01/linux/load    ok\n"
//! );
//! ```

mod ask;
mod exit;
mod log;
mod outline;
mod output;
mod signals;
mod table;
mod visible;

pub use ask::{AskError, confirm, password};
pub use exit::{Exit, run};
pub use log::{LogError, start_log};
pub use outline::outline;
pub use output::{Format, colour, completions, say, say_json, tell};
pub use signals::{Asked, Signals};
pub use table::{Cell, Table, Tone};
pub use visible::visible;
