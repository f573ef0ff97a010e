//! A catalog as a versioned object: plans name it by its key, and whoever lacks the definition
//! asks for it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Names one version of one catalog. A change of a catalog makes a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CatalogKey {
    pub id: u64,
    pub version: u64,
}

impl fmt::Display for CatalogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.id, self.version)
    }
}

impl FromStr for CatalogKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no catalog key; expected `ID-VERSION`");
        let (id, version) = text.split_once('-').ok_or_else(wrong)?;
        Ok(Self {
            id: id.parse().map_err(|_| wrong())?,
            version: version.parse().map_err(|_| wrong())?,
        })
    }
}

/// What a catalog is: its kind and its properties. A property may be a secret or a reference to
/// one (`env:NAME`, `file:PATH`); a definition is never logged whole.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogDefinition {
    pub key: CatalogKey,
    pub name: String,
    /// `tpch`, `lake`, `system`, ...
    pub kind: String,
    pub properties: BTreeMap<String, String>,
}

impl fmt::Debug for CatalogDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogDefinition")
            .field("key", &self.key)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Whether a property's value refers to a secret and is none itself.
pub fn is_secret_reference(value: &str) -> bool {
    ["env:", "file:", "aws-sm:"].iter().any(|scheme| value.starts_with(scheme))
}

/// Whether a property of this name is a secret where its kind does not say so: too many rather than too few.
pub fn sounds_secret(property: &str) -> bool {
    ["secret", "password", "key", "token", "credential", "external_id"]
        .iter()
        .any(|word| property.contains(word))
}
