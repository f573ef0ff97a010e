//! The scan of what a source was asked to do.

use super::worth::rows;
use crate::catalogs::Catalog;
use crate::error::to_datafusion;
use crate::scan::{SplitsRequest, split_plan};
use crate::value::to_statistics;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Fields, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, project_schema};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use itertools::Itertools;
use mooring_spi::{
    Count, Error, Predicate, PushDownRequest, Relation, RelationColumn, TableStatistics,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Names of columns are those of the plan up to this length: sources cut longer ones (PostgreSQL those of more than 63
/// bytes), and equal ones have something behind them.
const NAME_LENGTH_MAX: usize = 48;

#[derive(Debug)]
pub(super) struct PushedTable {
    catalog: Arc<Catalog>,
    relation: Relation,
    names: Vec<String>,
    schema: SchemaRef,
    /// Whether the plan around it depends on the number of rows, which is known once all of it is there.
    needs_estimate: Arc<AtomicBool>,
}

impl PushedTable {
    /// `fields`: what the plan has where the relation takes its place.
    pub fn new(
        catalog: Arc<Catalog>,
        relation: Relation,
        fields: &Fields,
        needs_estimate: Arc<AtomicBool>,
    ) -> Self {
        let names = names(fields, relation.columns.len());
        let columns = names.iter().zip(&relation.columns).enumerate();
        let field = |(index, (name, column)): (usize, (&String, &RelationColumn))| match fields
            .get(index)
        {
            Some(field) => field.as_ref().clone().with_name(name),
            None => Field::new(name, column.data_type.clone(), column.nullable),
        };
        let schema = Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()));
        Self { catalog, relation, names, schema, needs_estimate }
    }

    /// What the source knows of the rows, else what is guessed.
    fn known(&self, mut statistics: TableStatistics) -> TableStatistics {
        if statistics.rows == Count::Unknown
            && let Some(rows) = rows(&self.relation)
        {
            statistics.rows = Count::Estimate(rows as u64);
        }
        statistics
    }
}

#[async_trait]
impl TableProvider for PushedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = self.catalog.connector.push_down().ok_or_else(|| {
            to_datafusion(Error::internal("a source that takes no relations was given one"))
        })?;
        let request = PushDownRequest {
            relation: &self.relation,
            names: &self.names,
            needs_estimate: self.needs_estimate.load(Ordering::Relaxed),
        };
        let mut scan = source.scan(request).await.map_err(to_datafusion)?;
        scan.statistics = self.known(scan.statistics);
        let catalog = &self.catalog.definition.name;
        let tables =
            self.relation.tables().into_iter().map(|table| format!("{catalog}.{}", table.name));
        let name = tables.unique().join(", ");
        let request = SplitsRequest {
            catalog: &self.catalog,
            table: name,
            schema: self.schema.clone(),
            predicate: Predicate::new(),
            statistics: to_statistics(&scan.statistics, &self.schema),
        };
        projected(split_plan(session, request, scan), projection)
    }
}

fn projected(
    plan: Arc<dyn ExecutionPlan>,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(projection) = projection else { return Ok(plan) };
    let schema = project_schema(&plan.schema(), Some(projection))?;
    let columns = projection.iter().zip(schema.fields()).map(|(index, field)| ProjectionExpr {
        expr: Arc::new(Column::new(field.name(), *index)),
        alias: field.name().clone(),
    });
    Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), plan)?))
}

/// A name of its own for each column: the field's, which may be the text of an expression, where any source takes it.
fn names(fields: &Fields, count: usize) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(count);
    for index in 0..count {
        let wanted =
            fields.get(index).map(|field| field.name().as_str()).filter(|name| is_taken(name));
        let unnamed = || format!("column {} of the statement", index + 1);
        let mut name = wanted.map_or_else(unnamed, str::to_owned);
        while !taken.insert(name.to_ascii_lowercase()) {
            name.push('_');
        }
        names.push(name);
    }
    names
}

/// Whether any source takes it, in quotes: whatever character set it has.
fn is_taken(name: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::DataType;

    #[test]
    fn columns_have_names_of_their_own() {
        let long = "x".repeat(NAME_LENGTH_MAX + 1);
        let names_of = |wanted: &[&str], count| {
            let field = |name: &&str| Field::new(*name, DataType::Int64, true);
            names(&Fields::from(wanted.iter().map(field).collect::<Vec<_>>()), count)
        };
        assert_eq!(
            names_of(&["a", "A", "sum(t.x)", "größe", "t.a + Utf8(\"\0\")", &long, ""], 8),
            [
                "a",
                "A_",
                "sum(t.x)",
                "column 4 of the statement",
                "column 5 of the statement",
                "column 6 of the statement",
                "column 7 of the statement",
                "column 8 of the statement",
            ]
        );
        let other = "column 2 of the statement";
        assert_eq!(names_of(&[other, "größe"], 2), [other, "column 2 of the statement_"]);
    }
}
