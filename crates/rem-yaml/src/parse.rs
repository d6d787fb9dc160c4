use std::sync::Arc;

use granit_parser::{Event, Parser};

use crate::key_path::KeyPath;
use crate::node::Node;
use crate::place::Place;
use crate::problem::{Problem, Problems};

mod build;
mod encoding;
mod scalar;
mod syntax;

/// Bytes of one file; a longer one is refused before it is read.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// Values of one file after its aliases are unfolded; beyond that the file is refused.
pub const VALUES_MAX: usize = 1_000_000;

/// Bytes of text of one file after its aliases are unfolded; beyond that the file is refused.
pub const TEXT_BYTES_MAX: usize = 64 << 20;

/// Lists and maps within each other; deeper nesting is refused.
pub const DEPTH_MAX: usize = 100;

/// Reads one YAML document; `file_name` is what messages call it.
///
/// # Errors
/// Everything that is wrong with the text itself. See the crate's documentation
/// for the dialect and the constants of this module for the limits.
pub fn parse(file_name: &str, bytes: impl AsRef<[u8]>) -> Result<Node, Problems> {
    let mut problems = Problems::new();
    let node = parse_collecting(file_name, bytes, &mut problems);
    problems.into_result(node)
}

/// Like [`parse`], for a caller that goes on to check what can be checked: a
/// file with a duplicate key is still a node, a file with broken syntax is not.
pub fn parse_collecting(
    file_name: &str,
    bytes: impl AsRef<[u8]>,
    problems: &mut Problems,
) -> Option<Node> {
    let file: Arc<str> = file_name.into();
    match read(&file, bytes.as_ref(), problems) {
        Ok(node) => Some(node),
        Err(problem) => {
            problems.add(*problem);
            None
        }
    }
}

fn read(file: &Arc<str>, bytes: &[u8], problems: &mut Problems) -> Result<Node, Box<Problem>> {
    let whole_file = || Place::whole_file(file.clone());
    if bytes.len() > FILE_BYTES_MAX {
        let message = format!("longer than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(Problem::new(&whole_file(), &KeyPath::root(), message)
            .help("split it into several files and import them")
            .into());
    }
    let text = encoding::utf8(file, bytes)?;
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        // Beyond our own limit, so that ours is the one that speaks.
        flow_nesting_limit: DEPTH_MAX + 50,
        block_nesting_limit: DEPTH_MAX + 50,
    };
    let mut builder = build::Builder::new(file, problems);
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let (path, open) = (builder.path(), builder.open_bracket());
                return Err(syntax::problem(file, text, &error, &path, open).into());
            }
        }
    }
    builder.finish().ok_or_else(|| {
        Problem::new(&whole_file(), &KeyPath::root(), "the file is empty")
            .help("write at least one line such as `key: value`, or `{}` if it is empty on purpose")
            .into()
    })
}
