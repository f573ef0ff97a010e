//! Which catalogs and schemas a question is about, and what they answer in bounded time.

use crate::information_schema::listing::bounded;
use crate::statement::LikePattern;
use futures::future::join_all;
use mooring_engine::{Catalog, Catalogs, SESSION_SCHEMAS, session_schema};
use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;

/// One schema.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As the client is told it.
    pub(super) catalog_name: String,
    /// Where it is asked: for one of the session's own schemas, the session's own catalog.
    pub(super) catalog: Arc<Catalog>,
    pub(super) schema: String,
}

/// The schemas of the catalogs that a question allows. A catalog that is asked for by its name
/// answers or its error is told; one among all that does not answer is left out.
pub(super) async fn schemas(
    catalogs: &Catalogs,
    own: &Arc<Catalog>,
    catalog: Option<&str>,
    pattern: Option<&str>,
) -> Result<Vec<Place>> {
    let pattern = pattern.map(LikePattern::new);
    let is_wanted = |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(name));
    let wanted: Vec<Arc<Catalog>> = match catalog {
        // By the specification: what has no catalog. All here has one.
        Some("") => Vec::new(),
        Some(name) => catalogs.find(name)?.into_iter().collect(),
        None => catalogs.names().iter().filter_map(|name| catalogs.find(name).ok()?).collect(),
    };
    let listings = join_all(wanted.iter().map(|one| bounded(one.connector.schemas()))).await;
    let mut places = Vec::new();
    for (one, listed) in wanted.iter().zip(listings) {
        let catalog_name = &one.definition.name;
        let schemas = match listed {
            Ok(schemas) => schemas,
            Err(error) if catalog.is_some() => return Err(named(catalog_name, &error)),
            Err(error) => {
                tracing::warn!(catalog_name, %error, "left out of a listing");
                Vec::new()
            }
        };
        // The session's own hide a catalog's of the same name.
        let schemas = schemas.into_iter().filter(|schema| session_schema(schema).is_none());
        for schema in schemas.filter(|schema| is_wanted(schema)) {
            let (catalog_name, catalog) = (catalog_name.clone(), one.clone());
            places.push(Place { catalog_name, catalog, schema });
        }
        for schema in SESSION_SCHEMAS.into_iter().filter(|schema| is_wanted(schema)) {
            let (catalog_name, schema) = (catalog_name.clone(), schema.to_owned());
            places.push(Place { catalog_name, catalog: own.clone(), schema });
        }
    }
    Ok(places)
}

fn named(catalog: &str, error: &Error) -> Error {
    // That of the listing alone knows no name.
    if error.kind() != ErrorKind::TimedOut {
        return error.clone();
    }
    let message = format!("catalog `{catalog}`: {}", error.message());
    Error::new(ErrorKind::SourceUnavailable, message)
}
