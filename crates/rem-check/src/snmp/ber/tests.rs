use proptest::prelude::*;

use super::*;

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut to = Writer::default();
    write(&mut to);
    to.finish()
}

#[track_caller]
fn integer(value: i32, bytes: &[u8]) {
    assert_eq!(written(|to| to.integer(value)), bytes);
    assert_eq!(Reader::new(bytes).integer("test"), Ok(value));
}

#[test]
fn integers_take_as_few_bytes_as_they_need() {
    integer(0, &[2, 1, 0]);
    integer(127, &[2, 1, 127]);
    integer(128, &[2, 2, 0, 128]);
    integer(-1, &[2, 1, 255]);
    integer(-129, &[2, 2, 255, 127]);
    integer(i32::MAX, &[2, 4, 127, 255, 255, 255]);
    integer(i32::MIN, &[2, 4, 128, 0, 0, 0]);
}

#[test]
fn lengths_have_a_short_and_a_long_form() {
    for (length, head) in [
        (0, &[4, 0][..]),
        (127, &[4, 127]),
        (128, &[4, 0x81, 128]),
        (256, &[4, 0x82, 1, 0]),
        (70_000, &[4, 0x83, 1, 0x11, 0x70]),
    ] {
        let content = vec![7; length];
        let bytes = written(|to| to.element(OCTETS, &content));
        assert_eq!(bytes, [head, &content].concat());
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.element(), Ok((OCTETS, &content[..])));
        assert!(reader.is_empty());
    }
}

#[test]
fn broken_lengths_are_refused() {
    for bytes in [
        &[][..],
        &[4],
        &[4, 1],
        &[4, 0x80, 0, 0],
        &[4, 0x81],
        &[4, 0x84, 0xff, 0xff, 0xff, 0xff, 1],
        &[4, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7],
        &[4, 0xff, 1],
    ] {
        assert_eq!(Reader::new(bytes).element(), Err(Malformed("element")));
    }
}

#[test]
fn the_first_two_numbers_of_an_identifier_share_one() {
    for (text, bytes) in [
        ("1.3.6.1.2.1.1.3.0", &[0x2b, 6, 1, 2, 1, 1, 3, 0][..]),
        ("0.0", &[0]),
        ("0.39", &[39]),
        ("2.999.3", &[0x88, 0x37, 3]),
        ("2.4294967295", &[0x90, 0x80, 0x80, 0x80, 0x4f]),
        ("1.3.4294967295", &[0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f]),
    ] {
        let known: Oid = text.parse().unwrap();
        assert_eq!(oid(bytes), Ok(known.clone()), "{text}");
        let bytes = [&[OBJECT, bytes.len() as u8], bytes].concat();
        assert_eq!(written(|to| to.oid(&known)), bytes, "{text}");
    }
    assert_eq!(oid(&[]).unwrap().to_string(), "0.0");
    for broken in [
        &[0x2b, 0x86][..],
        &[0x2b, 0x9f, 0xff, 0xff, 0xff, 0x7f],
        &[1; 129],
    ] {
        assert!(oid(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn whole_numbers_may_lack_the_zero_in_front() {
    assert_eq!(unsigned(&[0, 255, 255, 255, 255], 4, ""), Ok(0xffff_ffff));
    assert_eq!(unsigned(&[255, 255, 255, 255], 4, ""), Ok(0xffff_ffff));
    assert_eq!(unsigned(&[0], 4, ""), Ok(0));
    assert_eq!(unsigned(&[1, 0, 0, 0, 0], 4, "x"), Err(Malformed("x")));
    assert_eq!(unsigned(&[], 4, "x"), Err(Malformed("x")));
    assert_eq!(signed(&[0x80, 0], ""), Ok(-32_768));
    assert_eq!(signed(&[0; 9], "x"), Err(Malformed("x")));
}

proptest! {
    #[test]
    fn what_is_written_is_read(value: i32, text: Vec<u8>, arcs in prop::collection::vec(any::<u32>(), 0..60)) {
        let known = Oid::from([&[1, 3], &arcs[..]].concat());
        let bytes = written(|to| {
            to.oid(&known);
            to.element(OCTETS, &text);
            to.integer(value);
            to.wrap(SEQUENCE, 0);
        });
        let mut reader = Reader::new(&bytes).sequence("all").unwrap();
        prop_assert_eq!(reader.integer("value"), Ok(value));
        prop_assert_eq!(reader.expect(OCTETS, "text"), Ok(&text[..]));
        prop_assert_eq!(oid(reader.expect(OBJECT, "oid").unwrap()), Ok(known));
    }
}
