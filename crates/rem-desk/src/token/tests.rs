use std::os::unix::fs::PermissionsExt;

use rem_time::Timestamp;

use super::{Grant, KEY_FILE, TokenError, TokenKey};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn grant() -> Grant {
    Grant {
        about: "e7".into(),
        user: "ann é".into(),
        expires: at(1_000),
    }
}

#[test]
fn a_token_allows_what_was_signed_until_its_time_is_over() {
    let key = TokenKey::from_secret(b"secret");
    let token = key.sign(&grant());
    assert_eq!(key.verify(&token, at(999)), Ok(grant()));
    assert_eq!(key.verify(&token, at(1_000)), Err(TokenError::Expired));
}

#[test]
fn a_token_with_one_letter_changed_opens_nothing() {
    let key = TokenKey::from_secret(b"secret");
    let token = key.sign(&grant());
    for at_byte in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at_byte] = if bytes[at_byte] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(key.verify(&changed, at(0)).is_err(), "{changed}");
    }
    let other = TokenKey::from_secret(b"another");
    assert_eq!(other.verify(&token, at(0)), Err(TokenError::Forged));
    for noise in ["", ".", "....", "a.b.c.d", "é.é", &"f".repeat(10_000)] {
        assert!(key.verify(noise, at(0)).is_err(), "{noise}");
    }
    let cut = &token[..token.len() - 2];
    assert!(key.verify(cut, at(0)).is_err());
}

#[test]
fn the_key_is_made_once_and_only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let token = TokenKey::of_folder(folder.path()).unwrap().sign(&grant());
    let again = TokenKey::of_folder(folder.path()).unwrap();
    assert_eq!(again.verify(&token, at(1)), Ok(grant()));
    let path = folder.path().join(KEY_FILE);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&path, "short").unwrap();
    assert!(TokenKey::of_folder(folder.path()).is_err());
}
