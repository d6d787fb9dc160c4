//! Broken files and the exact words about them.

use rem_yaml::parse;

#[track_caller]
fn check(bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let problems = parse("f", bytes).unwrap_err();
    assert_eq!(problems.to_string().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn tabs() {
    let help = "  help: indent with spaces only";
    check(
        "a:\n\tb: 1\n",
        &["f:2:1: a: a tab in the indentation", help],
    );
    check("a:\n\t- 1\n", &["f:2:1: a: a tab in the indentation", help]);
    check(
        "a:\n  b: 1\n\tc: 1\n",
        &["f:3:1: a.b: a tab in the indentation", help],
    );
    check(
        "a:\n  b: 1\n  \tc: 1\n  d: 1\n",
        &["f:3:3: a.b: a tab in the indentation", help],
    );
}

#[test]
fn every_duplicate_key_is_shown_with_both_places() {
    check(
        "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n",
        &[
            "f:4:3: b.c: duplicate key c, first at f:3:3",
            "  help: remove one of the two",
            "f:5:1: a: duplicate key a, first at f:1:1",
            "  help: remove one of the two",
        ],
    );
}

#[test]
fn colons() {
    let expected = [
        "f:1:5: a colon that is not between a key and its value",
        "  help: one `key: value` a line; put text with a colon and a space in quotes",
    ];
    check("a: b: c\n", &expected);
    let expected = [
        "f:2:1: a key without its colon",
        "  help: write `key: value`, with a space after the colon",
    ];
    check("a: 1\nb:2\n", &expected);
    check("a: 1\nb\nc: 2\n", &expected);
    check(
        ": 2\n",
        &[
            "f:1:1: a key is missing before the colon",
            "  help: write `key: value`",
        ],
    );
}

#[test]
fn indentation() {
    check(
        "a: 1\n  b: 2\n",
        &[
            "f:2:4: indented deeper than the lines above, which already have their value",
            "  help: keys of one map start in the same column",
        ],
    );
    check(
        "a:\n  b: 1\n c: 2\n",
        &[
            "f:3:2: the indentation does not fit the lines above",
            "  help: keys of one map, and dashes of one list, start in the same column",
        ],
    );
    check(
        "a: - 1\n",
        &[
            "f:1:4: a: a list item where none can be",
            "  help: start the list on its own line below its key, each item as `- value`",
        ],
    );
}

#[test]
fn brackets() {
    check(
        "a: {b: 1\n",
        &["f:1:4: a: { is never closed", "  help: close it with }"],
    );
    check(
        "a: [1, [2]\n",
        &["f:1:4: a[1]: [ is never closed", "  help: close it with ]"],
    );
    check(
        "a: [1}\n",
        &["f:1:4: a[0]: [ is closed with }", "  help: close it with ]"],
    );
    check(
        "b: ]\n",
        &[
            "f:1:4: b: a bracket is closed that was not opened",
            "  help: remove it, or put the text in quotes",
        ],
    );
    check(
        "a: {b: 1\nc: 2\nd: 3\n",
        &[
            "f:2:2: a: a comma or a closing bracket is missing",
            "  help: close the { at f:1:4, or else: separate entries with commas; \
             text that starts with { or [ needs quotes",
        ],
    );
}

#[test]
fn an_unquoted_template() {
    let help = "  help: text that starts with { or [ needs quotes";
    check(
        "url: {machine.address}:80\n",
        &["f:1:23: text after a closing bracket", help],
    );
    check(
        "a:\n  url: {machine}/x\n",
        &["f:2:17: a: text after a closing bracket", help],
    );
}

#[test]
fn quotes() {
    let open = [
        "f:2:1: a: a quote above is not closed, or its text is not indented",
        "  help: close it with the same quote",
    ];
    check("a: \"abc\nb: 1\n", &open);
    check("a: 'abc\n", &open);
    check(
        "a: 'it's'\n",
        &[
            "f:1:8: a: text after the closing quote",
            "  help: put the whole value in quotes, and double a ' within '…'",
        ],
    );
    check(
        "a: \"\\d\"\n",
        &[
            "f:1:4: a: an unknown escape in a \"…\" text",
            "  help: write \\\\ for a backslash, or use '…' quotes, where a backslash is only itself",
        ],
    );
}

#[test]
fn characters_that_mean_something() {
    let quotes = "  help: put it in quotes";
    check("a: @x\n", &["f:1:4: a: text cannot start with @", quotes]);
    check("a: %x\n", &["f:1:4: a: text cannot start with %", quotes]);
    check(
        "a: \u{1}x\n",
        &["f:1:4: a: text cannot start with \\u{1}", quotes],
    );
    check(
        "a: *.yaml\n",
        &[
            "f:1:4: a: no anchor &.yaml above this",
            "  help: text that starts with * needs quotes; \
             an alias needs an anchor such as `&name` before it",
        ],
    );
    check(
        "a: &\n",
        &[
            "f:1:4: a: & or * without a name",
            "  help: text that starts with & or * needs quotes",
        ],
    );
    check(
        "a: | text\n",
        &[
            "f:1:4: a: text after | or >",
            "  help: start the text on the next line, indented; or put it in quotes",
        ],
    );
}

#[test]
fn tags_are_refused_and_the_rest_is_still_read() {
    let help = "  help: remove it; text that starts with ! needs quotes";
    check(
        "a: !secret x\nb: !!int x\nc: !!map [1]\n",
        &[
            "f:1:12: a: the tag !secret does not fit here",
            help,
            "f:2:10: b: the tag !!int does not fit here",
            help,
            "f:3:10: c: the tag !!map does not fit here",
            help,
        ],
    );
}

#[test]
fn lists_and_maps_as_keys() {
    let help = "  help: text that starts with { or [ needs quotes: \"{machine}\"";
    check(
        "{a: 1}: 2\n? [1]\n: 3\n",
        &[
            "f:1:1: a key must be text, found a map",
            help,
            "f:2:3: a key must be text, found a list",
            help,
        ],
    );
}

#[test]
fn merging_what_is_no_map() {
    check(
        "a: &a 5\nb:\n  <<: *a\n  <<: *a\n",
        &[
            "f:3:7: b.<<: expected a map to merge, found the number 5",
            "  help: write `<<: *name` with the anchor of a map",
            "f:4:3: b.<<: duplicate key <<, first at f:3:3",
            "  help: merge several at once: `<<: [*one, *other]`",
        ],
    );
}

#[test]
fn more_than_one_document() {
    let help =
        "  help: one document a file: remove the line `---`, or move the rest to its own file";
    check(
        "a: 1\n---\nb: 2\n",
        &["f:2:1: a second document starts here", help],
    );
    check(
        "a: 1\n...\nb: 2\n",
        &["f:3:1: a second document starts here", help],
    );
}

#[test]
fn empty_files() {
    for empty in ["", "\n\n", "# only a comment\n", "---\n", "~\n"] {
        check(
            empty,
            &[
                "f: the file is empty",
                "  help: write at least one line such as `key: value`, or `{}` if it is empty on purpose",
            ],
        );
    }
}

#[test]
fn encodings() {
    let help = "  help: save the file as UTF-8";
    check(
        b"a: 1\nb: caf\xe9\n",
        &["f:2:7: not UTF-8: byte 0xE9 at offset 11", help],
    );
    check(
        b"\xff\xfea\0",
        &["f:1:1: UTF-16, which is not read here", help],
    );
}

#[test]
fn no_input_panics() {
    // Cuts and single-byte changes of a file that uses everything.
    let whole = "a: &a [1, {b: 'c'}]\nd:\n  <<: &m {e: \"f\\n\"}\n  ? g\n  : |\n    h\n- *a !x %y @z\n\t---\n...\n"
        .as_bytes();
    for cut in 0..whole.len() {
        let _ = parse("f", &whole[..cut]);
        for byte in [0, b'\t', b'"', b'{', b']', b':', b'-', b'*', b'\n', 0xC3] {
            let mut changed = whole.to_vec();
            changed[cut] = byte;
            let _ = parse("f", changed).map_err(|problems| problems.to_string());
        }
    }
}
