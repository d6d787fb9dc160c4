use proptest::prelude::*;

use super::{WordsError, split};

#[track_caller]
fn check(line: &str, words: &[&str]) {
    assert_eq!(split(line).unwrap(), words, "{line}");
}

#[test]
fn a_line_is_split_as_a_shell_does() {
    check("", &[]);
    check(
        "  check_load  -w 5,4,3\t-c 10 ",
        &["check_load", "-w", "5,4,3", "-c", "10"],
    );
    check("a 'b c' d''e \"\" f", &["a", "b c", "de", "", "f"]);
    check(
        r#"-e "say \"hi\" \\ \n" \ x"#,
        &["-e", r#"say "hi" \ \n"#, " x"],
    );
    check(r"'a\b' a\;b '$x;|'", &[r"a\b", "a;b", "$x;|"]);
    check("/path?a=* #1 ~ {x}", &["/path?a=*", "#1", "~", "{x}"]);
    check("a\\\nb", &["ab"]);
}

#[test]
fn what_needs_a_shell_is_refused_with_its_place() {
    for (line, at, found) in [
        ("a | b", 3, '|'),
        ("a; b", 2, ';'),
        ("a $HOME", 3, '$'),
        ("a \"$HOME\"", 4, '$'),
        ("a `b`", 3, '`'),
        ("a > b", 3, '>'),
        ("a & b", 3, '&'),
        ("(a)", 1, '('),
    ] {
        assert_eq!(
            split(line),
            Err(WordsError::NeedsShell { at, found }),
            "{line}"
        );
    }
    assert_eq!(split("a 'b"), Err(WordsError::Unclosed { at: 3 }));
    assert_eq!(split("a \"b"), Err(WordsError::Unclosed { at: 3 }));
    assert_eq!(split("a \"b\\"), Err(WordsError::Unclosed { at: 3 }));
    assert_eq!(split("a\\"), Err(WordsError::Backslash));
}

proptest! {
    #[test]
    fn quoted_words_come_back(words in prop::collection::vec("[^\0]{0,10}", 0..6)) {
        let quoted = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''")));
        let line = quoted.collect::<Vec<_>>().join(" ");
        prop_assert_eq!(split(&line).unwrap(), words);
    }

    #[test]
    fn no_line_breaks_it(line in ".{0,40}") {
        let _ = split(&line);
    }
}
