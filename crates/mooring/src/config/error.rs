//! What can be wrong with a configuration. No message holds the value of a secret setting.

use super::origin::Origin;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read configuration file `{}`: {source}", path.display())]
    FileUnreadable { path: PathBuf, source: std::io::Error },

    /// Without the line's text, which may hold a secret.
    #[error("configuration file `{}` is not TOML: line {line}: {message}", path.display())]
    FileNotToml { path: PathBuf, line: usize, message: String },

    #[error("{origin} sets `{key}`, which is no setting; the nearest one is `{nearest}`")]
    UnknownKey { key: String, origin: Origin, nearest: &'static str },

    #[error("{origin} gives section `{key}` a value; write its settings as `[{key}]`")]
    SectionWithValue { key: String, origin: Origin },

    #[error("{origin} sets `{key}` to {found}, expected {expected}")]
    WrongValue { key: &'static str, origin: Origin, found: String, expected: String },

    #[error("{origin}, `[[catalog]]` {name}: {problem}")]
    WrongCatalog { origin: Origin, name: String, problem: String },

    #[error("{origin} is not UTF-8")]
    NotUnicode { origin: Origin },

    #[error("`{key}` refers to `{reference}`: {problem}")]
    SecretUnreadable { key: &'static str, reference: String, problem: String },

    #[error(
        "`cluster.secret` is empty and there is no file `{}`; \
         set it to the secret of the cluster's coordinator",
        path.display()
    )]
    ClusterSecretMissing { path: PathBuf },

    #[error("cannot {action} {what} in file `{}`: {problem}", path.display())]
    SecretFile { path: PathBuf, what: &'static str, action: &'static str, problem: String },

    #[error("`log.filter` is `{filter}`: {problem}; write directives such as `info,mooring=debug`")]
    LogFilter { filter: String, problem: String },

    #[error("cannot start logging: {0}")]
    LoggingStarted(String),

    /// A defect: the table of settings and the typed structs do not agree.
    #[error("the settings do not fit the configuration's structs: {0}")]
    Structure(String),
}
