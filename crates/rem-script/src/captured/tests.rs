use super::*;

#[track_caller]
fn check(max: usize, written: &[&str], head: &str, dropped: u64, tail: &str) {
    let mut capture = Capture::new(max);
    for bytes in written {
        capture.push(bytes.as_bytes());
    }
    let captured = capture.take();
    assert_eq!(captured.head(), head.as_bytes());
    assert_eq!(captured.dropped(), dropped);
    assert_eq!(captured.tail(), tail.as_bytes());
    let total: usize = written.iter().map(|bytes| bytes.len()).sum();
    assert_eq!(captured.total(), total as u64);
}

#[test]
fn output_up_to_the_limit_is_whole() {
    check(8, &[], "", 0, "");
    check(8, &["abcd"], "abcd", 0, "");
    check(8, &["abc", "def", "gh"], "abcdefgh", 0, "");
    check(7, &["abcdefg"], "abcdefg", 0, "");
}

#[test]
fn output_past_the_limit_keeps_its_beginning_and_its_end() {
    check(8, &["abcdefghi"], "abcd", 1, "fghi");
    check(4, &["a", "b", "c", "d", "e", "f", "g", "h"], "ab", 4, "gh");
    check(0, &["abc"], "", 3, "");
    check(1, &["abc", "d"], "", 3, "d");
}

#[test]
fn text_marks_the_gap() {
    let mut capture = Capture::new(4);
    capture.push(b"abcdefgh");
    assert_eq!(capture.take().text(), "ab\n... 4 bytes left out ...\ngh");
    assert!(capture.take().is_empty());
}
