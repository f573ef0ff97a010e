//! What may not be defined, and how it is said.

use mooring_engine::{Catalog, CatalogOrigin, Catalogs, session_schema};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::{StoredCatalog, StoredProperty};
use std::cmp::Reverse;

/// As long as MySQL's identifiers.
const NAME_CHARACTERS_MAX: usize = 64;

/// Below that a secret is like any other word of a message.
const SECRET_LENGTH_MIN: usize = 4;

/// # Errors
/// `InvalidArgument` for a name that databases of the form `catalog.schema` could not have.
pub(super) fn check_name(name: &str) -> Result<()> {
    let problem = if name.is_empty() {
        "is empty".to_owned()
    } else if name.chars().count() > NAME_CHARACTERS_MAX {
        format!("has more than {NAME_CHARACTERS_MAX} characters")
    } else if name.contains(['.', '`', '\'', '"', '/', '\\']) || name.contains(char::is_whitespace)
    {
        "has a dot, a slash, a quote or a space".to_owned()
    } else if name.eq_ignore_ascii_case("def") || session_schema(name).is_some() {
        "means something else to MySQL's clients".to_owned()
    } else {
        return Ok(());
    };
    Err(invalid(format!("the name `{}` of a catalog {problem}", name.escape_debug())))
}

/// # Errors
/// `InvalidArgument` for a catalog that statements cannot change, telling where it is defined.
pub(super) fn fixed(catalog: &Catalog, done: &str) -> Result<()> {
    let name = &catalog.definition.name;
    match &catalog.origin {
        CatalogOrigin::Stored { .. } => Ok(()),
        CatalogOrigin::BuiltIn => Err(invalid(format!(
            "catalog `{name}` is built into every server and cannot be {done} by SQL"
        ))),
        CatalogOrigin::Configured => Err(invalid(format!(
            "catalog `{name}` cannot be {done} by SQL: it is defined in a section `[[catalog]]` of the \
             server's configuration; change it there"
        ))),
    }
}

/// A catalog of that name is there already.
pub(super) fn exists_elsewhere(name: &str, there: &Catalog) -> Error {
    let other = &there.definition.name;
    let place = match &there.origin {
        CatalogOrigin::Stored { .. } if other != name => {
            format!("`{other}` differs from it in case only")
        }
        CatalogOrigin::Stored { .. } => "it exists already".to_owned(),
        CatalogOrigin::BuiltIn => format!("`{other}` is built into every server"),
        CatalogOrigin::Configured => {
            format!("`{other}` is defined in a section `[[catalog]]` of the server's configuration")
        }
    };
    Error::new(
        ErrorKind::CatalogExists,
        format!("catalog `{name}` cannot be made: {place}; take another name"),
    )
}

pub(super) fn not_found(catalogs: &Catalogs, name: &str) -> Error {
    match catalogs.get(name) {
        Err(error) => error,
        // It is listed here still, and gone from the store.
        Ok(_) => Error::new(ErrorKind::CatalogNotFound, format!("catalog `{name}` does not exist")),
    }
}

pub(super) fn property_not_set(catalog: &StoredCatalog, key: &str) -> Error {
    let set: Vec<String> = catalog.properties.keys().map(|key| format!("`{key}`")).collect();
    let set = if set.is_empty() { "none".to_owned() } else { set.join(", ") };
    invalid(format!("catalog `{}` has no property `{key}` set; set are: {set}", catalog.name))
}

pub(super) fn no_key(catalog: &str, property: &str) -> Error {
    invalid(format!(
        "catalog `{catalog}`: property `{property}` is a secret, and there is no key to seal it with; give a \
         reference to it (`env:NAME` or `file:PATH`), or set `coordinator.secrets.key`"
    ))
}

/// A secret that only the store knows goes where it was meant to go, and nowhere else: whoever changes that, gives
/// it anew.
///
/// # Errors
/// `InvalidArgument` when one of the properties that are `changed` says where a secret goes that is `kept`.
pub(super) fn secrets_stay(
    catalogs: &Catalogs,
    catalog: &StoredCatalog,
    changed: &[&String],
    kept: impl Fn(&String) -> bool,
) -> Result<()> {
    let directs = |key: &&&String| catalogs.directs_secrets(&catalog.kind, key);
    let Some(directing) = changed.iter().find(directs) else { return Ok(()) };
    let is_sealed = |property: &StoredProperty| matches!(property, StoredProperty::Secret(_));
    let sealed = catalog.properties.iter().find(|(key, property)| is_sealed(property) && kept(key));
    match sealed {
        None => Ok(()),
        Some((secret, _)) => Err(invalid(format!(
            "catalog `{}`: `{directing}` says where the secret `{secret}` goes, so it is changed together with it: \
             give `{secret}` in the same `ALTER CATALOG ... SET`",
            catalog.name
        ))),
    }
}

pub(super) fn hidden_secret(catalog: &str, property: &str) -> Error {
    invalid(format!(
        "catalog `{catalog}`: `***` stands for the secret `{property}` where it is not shown; give the secret itself, \
         or a reference to it (`env:NAME` or `file:PATH`)"
    ))
}

pub(super) fn unreached(catalog: &str, error: &Error) -> Error {
    let message = error.message();
    let named = format!("catalog `{catalog}`");
    let what = match message.contains(&named) {
        true => message.to_owned(),
        false => format!("{named} is not reached: {message}"),
    };
    let hint = "correct its properties, or say NOVERIFY to have it all the same";
    Error::new(error.kind(), format!("{what}; {hint}"))
}

/// The error without the secrets that a source or a library may have quoted.
pub(super) fn without_secrets(catalog: &str, error: Error, secrets: &[(String, String)]) -> Error {
    let mut message = error.message().to_owned();
    // One may begin as another does.
    let mut longest_first: Vec<&str> = secrets.iter().map(|(_, secret)| secret.as_str()).collect();
    longest_first.sort_unstable_by_key(|secret| Reverse(secret.len()));
    for secret in longest_first {
        if secret.chars().count() >= SECRET_LENGTH_MIN {
            message = message.replace(secret, "***");
        } else if !secret.is_empty() {
            for quote in ['`', '\'', '"'] {
                message = message.replace(&format!("{quote}{secret}{quote}"), "`***`");
            }
        }
    }
    if message == error.message() {
        return error;
    }
    tracing::warn!(catalog, "an error had a secret of a catalog in it");
    // Its cause may have it, too.
    Error::new(error.kind(), message)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_database_can_begin_with() {
        for name in ["a", "Sales_2024", "größe", "x-y", &"a".repeat(64)] {
            check_name(name).expect(name);
        }
        for name in ["", "a.b", "a b", "a`b", "a'b", "a/b", "a\nb", "DEF", "mysql", &"a".repeat(65)]
        {
            check_name(name).expect_err(name);
        }
    }

    #[test]
    fn a_secret_is_not_in_an_error() {
        let told = |message: &str, secret: &str| {
            let secrets = [secret.get(..4).unwrap_or(secret), secret];
            let secrets = secrets.map(|secret| ("password".to_owned(), secret.to_owned()));
            let error = Error::internal(message);
            without_secrets("a", error, &secrets).message().to_owned()
        };
        assert_eq!(told("cannot log in with s3cret at h", "s3cret"), "cannot log in with *** at h");
        assert_eq!(told("`pg` is no number of a page", "pg"), "`***` is no number of a page");
        assert_eq!(told("a page", "a"), "a page");
        assert_eq!(told("''", ""), "''");
    }
}
