//! Where a value came from, for errors and for `mooring config`.

use std::fmt;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    /// The variable's name.
    Environment(String),
    /// The flag's name, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("the default"),
            Origin::File(path) => write!(f, "file `{}`", path.display()),
            Origin::Environment(name) => write!(f, "environment variable `{name}`"),
            Origin::Flag(name) => write!(f, "flag `{name}`"),
        }
    }
}
