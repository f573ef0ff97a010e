//! Resolves every name of a statement before planning, in one batch per catalog, into the query's
//! own metadata snapshot. DataFusion plans against the snapshot and never waits for a metastore.

use crate::catalogs::{Catalog, Catalogs};
use crate::names::{QUERY_SCHEMA, no_schema, session_schema};
use crate::table::MooringTable;
use crate::views::Views;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, TableReference};
use mooring_spi::{
    CatalogKey, Error, ErrorKind, PathRequest, Result, SchemaTable, is_path, pick_name,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What an unqualified name in a session means.
#[derive(Debug, Clone)]
pub struct CurrentNames {
    pub catalog: String,
    pub schema: Option<String>,
}

/// A name as the statement has it, with the session's defaults filled in.
type TypedName = (String, String, String);

/// The catalog that reads paths where the session's current one does not: its settings reach the
/// files.
const PATH_CATALOG: &str = "lake";

/// Where tables are found.
pub(crate) struct TableSources<'a> {
    pub catalogs: &'a Catalogs,
    /// The schemas of [`crate::SESSION_SCHEMAS`].
    pub session_tables: &'a Arc<Catalog>,
    /// As [`PathRequest::viewer`].
    pub viewer: Option<&'a str>,
}

impl TableSources<'_> {
    /// The catalog that has the table: the session's own, whatever catalog stands before it.
    fn catalog(&self, reference: &TableReference, typed: &TypedName) -> Result<Arc<Catalog>> {
        if session_schema(&typed.1).is_none() {
            return self.catalogs.get(&typed.0);
        }
        if let Some(catalog) = reference.catalog() {
            self.catalogs.get(catalog)?;
        }
        Ok(self.session_tables.clone())
    }

    /// The files at a path, listed anew for each query.
    async fn path(&self, path: &str, current: &CurrentNames) -> Result<Arc<MooringTable>> {
        let request = PathRequest { path, viewer: self.viewer };
        for name in [current.catalog.as_str(), PATH_CATALOG] {
            let Some(catalog) = self.catalogs.find(name)? else { continue };
            if let Some(table) = catalog.connector.resolve_path(request).await? {
                return Ok(Arc::new(MooringTable::new(catalog, table)));
            }
        }
        Err(Error::unsupported(format!("no catalog reads the path `{path}`")))
    }

    /// A query in the language of a catalog's source, described anew for each query. It may read whatever
    /// the catalog's user at the source may, so it is for administrators.
    async fn query(&self, catalog: &str, text: &str) -> Result<Arc<MooringTable>> {
        let catalog = self.catalogs.get(catalog)?;
        let name = &catalog.definition.name;
        if let Some(user) = self.viewer {
            return Err(Error::new(
                ErrorKind::AccessDenied,
                format!("`{name}.system.query` is for administrators, and `{user}` is none"),
            ));
        }
        match catalog.connector.resolve_query(text).await? {
            Some(table) => Ok(Arc::new(MooringTable::new(catalog, table))),
            None => Err(Error::unsupported(format!(
                "catalog `{name}` has no `system.query`: catalogs of kind `{}` have no language of their own",
                catalog.definition.kind
            ))),
        }
    }

    /// What is resolved apart from the tables of a catalog.
    async fn alone(&self, alone: Alone<'_>, current: &CurrentNames) -> Result<Arc<MooringTable>> {
        match alone {
            Alone::Path(path) => self.path(path, current).await,
            Alone::Query { catalog, text } => self.query(catalog, text).await,
        }
    }
}

/// The names of one statement that one catalog resolves together.
struct NamesInCatalog {
    catalog: Arc<Catalog>,
    names: Vec<(TypedName, SchemaTable)>,
}

/// The tables of one statement, and of the views that it reads, by the names that are used.
#[derive(Debug)]
pub(crate) struct Snapshot {
    tables: HashMap<TypedName, Arc<MooringTable>>,
    views: Views,
    current: CurrentNames,
}

impl Snapshot {
    /// `references` as `identifiers::fold_relations` answers them: what stands before a dot inside
    /// a database's name is a catalog of its own there, so a schema here may hold dots.
    ///
    /// # Errors
    /// `CatalogNotFound`, `SchemaNotFound`, `TableNotFound`, `NoSchemaSelected`, `AmbiguousName`,
    /// and what the connectors answer.
    pub async fn resolve(
        references: &[TableReference],
        sources: &TableSources<'_>,
        current: &CurrentNames,
    ) -> Result<Self> {
        let catalogs = sources.catalogs;
        let mut wanted = Vec::with_capacity(references.len());
        let mut apart = Vec::new();
        for reference in references {
            let typed = typed_name(reference, current)?;
            match Alone::of(reference) {
                Some(alone) => apart.push(async move {
                    Ok::<_, Error>((typed, sources.alone(alone, current).await?))
                }),
                None => wanted.push((sources.catalog(reference, &typed)?, typed)),
            }
        }
        let (apart, first) = futures::try_join!(
            futures::future::try_join_all(apart),
            resolve_all(catalogs, wanted)
        )?;
        let mut tables: HashMap<_, _> = apart.into_iter().collect();
        let mut views = Views::default();
        let mut resolved = first;
        while !resolved.is_empty() {
            let found: Vec<_> = resolved.iter().map(|(_, table)| table.clone()).collect();
            tables.extend(resolved);
            let mut wanted: Vec<(Arc<Catalog>, TypedName)> = Vec::new();
            for (catalog, reference, names) in views.read(&found)? {
                let typed = typed_name(&reference, &names)?;
                let known = wanted.iter().any(|(_, other)| *other == typed);
                if !known && !tables.contains_key(&typed) {
                    wanted.push((catalog, typed));
                }
            }
            resolved = resolve_all(catalogs, wanted).await?;
        }
        Ok(Self { tables, views, current: current.clone() })
    }

    /// The views among the tables.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// The catalogs of its tables, but for the session's own.
    pub fn catalogs(&self) -> Vec<Arc<Catalog>> {
        let mut catalogs: Vec<Arc<Catalog>> = Vec::new();
        for table in self.tables.values().filter(|table| !table.catalog.is_session()) {
            if !catalogs.iter().any(|known| Arc::ptr_eq(known, &table.catalog)) {
                catalogs.push(table.catalog.clone());
            }
        }
        catalogs
    }

    pub fn catalog_keys(&self) -> Vec<CatalogKey> {
        let catalogs = self.tables.values().map(|table| &table.catalog);
        let mut keys: Vec<CatalogKey> = catalogs
            .filter(|catalog| !catalog.is_session())
            .map(|catalog| catalog.definition.key)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether the source of some table does more than to give its rows.
    pub fn takes_relations(&self) -> bool {
        self.tables.values().any(|table| table.catalog.connector.push_down().is_some())
    }

    /// A table by the name that the statement has for it.
    pub fn table(&self, reference: &TableReference) -> Option<Arc<MooringTable>> {
        self.table_in(reference, &self.current)
    }

    /// A table by a name where plain names mean `names`.
    pub fn table_in(
        &self,
        reference: &TableReference,
        names: &CurrentNames,
    ) -> Option<Arc<MooringTable>> {
        let typed = typed_name(reference, names).ok()?;
        self.tables.get(&typed).cloned()
    }

    /// The columns of such a table.
    pub fn schema_in(&self, reference: &TableReference, names: &CurrentNames) -> Option<SchemaRef> {
        self.table_in(reference, names).map(|table| table.table.schema.clone())
    }

    /// The columns of a table.
    pub fn schema(&self, reference: &TableReference) -> Option<SchemaRef> {
        self.schema_in(reference, &self.current)
    }
}

/// In one batch per catalog.
async fn resolve_all(
    catalogs: &Catalogs,
    wanted: Vec<(Arc<Catalog>, TypedName)>,
) -> Result<Vec<(TypedName, Arc<MooringTable>)>> {
    let mut by_catalog: BTreeMap<CatalogKey, NamesInCatalog> = BTreeMap::new();
    for (catalog, typed) in wanted {
        let name = SchemaTable::new(&typed.1, &typed.2);
        by_catalog
            .entry(catalog.definition.key)
            .or_insert_with(|| NamesInCatalog { catalog, names: Vec::new() })
            .names
            .push((typed, name));
    }
    let groups = by_catalog.into_values().map(|group| resolve_in(catalogs, group));
    let resolved = futures::future::try_join_all(groups).await?;
    Ok(resolved.into_iter().flatten().collect())
}

async fn resolve_in(
    catalogs: &Catalogs,
    NamesInCatalog { catalog, names }: NamesInCatalog,
) -> Result<Vec<(TypedName, Arc<MooringTable>)>> {
    let wanted: Vec<SchemaTable> = names.iter().map(|(_, name)| name.clone()).collect();
    let tables = catalog.connector.resolve(&wanted).await?;
    let mut resolved = Vec::with_capacity(names.len());
    for ((typed, name), table) in names.into_iter().zip(tables) {
        let Some(table) = table else {
            return Err(missing(catalogs, &catalog, &name).await);
        };
        resolved.push((typed, Arc::new(MooringTable::new(catalog.clone(), table))));
    }
    Ok(resolved)
}

/// Tells a missing table from a missing schema, and that from a catalog whose schema was left out.
async fn missing(catalogs: &Catalogs, catalog: &Catalog, name: &SchemaTable) -> Error {
    let catalog_name = &catalog.definition.name;
    let schemas = match catalog.connector.schemas().await {
        Ok(schemas) => schemas,
        Err(error) => return error,
    };
    match pick_name(&name.schema, schemas.iter().map(String::as_str)) {
        Err(error) => error,
        Ok(Some(schema)) => Error::new(
            ErrorKind::TableNotFound,
            format!("table `{catalog_name}.{schema}.{}` does not exist", name.table),
        ),
        Ok(None) => {
            let mut message =
                format!("unknown database `{}` in catalog `{catalog_name}`", name.schema);
            if let Ok(Some(namesake)) = catalogs.find(&name.schema) {
                let namesake = &namesake.definition.name;
                message.push_str(&format!(
                    "; `{namesake}` is a catalog, so name a schema of it: `{namesake}.schema.{}`",
                    name.table
                ));
            }
            Error::new(ErrorKind::SchemaNotFound, message)
        }
    }
}

fn typed_name(reference: &TableReference, current: &CurrentNames) -> Result<TypedName> {
    let catalog = reference.catalog().unwrap_or(&current.catalog).to_string();
    let schema = match reference.schema().or(current.schema.as_deref()) {
        Some(schema) => schema,
        // As the planner fills it in; a path needs none.
        None if Alone::of(reference).is_some() => "",
        None => return Err(no_schema()),
    };
    Ok((catalog, schema.to_string(), reference.table().to_string()))
}

/// A name that is not one of a catalog's tables.
enum Alone<'a> {
    Path(&'a str),
    Query { catalog: &'a str, text: &'a str },
}

impl<'a> Alone<'a> {
    fn of(reference: &'a TableReference) -> Option<Self> {
        match reference {
            TableReference::Bare { table } if is_path(table) => Some(Self::Path(table)),
            TableReference::Full { catalog, schema, table } if &**schema == QUERY_SCHEMA => {
                Some(Self::Query { catalog, text: table })
            }
            TableReference::Bare { .. }
            | TableReference::Partial { .. }
            | TableReference::Full { .. } => None,
        }
    }
}

/// The snapshot as DataFusion looks names up in it.
#[derive(Debug)]
pub(crate) struct SnapshotCatalogs(pub Arc<Snapshot>);

impl CatalogProviderList for SnapshotCatalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        Some(Arc::new(SnapshotCatalog { snapshot: self.0.clone(), catalog: name.to_string() }))
    }
}

#[derive(Debug)]
struct SnapshotCatalog {
    snapshot: Arc<Snapshot>,
    catalog: String,
}

impl CatalogProvider for SnapshotCatalog {
    fn schema_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(SnapshotSchema {
            snapshot: self.snapshot.clone(),
            catalog: self.catalog.clone(),
            schema: name.to_string(),
        }))
    }
}

#[derive(Debug)]
struct SnapshotSchema {
    snapshot: Arc<Snapshot>,
    catalog: String,
    schema: String,
}

#[async_trait]
impl SchemaProvider for SnapshotSchema {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let typed = (self.catalog.clone(), self.schema.clone(), name.to_string());
        Ok(self.snapshot.tables.get(&typed).map(|table| table.clone() as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        let typed = (self.catalog.clone(), self.schema.clone(), name.to_string());
        self.snapshot.tables.contains_key(&typed)
    }
}
