//! Secrets as they stand in the store: encrypted, with a key that is not there.
//!
//! AES-256-GCM with a random nonce for each secret (NIST SP 800-38D, section 8.2.2). The key comes from the
//! text of the setting by HKDF (RFC 5869). Catalog and property are authenticated with the secret, so that
//! a sealed one is of no use elsewhere.

use mooring_spi::{Error, ErrorKind, Result};
use parking_lot::RwLock;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{self, HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is shorter could be found by trying.
const KEY_CHARACTERS_MIN: usize = 32;
const ID_LENGTH: usize = 4;

/// A secret of the store: the id of its key, then nonce and ciphertext, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    sealed: String,
}

/// What makes the first key where none is configured.
type Maker = Box<dyn Fn() -> Result<SecretString> + Send + Sync>;

/// The keys: the first one seals, all of them unseal.
pub struct SealingKeys {
    keys: RwLock<Vec<Key>>,
    maker: Option<Maker>,
}

struct Key {
    id: [u8; ID_LENGTH],
    cipher: LessSafeKey,
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKeys").finish_non_exhaustive()
    }
}

impl SealingKeys {
    /// # Errors
    /// `InvalidArgument` for a key that is too short.
    pub fn new(texts: &[SecretString]) -> Result<Self> {
        let keys = texts.iter().map(Key::new).collect::<Result<_>>()?;
        Ok(Self { keys: RwLock::new(keys), maker: None })
    }

    /// Where there is no key, `maker` makes one when it is first needed. It may read and write files.
    #[must_use]
    pub fn or_made_by(
        mut self,
        maker: impl Fn() -> Result<SecretString> + Send + Sync + 'static,
    ) -> Self {
        self.maker = Some(Box::new(maker));
        self
    }

    /// Whether secrets can be sealed: there is a key, or one can be made.
    pub fn can_seal(&self) -> bool {
        self.maker.is_some() || !self.keys.read().is_empty()
    }

    /// Reads and writes files when it makes the first key.
    ///
    /// # Errors
    /// `InvalidArgument` without a key; what making one gives.
    pub fn seal(&self, catalog_id: u64, property: &str, secret: &SecretString) -> Result<Sealed> {
        self.make_first()?;
        let keys = self.keys.read();
        let key = keys.first().ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "there is no key that secrets are sealed with")
        })?;
        let broken = || Error::internal("a secret was not sealed");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| broken())?;
        let mut text = secret.expose_secret().as_bytes().to_vec();
        key.cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                place(catalog_id, property),
                &mut text,
            )
            .map_err(|_| broken())?;
        Ok(Sealed { sealed: hex(&[&key.id[..], &nonce, &text].concat()) })
    }

    /// # Errors
    /// `StateUnusable` when the key is not there, or the sealed text was changed.
    pub fn unseal(&self, catalog_id: u64, property: &str, sealed: &Sealed) -> Result<SecretString> {
        let told = |problem: &str| {
            let message = format!("the secret property `{property}` cannot be read: {problem}");
            Error::new(ErrorKind::StateUnusable, message)
        };
        // The one that was made by an earlier process.
        self.make_first().map_err(|error| told(error.message()))?;
        let changed = || told("what the store holds of it was changed");
        let bytes = from_hex(&sealed.sealed).ok_or_else(changed)?;
        let (id, rest) = bytes.split_at_checked(ID_LENGTH).ok_or_else(changed)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(changed)?;
        let keys = self.keys.read();
        let key = keys.iter().find(|key| key.id == id).ok_or_else(|| {
            told("the key that it was sealed with is not configured; add it or set the property anew")
        })?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut text = text.to_vec();
        let opened = key.cipher.open_in_place(nonce, place(catalog_id, property), &mut text);
        let opened = opened.map_err(|_| changed())?;
        let secret = std::str::from_utf8(opened).map_err(|_| changed())?;
        Ok(SecretString::from(secret))
    }

    fn make_first(&self) -> Result<()> {
        let Some(maker) = &self.maker else { return Ok(()) };
        if !self.keys.read().is_empty() {
            return Ok(());
        }
        let mut keys = self.keys.write();
        if keys.is_empty() {
            keys.push(Key::new(&maker()?)?);
        }
        Ok(())
    }
}

impl Key {
    fn new(text: &SecretString) -> Result<Self> {
        let text = text.expose_secret();
        if text.chars().count() < KEY_CHARACTERS_MIN {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "a key that secrets are sealed with is shorter than {KEY_CHARACTERS_MIN} characters; \
                     take the output of `openssl rand -hex 32`"
                ),
            ));
        }
        let broken = |_| Error::internal("no key can be made of the text of a key");
        let root = Salt::new(HKDF_SHA256, b"mooring secrets of catalogs").extract(text.as_bytes());
        let mut id = [0; ID_LENGTH];
        root.expand(&[b"id"], Length(ID_LENGTH))
            .and_then(|part| part.fill(&mut id))
            .map_err(broken)?;
        let cipher = root.expand(&[b"key"], &AES_256_GCM).map_err(broken)?;
        Ok(Self { id, cipher: LessSafeKey::new(UnboundKey::from(cipher)) })
    }
}

/// How many bytes HKDF gives.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn place(catalog_id: u64, property: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("catalog {catalog_id} property {property}").into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "0123456789abcdef0123456789abcdef";
    const SECOND: &str = "fedcba9876543210fedcba9876543210";

    fn keys(texts: &[&str]) -> SealingKeys {
        let texts: Vec<_> = texts.iter().map(|text| SecretString::from(*text)).collect();
        SealingKeys::new(&texts).expect("keys")
    }

    fn seal(keys: &SealingKeys, secret: &str) -> Sealed {
        keys.seal(7, "password", &SecretString::from(secret)).expect("sealed")
    }

    fn unseal(keys: &SealingKeys, id: u64, property: &str, sealed: &Sealed) -> Result<String> {
        keys.unseal(id, property, sealed).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn a_sealed_secret_is_read_back_in_its_place_only() {
        let keys = keys(&[FIRST]);
        for secret in ["", "s3cret", "pässwörd \u{0} '"] {
            let sealed = seal(&keys, secret);
            assert!(secret.is_empty() || !sealed.sealed.contains(&hex(secret.as_bytes())));
            assert_eq!(unseal(&keys, 7, "password", &sealed).expect("there"), secret);
            for (id, property) in [(8, "password"), (7, "s3_secret_key")] {
                let error = unseal(&keys, id, property, &sealed).expect_err("elsewhere");
                assert!(error.message().contains(property), "{error}");
            }
        }
        assert_ne!(seal(&keys, "s3cret"), seal(&keys, "s3cret"), "each has a nonce of its own");
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let keys = keys(&[FIRST]);
        let sealed = seal(&keys, "s3cret");
        let bytes = from_hex(&sealed.sealed).expect("digits");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = Sealed { sealed: hex(&changed) };
            unseal(&keys, 7, "password", &changed).expect_err("changed");
            let cut = Sealed { sealed: hex(&bytes[..at]) };
            unseal(&keys, 7, "password", &cut).expect_err("cut");
        }
        for text in ["x", "zz", "ü"] {
            let other = Sealed { sealed: text.to_owned() };
            unseal(&keys, 7, "password", &other).expect_err("no digits");
        }
    }

    #[test]
    fn the_first_key_seals_and_all_unseal() {
        let old = seal(&keys(&[FIRST]), "s3cret");
        let rotated = keys(&[SECOND, FIRST]);
        assert_eq!(unseal(&rotated, 7, "password", &old).expect("there"), "s3cret");
        let new = seal(&rotated, "s3cret");
        assert_eq!(unseal(&keys(&[SECOND]), 7, "password", &new).expect("there"), "s3cret");
        let error = unseal(&keys(&[SECOND]), 7, "password", &old).expect_err("another key");
        assert!(error.message().contains("not configured"), "{error}");
    }

    #[test]
    fn without_a_key_nothing_is_sealed_unless_one_can_be_made() {
        let none = keys(&[]);
        assert!(!none.can_seal());
        none.seal(7, "password", &SecretString::from("x")).expect_err("no key");
        let made = keys(&[]).or_made_by(|| Ok(SecretString::from(FIRST)));
        assert!(made.can_seal());
        let sealed = seal(&made, "s3cret");
        assert_eq!(unseal(&keys(&[FIRST]), 7, "password", &sealed).expect("there"), "s3cret");
    }

    #[test]
    fn a_short_key_is_refused() {
        let error = SealingKeys::new(&[SecretString::from("short")]).expect_err("refused");
        assert!(error.message().contains("32") && !error.message().contains("short;"), "{error}");
    }
}
