//! What a door sets and reads of a session by name, without a statement's text.

use super::Session;
use crate::information_schema::SessionTables;
use crate::statement::{Name, Scope, VariableValue};
use arrow::array::timezone::Tz;
use mooring_engine::Catalog;
use mooring_spi::{Error, Result, StaleAnswers};
use std::sync::Arc;
use std::time::Duration;

impl Session {
    /// The current catalog.
    pub(crate) fn current_catalog(&self) -> &str {
        &self.catalog
    }

    /// The current schema, if one was chosen.
    pub(crate) fn current_schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Makes a catalog current, without any of its schemas.
    ///
    /// # Errors
    /// `CatalogNotFound`.
    pub(crate) fn choose_catalog(&mut self, catalog: &str) -> Result<()> {
        let found = self.catalogs().get(catalog)?.definition.name.clone();
        if found != self.catalog {
            self.catalog = found;
            self.schema = None;
        }
        self.place.set_database(self.database_label());
        Ok(())
    }

    /// Makes a schema of the current catalog current, whatever its name.
    ///
    /// # Errors
    /// `SchemaNotFound`; what the catalog says when it cannot be asked.
    pub(crate) async fn choose_schema(&mut self, schema: &str) -> Result<()> {
        let name = Name(vec![self.catalog.clone(), schema.to_owned()]);
        let running = self.place.begin(&format!("USE {schema}"));
        let stale = StaleAnswers::default();
        let done = stale.collect(running.unless_killed(self.enter(&name))).await;
        drop(running);
        self.warn_of(&stale);
        done
    }

    /// # Errors
    /// `UnknownVariable`.
    pub(crate) fn variable(&self, name: &str) -> Result<VariableValue> {
        self.variables.get(Scope::Session, name)
    }

    /// From now on a query is answered that long after its columns are known, with rows or without.
    pub(crate) fn answer_before_rows(&mut self, wait: Duration) {
        self.first_rows_wait = Some(wait);
    }

    /// The session's time zone.
    ///
    /// # Errors
    /// `Internal`: no session takes another name than those that parse.
    pub(crate) fn time_zone(&self) -> Result<Tz> {
        let name = self.variables.text("time_zone")?;
        let name = if name.eq_ignore_ascii_case("SYSTEM") { "UTC" } else { name.as_str() };
        name.parse().map_err(|error| Error::internal("a time zone without rules").with_cause(error))
    }

    /// The catalog of the session's own schemas, as they are now.
    pub(crate) fn own_tables(&self) -> Arc<Catalog> {
        SessionTables::into_catalog(self.session_tables())
    }
}
