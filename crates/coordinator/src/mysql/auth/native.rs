//! `mysql_native_password`.
//!
//! Source: MySQL Source Code Documentation, "Native Authentication": the server keeps
//! SHA1(SHA1(password)); the client sends SHA1(password) XOR SHA1(nonce + SHA1(SHA1(password))).

use super::super::handshake::Nonce;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

/// SHA1(SHA1(password)).
pub(crate) type NativeDigest = [u8; 20];

/// What is kept of `password` for `mysql_native_password`.
pub fn native_credential(password: &str) -> NativeDigest {
    digest(password.as_bytes())
}

pub(super) fn digest(password: &[u8]) -> NativeDigest {
    Sha1::digest(Sha1::digest(password)).into()
}

/// Whether `response` proves the password behind `stored`.
pub(super) fn proves(response: &[u8], nonce: &Nonce, stored: &NativeDigest) -> bool {
    let Ok(response) = NativeDigest::try_from(response) else {
        return false;
    };
    let mask: NativeDigest = Sha1::new().chain_update(nonce).chain_update(stored).finalize().into();
    let password_digest: NativeDigest = std::array::from_fn(|at| response[at] ^ mask[at]);
    let found: NativeDigest = Sha1::digest(password_digest).into();
    found.ct_eq(stored).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::hex::unhex;

    /// Values computed with Python's hashlib.
    const NONCE: &Nonce = b"abcdefghij0123456789";
    const STORED: &str = "14e65567abdb5135d0cfd9a70b3032c179a49ee7";
    const RESPONSE: &str = "99db25ccb2a625f0e7cf4ce2e895ef9609dfe5e4";

    #[test]
    fn the_stored_form_is_a_double_digest() {
        assert_eq!(native_credential("secret").to_vec(), unhex(STORED));
    }

    #[test]
    fn only_the_right_response_proves() {
        let stored = native_credential("secret");
        let mut response = unhex(RESPONSE);
        assert!(proves(&response, NONCE, &stored));
        assert!(!proves(&response, b"abcdefghij012345678_", &stored));
        assert!(!proves(b"", NONCE, &stored));
        response[3] ^= 1;
        assert!(!proves(&response, NONCE, &stored));
    }
}
