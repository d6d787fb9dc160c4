#[cfg(test)]
mod tests;

/// A line that cannot be split into words without a shell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quote is not closed.
    #[error("the quote at character {at} is not closed")]
    Unclosed {
        /// Counted from 1.
        at: usize,
    },
    /// There is nothing behind the last backslash.
    #[error("there is nothing behind the backslash at the end")]
    Backslash,
    /// Something that only a shell understands.
    #[error("{found} at character {at} needs a shell: quote it, or run /bin/sh -c '...'")]
    NeedsShell {
        /// Counted from 1.
        at: usize,
        /// The character.
        found: char,
    },
}

/// Splits a command line into words as a shell does, without running one:
/// blanks, single and double quotes, backslashes. What a shell would do more
/// with (`$`, backticks, `|`, `;`, `&`, `<`, `>`, parentheses) is refused
/// unless it is quoted, because a plugin would get it as it is.
pub(super) fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = (1..).zip(line.chars());
    while let Some((at, c)) = letters.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some((_, '\'')) => break,
                        Some((_, c)) => word.push(c),
                        None => return Err(WordsError::Unclosed { at }),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some((_, '"')) => break,
                        Some((_, '\\')) => match letters.next() {
                            Some((_, c @ ('"' | '\\' | '$' | '`'))) => word.push(c),
                            Some((_, '\n')) => {}
                            Some((_, c)) => word.extend(['\\', c]),
                            None => return Err(WordsError::Unclosed { at }),
                        },
                        Some((at, found @ ('$' | '`'))) => {
                            return Err(WordsError::NeedsShell { at, found });
                        }
                        Some((_, c)) => word.push(c),
                        None => return Err(WordsError::Unclosed { at }),
                    }
                }
            }
            '\\' => match letters.next() {
                Some((_, '\n')) => {}
                Some((_, c)) => word.get_or_insert_default().push(c),
                None => return Err(WordsError::Backslash),
            },
            '$' | '`' | '|' | ';' | '&' | '<' | '>' | '(' | ')' => {
                return Err(WordsError::NeedsShell { at, found: c });
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}
