//! Digests, ciphers and keys of version 3: RFC 3414, 3826 and 7860.

#[cfg(test)]
mod tests;

use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use hmac::{Hmac, KeyInit, Mac};
use md5::Digest;

use super::options::{SnmpCipher, SnmpHash};

/// How much of a repeated passphrase is hashed.
const STRETCHED_BYTES: usize = 1_048_576;

/// A key or a packet of a length that the algorithm does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadLength;

/// Runs the same code for each digest.
macro_rules! with_digest {
    ($hash:expr, $digest:ident => $code:expr) => {
        match $hash {
            SnmpHash::Md5 => {
                type $digest = md5::Md5;
                $code
            }
            SnmpHash::Sha1 => {
                type $digest = sha1::Sha1;
                $code
            }
            SnmpHash::Sha224 => {
                type $digest = sha2::Sha224;
                $code
            }
            SnmpHash::Sha256 => {
                type $digest = sha2::Sha256;
                $code
            }
            SnmpHash::Sha384 => {
                type $digest = sha2::Sha384;
                $code
            }
            SnmpHash::Sha512 => {
                type $digest = sha2::Sha512;
                $code
            }
        }
    };
}

impl SnmpHash {
    /// How many bytes of the digest are sent.
    pub(super) fn sent_bytes(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 => 12,
            Self::Sha224 => 16,
            Self::Sha256 => 24,
            Self::Sha384 => 32,
            Self::Sha512 => 48,
        }
    }

    /// The key that a passphrase makes, good for every agent. Takes
    /// milliseconds: a megabyte is hashed. An empty passphrase makes an empty key.
    pub(super) fn stretch(self, passphrase: &[u8]) -> Vec<u8> {
        if passphrase.is_empty() {
            return Vec::new();
        }
        // Many passphrases in a row, so that the digest gets long pieces.
        let whole = passphrase.repeat(4096_usize.div_ceil(passphrase.len()));
        with_digest!(self, D => {
            let mut digest = D::new();
            let mut left = STRETCHED_BYTES;
            while left > 0 {
                let piece = &whole[..whole.len().min(left)];
                digest.update(piece);
                left -= piece.len();
            }
            digest.finalize().to_vec()
        })
    }

    /// The key of one agent.
    pub(super) fn localize(self, key: &[u8], engine: &[u8]) -> Vec<u8> {
        self.of(&[key, engine, key])
    }

    fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        with_digest!(self, D => {
            let mut digest = D::new();
            parts.iter().for_each(|part| digest.update(part));
            digest.finalize().to_vec()
        })
    }

    /// The signature of a packet, as it is sent.
    pub(super) fn sign(self, key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, BadLength> {
        with_digest!(self, D => {
            let mut mac = Hmac::<D>::new_from_slice(key).map_err(|_| BadLength)?;
            parts.iter().for_each(|part| mac.update(part));
            let mut whole = mac.finalize().into_bytes().to_vec();
            whole.truncate(self.sent_bytes());
            Ok(whole)
        })
    }

    /// Whether a signature is right, in a time that tells nothing.
    pub(super) fn is_signed(self, key: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
        signature.len() == self.sent_bytes()
            && with_digest!(self, D => {
                let mac = Hmac::<D>::new_from_slice(key);
                mac.is_ok_and(|mut mac| {
                    parts.iter().for_each(|part| mac.update(part));
                    mac.verify_truncated_left(signature).is_ok()
                })
            })
    }
}

impl SnmpCipher {
    /// How long its key is.
    fn key_bytes(self) -> usize {
        match self {
            // Half of it is no key, but the secret of the initial vector.
            Self::Des | Self::Aes128 => 16,
            Self::Aes192 | Self::Aes192Cisco => 24,
            Self::Aes256 | Self::Aes256Cisco => 32,
        }
    }

    /// The agent's key of this cipher, from what a passphrase was stretched to.
    pub(super) fn key(self, hash: SnmpHash, stretched: &[u8], engine: &[u8]) -> Vec<u8> {
        let mut key = hash.localize(stretched, engine);
        let mut last = key.clone();
        while key.len() < self.key_bytes() && !key.is_empty() {
            last = match self {
                Self::Aes192Cisco | Self::Aes256Cisco => {
                    hash.localize(&hash.stretch(&last), engine)
                }
                Self::Des | Self::Aes128 | Self::Aes192 | Self::Aes256 => hash.of(&[&key]),
            };
            key.extend_from_slice(&last);
        }
        key.truncate(self.key_bytes());
        key
    }

    /// Encrypts; the salt goes into the packet. One key and salt must never
    /// meet twice.
    pub(super) fn encrypt(
        self,
        key: &[u8],
        clock: Clock,
        salt: u64,
        mut data: Vec<u8>,
    ) -> Result<(Vec<u8>, [u8; 8]), BadLength> {
        let bad = |_| BadLength;
        match self {
            Self::Des => {
                // The low half is ours, the high half is the agent's boots.
                let salt = (u64::from(clock.boots) << 32 | salt & 0xffff_ffff).to_be_bytes();
                let (key, iv) = des_key(key, salt)?;
                data.resize(data.len().next_multiple_of(8), 0);
                let length = data.len();
                let cipher = cbc::Encryptor::<des::Des>::new_from_slices(key, &iv).map_err(bad)?;
                let done = cipher.encrypt_padded::<NoPadding>(&mut data, length);
                done.map_err(|_| BadLength)?;
                Ok((data, salt))
            }
            Self::Aes128 | Self::Aes192 | Self::Aes192Cisco | Self::Aes256 | Self::Aes256Cisco => {
                let salt = salt.to_be_bytes();
                let iv = aes_iv(clock, salt);
                use cfb_mode::Encryptor;
                match self.key_bytes() {
                    16 => Encryptor::<aes::Aes128>::new_from_slices(key, &iv)
                        .map_err(bad)?
                        .encrypt(&mut data),
                    24 => Encryptor::<aes::Aes192>::new_from_slices(key, &iv)
                        .map_err(bad)?
                        .encrypt(&mut data),
                    _ => Encryptor::<aes::Aes256>::new_from_slices(key, &iv)
                        .map_err(bad)?
                        .encrypt(&mut data),
                }
                Ok((data, salt))
            }
        }
    }

    /// The reverse; DES leaves its padding behind the data.
    pub(super) fn decrypt(
        self,
        key: &[u8],
        clock: Clock,
        salt: &[u8],
        data: &[u8],
    ) -> Result<Vec<u8>, BadLength> {
        let bad = |_| BadLength;
        let salt: [u8; 8] = salt.try_into().map_err(|_| BadLength)?;
        let mut data = data.to_vec();
        match self {
            Self::Des => {
                let (key, iv) = des_key(key, salt)?;
                let cipher = cbc::Decryptor::<des::Des>::new_from_slices(key, &iv).map_err(bad)?;
                let done = cipher.decrypt_padded::<NoPadding>(&mut data);
                done.map_err(|_| BadLength)?;
            }
            Self::Aes128 | Self::Aes192 | Self::Aes192Cisco | Self::Aes256 | Self::Aes256Cisco => {
                let iv = aes_iv(clock, salt);
                use cfb_mode::Decryptor;
                match self.key_bytes() {
                    16 => Decryptor::<aes::Aes128>::new_from_slices(key, &iv)
                        .map_err(bad)?
                        .decrypt(&mut data),
                    24 => Decryptor::<aes::Aes192>::new_from_slices(key, &iv)
                        .map_err(bad)?
                        .decrypt(&mut data),
                    _ => Decryptor::<aes::Aes256>::new_from_slices(key, &iv)
                        .map_err(bad)?
                        .decrypt(&mut data),
                }
            }
        }
        Ok(data)
    }
}

/// An agent's clock: how often it started, and seconds since it last did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clock {
    pub(super) boots: u32,
    pub(super) seconds: u32,
}

fn des_key(key: &[u8], salt: [u8; 8]) -> Result<(&[u8], [u8; 8]), BadLength> {
    let (key, secret) = key.split_at_checked(8).ok_or(BadLength)?;
    let secret: [u8; 8] = secret.try_into().map_err(|_| BadLength)?;
    let iv = (u64::from_be_bytes(secret) ^ u64::from_be_bytes(salt)).to_be_bytes();
    Ok((key, iv))
}

fn aes_iv(clock: Clock, salt: [u8; 8]) -> [u8; 16] {
    let words = u128::from(clock.boots) << 96
        | u128::from(clock.seconds) << 64
        | u128::from(u64::from_be_bytes(salt));
    words.to_be_bytes()
}
