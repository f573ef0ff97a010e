//! The one table provider: a connector's table, pinned to the snapshot that the query resolved.

use crate::Catalog;
use crate::error::to_datafusion;
use crate::filtering_table::filtered;
use crate::options::MooringOptions;
use crate::planner_session::Explained;
use crate::predicate::{selects_few, to_predicate};
use crate::scan::{FilesRequest, SplitsRequest, files_plan, split_plan};
use crate::value::to_statistics;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, project_schema};
use mooring_spi::{FileScan, Predicate, Scan, ScanRequest, Table, TableKind};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct MooringTable {
    pub catalog: Arc<Catalog>,
    pub table: Table,
    /// The table's without what its fields say beside their types. DataFusion's plans would pass that on to
    /// columns of which it is not true, and refuses inputs that differ in it.
    plain_schema: SchemaRef,
}

#[async_trait]
impl TableProvider for MooringTable {
    fn schema(&self) -> SchemaRef {
        self.plain_schema.clone()
    }

    fn table_type(&self) -> TableType {
        match self.table.kind {
            TableKind::View => TableType::View,
            TableKind::Table | TableKind::System => TableType::Base,
        }
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.scan_with(session, projection, filters, &[], limit).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // A connector prunes; the engine filters again.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Arc::unwrap_or_clone(to_statistics(&self.table.statistics, &self.table.schema)))
    }
}

impl MooringTable {
    pub fn new(catalog: Arc<Catalog>, table: Table) -> Self {
        let plain_schema = plain(&table.schema);
        Self { catalog, table, plain_schema }
    }

    /// A scan of which `filters` may leave rows out, and that gives no row against `conditions`.
    ///
    /// # Errors
    /// What the connector answers.
    pub async fn scan_with(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        conditions: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let predicate = to_predicate(filters);
        let all: Vec<usize> = (0..self.table.schema.fields().len()).collect();
        let options = session.config_options().extensions.get::<MooringOptions>();
        let request = ScanRequest {
            viewer: options.map(|options| options.viewer.as_str()).filter(|name| !name.is_empty()),
            table: &self.table,
            projection: projection.unwrap_or(&all),
            predicate: &predicate,
            // A limit below a filter that only we apply would cut off rows that match.
            limit: limit.filter(|_| filters.is_empty()).map(|limit| limit as u64),
            explain: session.config().get_extension::<Explained>().is_some(),
        };
        let projected = project_schema(&self.plain_schema, projection)?;
        match self.catalog.connector.scan(request).await.map_err(to_datafusion)? {
            Scan::Files(scans) => {
                let request = FilesRequest {
                    catalog: self.catalog.definition.key,
                    schema: &self.plain_schema,
                    declared: &self.table.schema,
                    projection: projection.cloned(),
                    conditions,
                    limit: limit.filter(|_| filters.is_empty()),
                    selects_few: self.few_match(&predicate),
                };
                self.files(session, &request, scans)
            }
            Scan::Splits(scan) => {
                let statistics = to_statistics(&scan.statistics, &self.table.schema);
                let statistics = Arc::unwrap_or_clone(statistics).project(projection);
                let request = SplitsRequest {
                    catalog: &self.catalog,
                    table: format!("{}.{}", self.catalog.definition.name, self.table.name),
                    schema: projected,
                    predicate,
                    statistics: Arc::new(statistics),
                };
                filtered(session, split_plan(session, request, scan), conditions)
            }
            Scan::Rows(batches) => {
                let plan = MemorySourceConfig::try_new_exec(&[batches], projected, None)?;
                filtered(session, plan, conditions)
            }
        }
    }

    /// Whether the filters leave few rows, as far as statistics tell.
    pub fn leaves_few(&self, filters: &[Expr]) -> bool {
        self.few_match(&to_predicate(filters))
    }

    fn few_match(&self, predicate: &Predicate) -> bool {
        selects_few(predicate, &self.table.schema, &self.table.statistics)
    }

    fn files(
        &self,
        session: &dyn Session,
        request: &FilesRequest<'_>,
        scans: Vec<FileScan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plans = Vec::with_capacity(scans.len());
        for scan in scans.into_iter().filter(|scan| !scan.files.is_empty()) {
            plans.push(files_plan(session, request, scan)?);
        }
        match plans.len() {
            0 => {
                let schema = project_schema(&self.plain_schema, request.projection.as_ref())?;
                Ok(Arc::new(EmptyExec::new(schema)))
            }
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

fn plain(schema: &SchemaRef) -> SchemaRef {
    if schema.fields().iter().all(|field| field.metadata().is_empty()) {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter();
    let plain = |field: &FieldRef| field.as_ref().clone().with_metadata(HashMap::new());
    Arc::new(Schema::new(fields.map(plain).collect::<Vec<_>>()))
}
