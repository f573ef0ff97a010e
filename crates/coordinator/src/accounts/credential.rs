//! Passwords on their way into the store: what is kept of them, in which form, and which forms
//! are accepted as already hashed.

use crate::mysql::{AuthPlugin, caching_sha2_credential, native_credential};
use mooring_spi::{Error, ErrorKind, Result};
use std::fmt;

/// The longest password that `caching_sha2_password` of MySQL takes.
const PASSWORD_MAX_BYTES: usize = 256;
/// `$A$005$`, the salt and the digest.
const SHA2_SALT_AT: usize = 7;
const SHA2_BYTES: usize = SHA2_SALT_AT + 20 + 43;

/// A password as a client wrote it. It has no readable form.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// What is kept of one password, for whichever plugin its account turns out to have.
#[derive(Clone)]
pub struct Hashed {
    caching_sha2: String,
    native: String,
}

impl Hashed {
    /// Takes milliseconds of computing.
    ///
    /// # Errors
    /// `InvalidArgument` for a password that no client could use.
    pub fn of(password: &Password) -> Result<Self> {
        let Password(text) = password;
        if text.len() > PASSWORD_MAX_BYTES || text.contains('\0') {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a password has at most {PASSWORD_MAX_BYTES} bytes, none of them zero"),
            ));
        }
        if text.is_empty() {
            return Ok(Self { caching_sha2: String::new(), native: String::new() });
        }
        let native = native_credential(text)
            .iter()
            .fold("*".to_owned(), |digits, byte| format!("{digits}{byte:02X}"));
        Ok(Self { caching_sha2: caching_sha2_credential(text), native })
    }

    /// Empty for the empty password.
    ///
    /// # Errors
    /// `InvalidArgument` for a plugin without passwords.
    pub fn credential(&self, plugin: AuthPlugin) -> Result<&str> {
        match plugin {
            AuthPlugin::CachingSha2Password => Ok(&self.caching_sha2),
            AuthPlugin::NativePassword => Ok(&self.native),
            AuthPlugin::Jwt => Err(no_password()),
        }
    }
}

fn no_password() -> Error {
    let (jwt, other) = (AuthPlugin::Jwt.name(), AuthPlugin::DEFAULT.name());
    Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "a user of `{jwt}` comes by tokens and has no password; `ALTER USER ... IDENTIFIED WITH {other} BY` gives it one instead"
        ),
    )
}

/// The plugin of this name.
///
/// # Errors
/// `PluginNotFound`.
pub fn plugin_named(name: &str) -> Result<AuthPlugin> {
    AuthPlugin::ALL.into_iter().find(|plugin| plugin.name().eq_ignore_ascii_case(name)).ok_or_else(
        || {
            let known = AuthPlugin::ALL.map(|plugin| format!("`{}`", plugin.name())).join(", ");
            Error::new(
                ErrorKind::PluginNotFound,
                format!("plugin `{name}` is not loaded; there are {known}"),
            )
        },
    )
}

/// A credential that was hashed elsewhere (`IDENTIFIED WITH plugin AS '...'`), in its stored form.
/// The empty text is the empty password, as in MySQL.
///
/// # Errors
/// `InvalidArgument` for another form; the message does not repeat the text.
pub fn hashed_elsewhere(plugin: AuthPlugin, text: &str) -> Result<String> {
    let right = match plugin {
        AuthPlugin::CachingSha2Password => is_caching_sha2(text),
        AuthPlugin::NativePassword => native_digest(text).is_some(),
        AuthPlugin::Jwt => false,
    };
    if text.is_empty() || right {
        return Ok(match plugin {
            AuthPlugin::CachingSha2Password | AuthPlugin::Jwt => text.to_owned(),
            AuthPlugin::NativePassword => text.to_ascii_uppercase(),
        });
    }
    let form = match plugin {
        AuthPlugin::CachingSha2Password => {
            "`$A$005$`, 20 bytes of salt and 43 characters of digest"
        }
        AuthPlugin::NativePassword => "`*` and 40 hexadecimal digits",
        AuthPlugin::Jwt => return Err(no_password()),
    };
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!("the hash of a `{}` has the form {form}", plugin.name()),
    ))
}

/// The number of rounds in thousands is three hexadecimal digits; MySQL takes 005 to FFF.
fn is_caching_sha2(text: &str) -> bool {
    let digits = text.strip_prefix("$A$").and_then(|rest| rest.get(..3));
    let rounds = digits
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let digest = text.as_bytes().get(SHA2_SALT_AT + 20..).unwrap_or_default();
    text.len() == SHA2_BYTES
        && rounds.is_some_and(|rounds| rounds >= 5)
        && text.as_bytes().get(6) == Some(&b'$')
        && digest.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
}

/// MySQL's `*` and 40 hexadecimal digits.
pub(super) fn native_digest(text: &str) -> Option<[u8; 20]> {
    let digits = text.strip_prefix('*').filter(|digits| digits.len() == 40)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 20];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `SELECT PASSWORD('secret')` of MariaDB 10.11, and a digest of "secret" computed with
    /// Python's hashlib.
    const NATIVE: &str = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7";
    const SHA2: &str = "$A$005$012345678901234567895fkz3MBocEd.OaaR71/j.w9RXSrKttgCSpI2fGX1100";

    #[test]
    fn a_password_is_kept_in_the_form_of_its_plugin() {
        let hashed = Hashed::of(&Password::new("secret")).expect("hashed");
        assert_eq!(hashed.credential(AuthPlugin::NativePassword).expect("one"), NATIVE);
        let sha2 = hashed.credential(AuthPlugin::CachingSha2Password).expect("one");
        assert_eq!(
            hashed_elsewhere(AuthPlugin::CachingSha2Password, sha2).expect("the form"),
            sha2
        );
        let empty = Hashed::of(&Password::new("")).expect("hashed");
        assert_eq!(empty.credential(AuthPlugin::NativePassword).expect("one"), "");
        assert!(hashed.credential(AuthPlugin::Jwt).is_err());
        assert!(empty.credential(AuthPlugin::Jwt).is_err());
        assert_eq!(hashed_elsewhere(AuthPlugin::Jwt, "").expect("no password"), "");
        assert!(hashed_elsewhere(AuthPlugin::Jwt, NATIVE).is_err());
        assert!(Hashed::of(&Password::new("x".repeat(257))).is_err());
        assert_eq!(format!("{:?}", Password::new("secret")), "<secret>");
    }

    #[test]
    fn hashes_of_another_form_are_refused_without_being_repeated() {
        use AuthPlugin::{CachingSha2Password, NativePassword};
        assert_eq!(hashed_elsewhere(NativePassword, &NATIVE.to_lowercase()).expect("ok"), NATIVE);
        assert_eq!(hashed_elsewhere(CachingSha2Password, SHA2).expect("ok"), SHA2);
        for (plugin, text) in [
            (NativePassword, SHA2),
            (NativePassword, "*14E6"),
            (NativePassword, "*+4E65567ABDB5135D0CFD9A70B3032C179A49EE7"),
            (CachingSha2Password, NATIVE),
            (CachingSha2Password, &SHA2[1..]),
            (CachingSha2Password, &SHA2.replace("$005$", "$004$")),
            (CachingSha2Password, "secret"),
        ] {
            let error = hashed_elsewhere(plugin, text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(!error.message().contains(text), "{error}");
        }
        assert_eq!(
            plugin_named("sha256_password").expect_err("").kind(),
            ErrorKind::PluginNotFound
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_hash_or_refused(text: String) {
            for plugin in [AuthPlugin::CachingSha2Password, AuthPlugin::NativePassword] {
                let _ = hashed_elsewhere(plugin, &text);
            }
        }
    }
}
