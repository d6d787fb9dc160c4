use rem_time::Timestamp;

use super::Session;
use crate::{Accounts, Role};

// Any valid hash will do: sessions do not look at passwords.
const HASH_A: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$\
    Zm9ydHkgdHdvIGlzIG5vdCBhIHBhc3N3b3JkIGF0IGE";
const HASH_B: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
    Zm9ydHkgdHdvIGlzIG5vdCBhIHBhc3N3b3JkIGF0IGE";

fn accounts(hash: &str, key: u8) -> Accounts {
    let accounts = Accounts::new().session_key([key; 32]);
    accounts.user("ann", hash, Role::Viewer).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[test]
fn a_session_ends_by_time_by_key_and_by_a_new_password() {
    let cookie = Session::start("ann", at(100))
        .seal(&accounts(HASH_A, 1))
        .unwrap();
    let opens = |hash, key, now| Session::open(&cookie, &accounts(hash, key), at(now)).is_some();
    assert!(opens(HASH_A, 1, 99));
    assert!(!opens(HASH_A, 1, 100));
    assert!(!opens(HASH_A, 2, 99));
    assert!(!opens(HASH_B, 1, 99));
    assert!(Session::open(&cookie, &Accounts::new().session_key([1; 32]), at(1)).is_none());
}

#[test]
fn a_cookie_that_was_changed_anywhere_is_worthless() {
    let accounts = accounts(HASH_A, 1);
    let cookie = Session::start("ann", at(100)).seal(&accounts).unwrap();
    for place in 0..cookie.len() {
        let mut bytes = cookie.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        // The last base64 letter has bits that mean nothing and are refused.
        assert!(
            Session::open(&changed, &accounts, at(1)).is_none(),
            "{place}"
        );
    }
    for wrong in ["", ".", "...", "a.b.c.d", "YW5u.99999999999.x."] {
        assert!(Session::open(wrong, &accounts, at(1)).is_none());
    }
}
