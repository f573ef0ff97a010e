//! References to secrets: `env:NAME` and `file:PATH`. Every other text stands for itself.

use mooring_spi::{Error, ErrorKind, Result};
use secrecy::SecretString;
use std::fs::File;
use std::io::Read;

/// No secret is longer; keeps a wrong path from being read whole.
const FILE_SIZE_MAX_BYTES: u64 = 64 * 1024;

/// The secret that a property's value holds or refers to. A line break at the end of a file is
/// not part of the secret.
///
/// # Errors
/// `InvalidArgument` when what it refers to is not there, `Unsupported` for a kind of reference
/// that is not built in. No error holds the secret.
pub fn resolve_secret(value: &str) -> Result<SecretString> {
    if let Some(name) = value.strip_prefix("env:") {
        return from_environment(name);
    }
    if let Some(path) = value.strip_prefix("file:") {
        return from_file(path);
    }
    if value.starts_with("aws-sm:") {
        let message = format!("secret reference `{value}` is not supported; use `env:` or `file:`");
        return Err(Error::unsupported(message));
    }
    Ok(SecretString::from(value))
}

fn from_environment(name: &str) -> Result<SecretString> {
    match std::env::var(name) {
        Ok(value) => Ok(SecretString::from(value)),
        Err(std::env::VarError::NotPresent) => {
            Err(invalid(format!("secret `env:{name}`: environment variable `{name}` is not set")))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(invalid(format!("secret `env:{name}`: its value is not valid unicode")))
        }
    }
}

fn from_file(path: &str) -> Result<SecretString> {
    let unreadable = |error| invalid(format!("secret `file:{path}` cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(FILE_SIZE_MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_SIZE_MAX_BYTES {
        let message = format!("secret `file:{path}` is longer than {FILE_SIZE_MAX_BYTES} bytes");
        return Err(invalid(message));
    }
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    Ok(SecretString::from(secret.strip_suffix('\r').unwrap_or(secret)))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::io::Write;

    #[test]
    fn a_literal_is_itself() {
        assert_eq!(resolve_secret("a:b").expect("a secret").expose_secret(), "a:b");
    }

    #[test]
    fn an_environment_variable_is_read_or_named() {
        let path = std::env::var("PATH").expect("every test run has it");
        assert_eq!(resolve_secret("env:PATH").expect("a secret").expose_secret(), path);
        let error = resolve_secret("env:MOORING_NOT_SET").expect_err("not set");
        assert!(error.message().contains("`MOORING_NOT_SET` is not set"), "{error}");
    }

    #[test]
    fn a_file_is_read_without_its_last_line_break() {
        for (text, secret) in [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("", "")] {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            let reference = format!("file:{}", file.path().display());
            let read = resolve_secret(&reference).expect("a secret");
            assert_eq!(read.expose_secret(), secret);
        }
        let error = resolve_secret("file:/nowhere/secret").expect_err("not there");
        assert!(error.message().contains("/nowhere/secret"), "{error}");
    }

    #[test]
    fn a_reference_of_another_kind_is_no_literal() {
        let error = resolve_secret("aws-sm:arn:aws:x").expect_err("not supported");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
