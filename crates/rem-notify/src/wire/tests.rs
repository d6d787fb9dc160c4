use proptest::prelude::*;

use super::*;

#[test]
fn an_id_is_readable_where_it_can_be() {
    assert_eq!(id("web-down/web-01#12.3"), "web-down/web-01#12.3");
    assert_eq!(id("machine:web 01"), "machine=3Aweb=2001");
}

#[test]
fn line_ends_in_a_subject_cannot_begin_a_header() {
    assert_eq!(
        one_line("down\r\nBcc: eve@example.com", 100),
        "down  Bcc: eve@example.com"
    );
    assert_eq!(one_line("a\u{2028}b\u{85}c\0d", 100), "a b c d");
}

#[test]
fn a_cut_never_splits_a_letter() {
    assert_eq!(cut("ääää", 7), "ää…");
    assert_eq!(cut("abc", 3), "abc");
}

#[test]
fn dots_stand_only_where_a_message_id_allows_them() {
    for text in [".", "..", "a.", ".a", "a..b"] {
        let wire = id(text);
        assert!(
            !wire.starts_with('.') && !wire.ends_with('.') && !wire.contains(".."),
            "{wire}"
        );
        assert_eq!(id_back(&wire).as_deref(), Some(text));
    }
}

proptest! {
    #[test]
    fn ids_stay_apart_and_come_back(text in ".{1,50}") {
        let wire = id(&text);
        prop_assert!(wire.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert!(wire.len() <= ID_MAX);
        if wire.len() < ID_MAX - 34 {
            prop_assert_eq!(id_back(&wire), Some(text));
        }
    }

    #[test]
    fn nothing_in_a_wire_id_panics(wire in ".{0,80}") {
        let _ = id_back(&wire);
    }
}
