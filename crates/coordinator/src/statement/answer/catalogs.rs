//! SHOW CATALOGS and SHOW CREATE CATALOG.

use super::ShowContext;
use super::rows::Rows;
use crate::statement::filter::Filter;
use mooring_engine::{Catalog, CatalogOrigin, Catalogs};
use mooring_spi::{Result, is_secret_reference, quote};

/// What is shown of a secret.
const HIDDEN: &str = "***";

pub(super) fn catalogs(context: &ShowContext<'_>, filter: &Filter) -> Result<Rows> {
    let mut rows = Rows::of_text(&["Catalog"]);
    for name in context.catalogs.names() {
        rows.push([name.into()]);
    }
    Ok(rows.filtered(filter)?.labelled(filter.label("Catalog")))
}

/// The statement that defines a catalog: references to secrets as they are, and secrets hidden.
pub(super) fn create_catalog(context: &ShowContext<'_>, name: &str) -> Result<Rows> {
    let catalog = context.catalogs.get(name)?;
    let mut rows = Rows::of_text(&["Catalog", "Create Catalog"]);
    let definition = definition_of(context.catalogs, &catalog);
    rows.push([catalog.definition.name.as_str().into(), definition.into()]);
    Ok(rows)
}

fn definition_of(catalogs: &Catalogs, catalog: &Catalog) -> String {
    let definition = &catalog.definition;
    let kind = &definition.kind;
    let mut statement = format!("CREATE CATALOG {} USING {kind}", quote(&definition.name));
    if let CatalogOrigin::Stored { comment: Some(comment), .. } = &catalog.origin {
        statement.push_str(&format!(" COMMENT {}", text(comment)));
    }
    let property = |(key, value): (&String, &String)| {
        let hidden = catalogs.is_secret(kind, key) && !is_secret_reference(value);
        format!("{key} = {}", text(if hidden { HIDDEN } else { value }))
    };
    let properties: Vec<String> = definition.properties.iter().map(property).collect();
    if !properties.is_empty() {
        statement.push_str(&format!(" WITH ({})", properties.join(", ")));
    }
    statement
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
