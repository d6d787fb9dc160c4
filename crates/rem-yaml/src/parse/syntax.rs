use std::sync::Arc;

use granit_parser::{ErrorKind, ScanError};

use crate::key_path::KeyPath;
use crate::place::Place;
use crate::problem::Problem;

use super::DEPTH_MAX;

/// A parser's error in the operator's words. `open_bracket` is the innermost
/// `[` or `{` that is still open.
pub(super) fn problem(
    file: &Arc<str>,
    text: &str,
    error: &ScanError,
    path: &KeyPath,
    open_bracket: Option<(char, &Place)>,
) -> Problem {
    let marker = error.marker();
    let (line, column) = (marker.line(), marker.col() + 1);
    if let Some((line, column)) = tab_in_indentation(text, line, is_tab(error.kind())) {
        return at(file, line, column, path, "a tab in the indentation")
            .help("indent with spaces only");
    }
    let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let before: String = written.chars().take(marker.col()).collect();
    let (message, help) = from_context(error.kind(), text, &before)
        .map(|(message, help)| (message.into(), help.into()))
        .unwrap_or_else(|| words(error.kind()));
    let problem = at(file, line, column, path, &message);
    match open_bracket {
        Some((bracket, opened)) if (opened.line as usize) < line => {
            problem.help(format!("close the {bracket} at {opened}, or else: {help}"))
        }
        _ => problem.help(help),
    }
}

const fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

/// What the words around the error tell about a mistake that the parser only
/// notices by its consequences.
fn from_context(
    kind: &ErrorKind,
    text: &str,
    before: &str,
) -> Option<(&'static str, &'static str)> {
    let is_first_key = !before.trim_start().starts_with("- ")
        && !before.contains(": ")
        && before.starts_with(' ')
        && !before.contains(['"', '\'', '[', '{']);
    match kind {
        ErrorKind::ExpectedDocumentStart
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
            if before.trim_end().ends_with(['}', ']']) =>
        {
            Some((
                "text after a closing bracket",
                "text that starts with { or [ needs quotes",
            ))
        }
        ErrorKind::ExpectedDocumentStart if text.lines().any(|line| line.starts_with('%')) => {
            Some((
                "a line that starts with %",
                "put the text in quotes, or remove the line",
            ))
        }
        ErrorKind::MappingValueNotAllowed if is_first_key => Some((
            "indented deeper than the lines above, which already have their value",
            "keys of one map start in the same column",
        )),
        _ => None,
    }
}

fn at(file: &Arc<str>, line: usize, column: usize, path: &KeyPath, message: &str) -> Problem {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let place = Place::new(file.clone(), small(line).max(1), small(column));
    Problem::new(&place, path, message)
}

/// The first tab among the spaces that start the line, the last written line
/// before it, or (for an error about tabs) the line after it.
fn tab_in_indentation(text: &str, line: usize, about_tabs: bool) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.lines().take(line + 1).collect();
    let here = line.saturating_sub(1).min(lines.len().saturating_sub(1));
    let above = lines[..here]
        .iter()
        .rposition(|line| !line.trim().is_empty());
    let tab = |at: usize| {
        let mut blank = lines.get(at)?.chars().take_while(|c| c.is_whitespace());
        Some((at + 1, blank.position(|c| c == '\t')? + 1))
    };
    tab(here)
        .or_else(|| tab(above?))
        .or_else(|| about_tabs.then(|| tab(here + 1))?)
}

fn words(kind: &ErrorKind) -> (String, String) {
    let (message, help) = match kind {
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::InvalidMappingValueWhitespace => (
            "a colon that is not between a key and its value",
            "one `key: value` a line; put text with a colon and a space in quotes",
        ),
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::ExpectedDocumentStart
        | ErrorKind::InvalidBlockScalarIndent
        | ErrorKind::InvalidFlowScalarIndent => (
            "the indentation does not fit the lines above",
            "keys of one map, and dashes of one list, start in the same column",
        ),
        ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::UnexpectedEndOfPlainScalar => (
            "a key without its colon",
            "write `key: value`, with a space after the colon",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::BlockEntryInFlowCollection
        | ErrorKind::InvalidBlockEntryWhitespace
        | ErrorKind::PlainScalarStartsWithDashFlowIndicator => (
            "a list item where none can be",
            "start the list on its own line below its key, each item as `- value`",
        ),
        ErrorKind::UnclosedFlowCollection { open } => {
            return (
                format!("{open} is never closed"),
                format!("close it with {}", if *open == '[' { ']' } else { '}' }),
            );
        }
        ErrorKind::UnexpectedEofFlowSequence => ("[ is never closed", "close it with ]"),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            ("{ is never closed", "close it with }")
        }
        ErrorKind::MisplacedFlowCollectionEnd => (
            "a bracket is closed that was not opened",
            "remove it, or put the text in quotes",
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (
                format!("{open} is closed with {close}"),
                format!("close it with {}", if *open == '[' { ']' } else { '}' }),
            );
        }
        ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::FlowMappingValueAdjacentCollection => (
            "a comma or a closing bracket is missing",
            "separate entries with commas; text that starts with { or [ needs quotes",
        ),
        ErrorKind::InvalidQuotedScalarIndent => (
            "a quote above is not closed, or its text is not indented",
            "close it with the same quote",
        ),
        ErrorKind::UnclosedQuotedScalar => {
            ("a quote is never closed", "close it with the same quote")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "text after the closing quote",
            "put the whole value in quotes, and double a ' within '…'",
        ),
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidUnicodeEscape => (
            "an unknown escape in a \"…\" text",
            "write \\\\ for a backslash, or use '…' quotes, where a backslash is only itself",
        ),
        ErrorKind::UnexpectedCharacter { character } => {
            return (
                format!("text cannot start with {}", character.escape_debug()),
                "put it in quotes".into(),
            );
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => ("a tab where only spaces may be", "use spaces"),
        ErrorKind::UndeclaredTagHandle
        | ErrorKind::ExpectedTagBang
        | ErrorKind::InvalidTagTerminator
        | ErrorKind::MissingTagUri
        | ErrorKind::UnclosedVerbatimTag => {
            ("an unknown tag", "text that starts with ! needs quotes")
        }
        ErrorKind::MissingAnchorOrAliasName => (
            "& or * without a name",
            "text that starts with & or * needs quotes",
        ),
        ErrorKind::RecursionLimitExceeded => {
            return (
                format!("more than {DEPTH_MAX} lists and maps within each other"),
                "nest less deeply".into(),
            );
        }
        ErrorKind::CommentNotSeparated | ErrorKind::CommentInterceptedScalar => (
            "a comment in the middle of a value",
            "put a space before #, or the text in quotes",
        ),
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => (
            "text after | or >",
            "start the text on the next line, indented; or put it in quotes",
        ),
        ErrorKind::InvalidDocumentEnd | ErrorKind::DocumentIndicatorInQuotedScalar => (
            "`---` or `...` where the document goes on",
            "one document a file: remove the line",
        ),
        other => {
            return (
                format!("not YAML: {other}"),
                "see https://yaml.org/spec/1.2.2".into(),
            );
        }
    };
    (message.into(), help.into())
}
