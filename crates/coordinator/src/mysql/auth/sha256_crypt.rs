//! SHA-256-crypt, as MySQL uses it.
//!
//! Source: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512" (`SHA-crypt.txt`), whose step
//! numbers stand below; MySQL's variant (`mysys/crypt_genhash_impl.cc`) takes a salt of up to 20
//! bytes. The crate `sha-crypt` follows the original, cuts the salt at 16 bytes and so cannot
//! check a password that MySQL stored.

use sha2::{Digest, Sha256};

const DIGEST_BYTES: usize = 32;
/// Characters of the encoded digest.
pub(super) const ENCODED_BYTES: usize = 43;

type Digest256 = [u8; DIGEST_BYTES];

/// The digest in the text form of crypt, 43 characters.
pub(super) fn sha256_crypt(password: &[u8], salt: &[u8], rounds: u32) -> String {
    // 4 to 8
    let alternate = digest(&[password, salt, password]);
    // 1 to 3 and 9 to 12
    let mut first = Sha256::new().chain_update(password).chain_update(salt);
    first.update(repeated(&alternate, password.len()));
    let mut length = password.len();
    while length > 0 {
        first.update(if length & 1 == 1 { &alternate[..] } else { password });
        length >>= 1;
    }
    let first: Digest256 = first.finalize().into();
    // 13 to 16
    let mut of_password = Sha256::new();
    for _ in 0..password.len() {
        of_password.update(password);
    }
    let password_bytes = repeated(&of_password.finalize().into(), password.len());
    // 17 to 20
    let mut of_salt = Sha256::new();
    for _ in 0..16 + usize::from(first[0]) {
        of_salt.update(salt);
    }
    let salt_bytes = repeated(&of_salt.finalize().into(), salt.len());
    // 21
    let mut current = first;
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut next = Sha256::new();
        next.update(if odd { &password_bytes[..] } else { &current });
        if round % 3 != 0 {
            next.update(&salt_bytes);
        }
        if round % 7 != 0 {
            next.update(&password_bytes);
        }
        next.update(if odd { &current[..] } else { &password_bytes });
        current = next.finalize().into();
    }
    encode(&current)
}

fn digest(parts: &[&[u8]]) -> Digest256 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// `length` bytes of the endlessly repeated digest.
fn repeated(digest: &Digest256, length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

/// 22e: crypt's own order of bytes and alphabet.
fn encode(digest: &Digest256) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(ENCODED_BYTES);
    let mut put = |high: u8, middle: u8, low: u8, characters: usize| {
        let mut bits = u32::from_be_bytes([0, high, middle, low]);
        for _ in 0..characters {
            text.push(char::from(ALPHABET[(bits & 0x3F) as usize]));
            bits >>= 6;
        }
    };
    // Each group's first index is the third of the one before, plus one.
    let (mut a, mut b, mut c) = (0, 10, 20);
    for _ in 0..10 {
        put(digest[a], digest[b], digest[c], 4);
        (a, b, c) = (c + 1, a + 1, b + 1);
    }
    put(0, digest[31], digest[30], 3);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `openssl passwd -5` and glibc's crypt, and, for the salt of 20 bytes, computed with
    /// Python's hashlib by the same steps (which gave the other two as well).
    #[test]
    fn digests_are_those_of_the_specification() {
        for (password, salt, rounds, expected) in [
            ("Hello world!", "saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
            (
                "Hello world!",
                "saltstringsaltst",
                10_000,
                "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
            ),
            ("secret", "01234567890123456789", 5000, "5fkz3MBocEd.OaaR71/j.w9RXSrKttgCSpI2fGX1100"),
        ] {
            assert_eq!(sha256_crypt(password.as_bytes(), salt.as_bytes(), rounds), expected);
        }
    }
}
