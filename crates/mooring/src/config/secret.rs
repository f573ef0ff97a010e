//! Secrets that are given by reference: `env:NAME` and `file:PATH`.

use super::ConfigError;
use secrecy::{ExposeSecret, SecretString};

/// The secret itself: what the reference names, or the text when it is no reference.
///
/// # Errors
/// The variable or file is missing or empty, or the reference is of a kind that settings do not
/// know; the error names the reference, never what it holds.
pub(crate) fn resolve_secret(
    key: &'static str,
    text: &SecretString,
) -> Result<SecretString, ConfigError> {
    let reference = text.expose_secret();
    let problem = |problem: String| ConfigError::SecretUnreadable {
        key,
        reference: reference.to_owned(),
        problem,
    };
    let secret = if let Some(name) = reference.strip_prefix("env:") {
        std::env::var(name).map_err(|error| problem(error.to_string()))?
    } else if let Some(path) = reference.strip_prefix("file:") {
        let content = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        content.trim_end_matches(['\r', '\n']).to_owned()
    } else if reference.starts_with("aws-sm:") {
        return Err(problem("settings take `env:NAME` and `file:PATH` only".to_owned()));
    } else {
        return Ok(text.clone());
    };
    if secret.is_empty() {
        return Err(problem("it is empty, expected the secret".to_owned()));
    }
    Ok(SecretString::from(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<String, String> {
        resolve_secret("state.url", &SecretString::from(text))
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn text_that_is_no_reference_is_the_secret() {
        assert_eq!(resolve("postgres://h/d"), Ok("postgres://h/d".to_owned()));
    }

    #[test]
    fn a_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "a b\r\n").expect("a file");
        assert_eq!(resolve(&format!("file:{}", path.display())), Ok("a b".to_owned()));
        std::fs::write(&path, "\n").expect("a file");
        let error = resolve(&format!("file:{}", path.display())).expect_err("empty");
        assert!(error.contains("`state.url`") && error.contains("empty"), "{error}");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = resolve("env:MOORING_TEST_NO_SUCH_VARIABLE").expect_err("not set");
        assert!(error.contains("`env:MOORING_TEST_NO_SUCH_VARIABLE`"), "{error}");
    }

    #[test]
    fn a_reference_of_another_kind_is_refused() {
        let error = resolve("aws-sm:arn").expect_err("not known here");
        assert!(error.contains("`env:NAME`"), "{error}");
    }
}
