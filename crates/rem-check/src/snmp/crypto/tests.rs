use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const ENGINE: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const CLOCK: Clock = Clock {
    boots: 7,
    seconds: 1000,
};
const CIPHERS: [SnmpCipher; 6] = [
    SnmpCipher::Des,
    SnmpCipher::Aes128,
    SnmpCipher::Aes192,
    SnmpCipher::Aes256,
    SnmpCipher::Aes192Cisco,
    SnmpCipher::Aes256Cisco,
];

#[track_caller]
fn keys(hash: SnmpHash, stretched: &str, localized: &str) {
    let key = hash.stretch(b"maplesyrup");
    assert_eq!(hex(&key), stretched);
    assert_eq!(hex(&hash.localize(&key, &ENGINE)), localized);
}

#[test]
fn keys_are_those_of_rfc_3414() {
    keys(
        SnmpHash::Md5,
        "9faf3283884e92834ebc9847d8edd963",
        "526f5eed9fcce26f8964c2930787d82b",
    );
    keys(
        SnmpHash::Sha1,
        "9fb5cc0381497b3793528939ff788d5d79145211",
        "6695febc9288e36282235fc7151f128497b38f3f",
    );
}

#[test]
fn no_passphrase_makes_no_key() {
    assert!(SnmpHash::Sha1.stretch(b"").is_empty());
    assert_eq!(SnmpHash::Md5.stretch(&[b'x'; 5000]).len(), 16);
}

#[test]
fn what_is_encrypted_is_decrypted_with_the_same_key_only() {
    let stretched = SnmpHash::Sha1.stretch(b"maplesyrup");
    for cipher in CIPHERS {
        let key = cipher.key(SnmpHash::Sha1, &stretched, &ENGINE);
        assert_eq!(key.len(), cipher.key_bytes());
        let text = b"what nobody else may read, of any length".to_vec();
        let (secret, salt) = cipher.encrypt(&key, CLOCK, 1, text.clone()).unwrap();
        assert!(!secret.windows(6).any(|part| part == b"nobody"));
        let plain = cipher.decrypt(&key, CLOCK, &salt, &secret).unwrap();
        assert_eq!(plain[..text.len()], text);
        let (other, _) = cipher.encrypt(&key, CLOCK, 2, text.clone()).unwrap();
        assert_ne!(other, secret, "{cipher:?}: the salt counts");
        let key: Vec<u8> = key.iter().map(|byte| !byte).collect();
        let wrong = cipher.decrypt(&key, CLOCK, &salt, &secret).unwrap();
        assert_ne!(wrong[..text.len()], text, "{cipher:?}");
    }
}

#[test]
fn long_keys_are_made_in_two_ways() {
    let stretched = SnmpHash::Sha1.stretch(b"maplesyrup");
    let key = |cipher: SnmpCipher| cipher.key(SnmpHash::Sha1, &stretched, &ENGINE);
    let (ours, cisco) = (key(SnmpCipher::Aes256), key(SnmpCipher::Aes256Cisco));
    assert_eq!(ours[..20], cisco[..20]);
    assert_ne!(ours[20..], cisco[20..]);
    assert_eq!(key(SnmpCipher::Aes128), ours[..16]);
}

#[test]
fn keys_and_packets_of_a_wrong_length_are_refused() {
    for cipher in CIPHERS {
        for key in [&[][..], &[1; 7], &[1; 17]] {
            let secret = cipher.encrypt(key, CLOCK, 1, b"text".to_vec());
            assert_eq!(secret, Err(BadLength), "{cipher:?}");
            assert!(cipher.decrypt(key, CLOCK, &[0; 8], &[0; 8]).is_err());
        }
        let key = vec![1; cipher.key_bytes()];
        assert!(cipher.decrypt(&key, CLOCK, &[0; 7], &[0; 8]).is_err());
        assert!(cipher.decrypt(&key, CLOCK, &[0; 8], &[]).is_ok());
    }
    let odd = SnmpCipher::Des.decrypt(&[1; 16], CLOCK, &[0; 8], &[0; 9]);
    assert_eq!(odd, Err(BadLength));
}

#[test]
fn a_signature_is_that_of_the_whole_packet() {
    for hash in [
        SnmpHash::Md5,
        SnmpHash::Sha1,
        SnmpHash::Sha224,
        SnmpHash::Sha512,
    ] {
        let key = hash.localize(b"key", &ENGINE);
        let signature = hash.sign(&key, &[b"all of it"]).unwrap();
        assert_eq!(signature.len(), hash.sent_bytes());
        assert!(hash.is_signed(&key, &[b"all ", b"of it"], &signature));
        assert!(!hash.is_signed(&key, &[b"all of"], &signature));
        assert!(!hash.is_signed(&key, &[b"all of it"], &signature[1..]));
        assert!(!hash.is_signed(&key, &[b"all of it"], &[]));
        assert!(!hash.is_signed(b"other", &[b"all of it"], &signature));
    }
}
