//! A command line, split into words as a shell does it, without a shell.

/// What is wrong with a command line, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WordsError {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// What only a shell understands.
const SHELL: &str = "$`|;&<>()";

/// Blanks, quotes and backslashes; what a shell would do more with is refused unless it
/// is quoted, because a plugin would get it as it is.
pub(super) fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let unclosed = |offset| WordsError {
        offset,
        message: "a quote that is never closed".to_owned(),
        help: "close it, or write the command as a list",
    };
    let shell = |offset, found: char| WordsError {
        offset,
        message: format!("{found} needs a shell, and none runs here"),
        help: "quote it with ' ', or run [/bin/sh, -c, …]",
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            _ if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some((_, '\'')) => break,
                        Some((_, c)) => word.push(c),
                        None => return Err(unclosed(at)),
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
                            Some((_, c)) => word.extend(['\\', c]),
                            None => return Err(unclosed(at)),
                        },
                        Some((at, c @ ('$' | '`'))) => return Err(shell(at, c)),
                        Some((_, c)) => word.push(c),
                        None => return Err(unclosed(at)),
                    }
                }
            }
            '\\' => match letters.next() {
                Some((_, c)) => word.get_or_insert_default().push(c),
                None => {
                    return Err(WordsError {
                        offset: at,
                        message: "nothing behind the backslash".to_owned(),
                        help: "remove it",
                    });
                }
            },
            _ if SHELL.contains(c) => return Err(shell(at, c)),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_command_line_is_split_as_a_shell_does_it() {
        let words = |line: &str| split(line).map_err(|error| (error.offset, error.message));
        assert_eq!(words(" a  b ").unwrap(), ["a", "b"]);
        assert_eq!(
            words(r#"check -w '10% of' "x\"y" a\ b ''"#).unwrap(),
            ["check", "-w", "10% of", "x\"y", "a b", ""]
        );
        assert_eq!(words("a '$b|'").unwrap(), ["a", "$b|"]);
        assert_eq!(words("a | b").unwrap_err().0, 2);
        assert_eq!(words("a 'b").unwrap_err().0, 2);
        assert_eq!(words("a \"$b\"").unwrap_err().0, 3);
        assert_eq!(words("a\\").unwrap_err().0, 1);
    }
}
