//! `caching_sha2_password`: the stored form and the two proofs.
//!
//! Source: MySQL Source Code Documentation, "Caching_sha2_password information"; the stored form
//! `$A$005$<salt><digest>` is that of `sql/auth/sha2_password.cc`.

use super::super::handshake::{NONCE_BYTES, Nonce};
use super::sha256_crypt::{ENCODED_BYTES, sha256_crypt};
use rand::Rng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The server's words within AuthMoreData, and the client's request.
pub(super) const FAST_SUCCESS: u8 = 3;
pub(super) const FULL_NEEDED: u8 = 4;
pub(super) const PUBLIC_KEY_REQUEST: u8 = 2;

const SALT_BYTES: usize = 20;
const ROUNDS_UNIT: u32 = 1000;
const ROUNDS: u32 = 5000;
/// As in MySQL; a longer one is refused before it costs anything.
const PASSWORD_MAX_BYTES: usize = 256;

/// SHA256(SHA256(password)), what the fast proof is checked against.
pub(super) type FastDigest = [u8; 32];

/// What is kept of `password` for `caching_sha2_password`: `$A$005$`, salt, digest. The salt is
/// drawn from crypt's alphabet, so that the whole is printable.
pub fn caching_sha2_credential(password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut random = rand::thread_rng();
    let salt: String =
        (0..SALT_BYTES).map(|_| char::from(ALPHABET[random.gen_range(0..64)])).collect();
    let digest = sha256_crypt(password.as_bytes(), salt.as_bytes(), ROUNDS);
    format!("$A${:03X}${salt}{digest}", ROUNDS / ROUNDS_UNIT)
}

/// The parts of a stored form.
struct Stored<'a> {
    rounds: u32,
    salt: &'a [u8],
    digest: &'a [u8],
}

fn parse(credential: &str) -> Option<Stored<'_>> {
    let (rounds, rest) = credential.strip_prefix("$A$")?.split_at_checked(3)?;
    let rounds = u32::from_str_radix(rounds, 16).ok().filter(|rounds| *rounds > 0)?;
    let (salt, digest) = rest.strip_prefix('$')?.as_bytes().split_at_checked(SALT_BYTES)?;
    (digest.len() == ENCODED_BYTES).then_some(Stored { rounds: rounds * ROUNDS_UNIT, salt, digest })
}

/// Whether `password` is the one behind the stored form. Takes milliseconds of computing.
pub(super) fn matches(password: &[u8], credential: &str) -> bool {
    let Some(stored) = parse(credential) else {
        tracing::error!("a stored password is not in the form `$A$005$<salt><digest>`");
        return false;
    };
    if password.len() > PASSWORD_MAX_BYTES {
        return false;
    }
    let found = sha256_crypt(password, stored.salt, stored.rounds);
    found.as_bytes().ct_eq(stored.digest).into()
}

pub(super) fn fast_digest(password: &[u8]) -> FastDigest {
    Sha256::digest(Sha256::digest(password)).into()
}

/// Whether `response` = SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce).
pub(super) fn proves(response: &[u8], nonce: &Nonce, known: &FastDigest) -> bool {
    let Ok(response) = FastDigest::try_from(response) else {
        return false;
    };
    let mask: FastDigest = Sha256::new().chain_update(known).chain_update(nonce).finalize().into();
    let password_digest: FastDigest = std::array::from_fn(|at| response[at] ^ mask[at]);
    let found: FastDigest = Sha256::digest(password_digest).into();
    found.ct_eq(known).into()
}

/// The password out of the decrypted bytes of a full authentication: it was XORed with the nonce
/// together with its zero at the end.
pub(super) fn unmask(mut masked: Vec<u8>, nonce: &Nonce) -> Option<Vec<u8>> {
    for (at, byte) in masked.iter_mut().enumerate() {
        *byte ^= nonce[at % NONCE_BYTES];
    }
    (masked.pop() == Some(0)).then_some(masked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::hex::unhex;
    use proptest::prelude::*;

    /// Values computed with Python's hashlib.
    const NONCE: &Nonce = b"abcdefghij0123456789";
    const FAST_DIGEST: &str = "3881219d087dd9c634373fd33dfa33a2cb6bfc6c520b64b8bb60ef2ceb534ae7";
    const RESPONSE: &str = "bd7d89fc1c297010da753d08822e9e48d3eafbb6e68e1f9b403be12dc5687a40";
    const STORED: &str = "$A$005$012345678901234567895fkz3MBocEd.OaaR71/j.w9RXSrKttgCSpI2fGX1100";

    #[test]
    fn only_the_right_fast_response_proves() {
        let known = fast_digest(b"secret");
        assert_eq!(known.to_vec(), unhex(FAST_DIGEST));
        let mut response = unhex(RESPONSE);
        assert!(proves(&response, NONCE, &known));
        assert!(!proves(&response, b"abcdefghij012345678_", &known));
        response[31] ^= 0x80;
        assert!(!proves(&response, NONCE, &known));
    }

    #[test]
    fn a_stored_password_is_checked() {
        assert!(matches(b"secret", STORED));
        assert!(!matches(b"Secret", STORED));
        assert!(!matches(b"", STORED));
    }

    #[test]
    fn a_new_credential_matches_its_password_only() {
        let credential = caching_sha2_credential("pä ss");
        assert_eq!(credential.len(), 7 + SALT_BYTES + ENCODED_BYTES);
        assert!(matches("pä ss".as_bytes(), &credential));
        assert!(!matches(b"pass", &credential));
        assert_ne!(credential, caching_sha2_credential("pä ss"));
    }

    #[test]
    fn the_mask_is_taken_off() {
        let masked: Vec<u8> = b"a password longer than the nonce\0"
            .iter()
            .zip(NONCE.iter().cycle())
            .map(|(a, b)| a ^ b)
            .collect();
        let found = unmask(masked.clone(), NONCE).expect("terminated");
        assert_eq!(found, b"a password longer than the nonce");
        assert_eq!(unmask(masked[..5].to_vec(), NONCE), None);
        assert_eq!(unmask(Vec::new(), NONCE), None);
    }

    proptest! {
        #[test]
        fn any_stored_text_is_refused_or_parsed(text in "(\\$A\\$)?[0-9a-zA-Z$ä]{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_response_is_refused(response: Vec<u8>) {
            prop_assert!(!proves(&response, NONCE, &fast_digest(b"secret")));
        }
    }
}
