//! Queries of a session: from the parsed statement to a result set with the labels that the client
//! expects.

use super::{Completion, LongStatement, OutputColumn, Response, ResultSet, Session};
use crate::information_schema::SessionTables;
use crate::query::{NewQuery, QueryRun, RunRequest};
use crate::statement::{
    Label, QueryStatement, Scope, VariableProvider, VariableValue, make_unique,
};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use futures::StreamExt;
use mooring_engine::{CurrentNames, MooringOptions, PushDownMode, QueryContext, QueryTasks};
use mooring_spi::{Error, ErrorKind, Result};
use sqlparser::ast::{Expr, LimitClause, Query, Value};
use std::sync::Arc;
use std::time::Duration;

/// More partitions than this on one node only cost.
const TARGET_PARTITIONS_MAX: usize = 1024;

impl Session {
    pub(super) async fn query(
        &mut self,
        query: QueryStatement,
        sql: &str,
        admitted: Option<LongStatement>,
    ) -> Result<Response> {
        let tables = self.session_tables();
        let left_out = tables.warnings.clone();
        let mut context = self.query_context(tables)?;
        let mut planned = query.query;
        make_unique(&mut planned);
        self.limit_rows(&mut planned)?;
        let record = self.runner.queries.receive(&NewQuery {
            user: &self.client.user,
            connection_id: self.client.connection_id,
            statement: sql,
            time_limit: self.time_limit()?,
        })?;
        self.place.set_query(&record);
        context.options.query_id = record.id.clone();
        context.tasks = record.tasks.clone();
        let request = RunRequest { query: planned.into(), context, admitted };
        if let Some(explain) = query.explain {
            let tasks = record.tasks.clone();
            let mut text = self.runner.explain(record, request, explain).await?;
            if explain.analyze {
                text.push_str(&task_lines(&tasks));
            }
            return ResultSet::of_lines("EXPLAIN", &text).map(Response::Rows);
        }
        let begun = self.runner.begin(record, request).await;
        let run = match self.first_rows_wait {
            None => begun.started().await?,
            Some(wait) => begun.started_within(wait).await?,
        };
        self.warnings.append(&mut left_out.lock());
        if let Some(variable) = query.into {
            return self.select_into(&variable, run).await;
        }
        let columns = output_columns(&run.schema, &query.labels);
        Ok(Response::Rows(ResultSet { columns, batches: run.batches }))
    }

    /// MySQL's `max_execution_time`: milliseconds, 0 for no limit.
    fn time_limit(&self) -> Result<Option<Duration>> {
        let limit_ms = u64::try_from(self.variables.int("max_execution_time")?).unwrap_or_default();
        Ok((limit_ms > 0).then(|| Duration::from_millis(limit_ms)))
    }

    /// MySQL's `sql_select_limit`: for a SELECT that has no limit of its own.
    fn limit_rows(&self, query: &mut Query) -> Result<()> {
        let unlimited = query.limit_clause.is_none() && query.fetch.is_none();
        let limit = self.variables.get(Scope::Session, "sql_select_limit")?.to_string();
        if unlimited && limit != u64::MAX.to_string() {
            let limit = Expr::Value(Value::Number(limit, false).into());
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(limit),
                offset: None,
                limit_by: Vec::new(),
            });
        }
        Ok(())
    }

    pub(super) fn query_context(&self, tables: SessionTables) -> Result<QueryContext> {
        let number = |name: &str| -> Result<usize> {
            usize::try_from(self.variables.int(name)?)
                .map_err(|_| Error::internal(format!("variable `{name}` is negative")))
        };
        let mut options = MooringOptions::default();
        options.sql_mode = self.variables.text("sql_mode")?;
        options.time_zone = match self.variables.text("time_zone")? {
            zone if zone.eq_ignore_ascii_case("SYSTEM") => "UTC".to_string(),
            zone => zone,
        };
        if !self.client.administrator {
            options.viewer.clone_from(&self.client.user);
        }
        options.batch_size_rows = number("batch_size")?;
        options.dynamic_filter_wait_ms =
            u64::try_from(self.variables.int("dynamic_filter_wait_ms")?)
                .map_err(|_| Error::internal("variable `dynamic_filter_wait_ms` is negative"))?;
        let functions = self.functions(&options.time_zone);
        Ok(QueryContext {
            options,
            current: CurrentNames { catalog: self.catalog.clone(), schema: self.schema.clone() },
            session_tables: tables.into_catalog(),
            target_partitions: number("target_partitions")?.min(TARGET_PARTITIONS_MAX),
            distributed_bytes_per_partition: number("distributed_bytes_per_partition")?,
            broadcast_join_bytes_max: number("broadcast_join_bytes_max")?,
            variables: Arc::new(VariableProvider::new(&self.variables)),
            functions,
            tasks: Arc::default(),
            explain: false,
            push_down: self.push_down()?,
        })
    }

    fn push_down(&self) -> Result<PushDownMode> {
        let on = |name: &str| Ok::<_, Error>(self.variables.int(name)? != 0);
        Ok(match (on("pushdown")?, on("pushdown_verify")?) {
            (false, _) => PushDownMode::Off,
            (true, false) => PushDownMode::On,
            (true, true) => PushDownMode::Verified,
        })
    }

    /// `SELECT ... INTO @variable`: one row of one column.
    async fn select_into(&mut self, variable: &str, run: QueryRun) -> Result<Response> {
        let mut batches = run.batches;
        let mut value = None;
        let mut rows = 0;
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            rows += batch.num_rows();
            if rows > 1 || batch.num_columns() != 1 {
                return Err(Error::new(
                    ErrorKind::InvalidQuery,
                    format!("`INTO @{variable}` takes one row of one column"),
                ));
            }
            if batch.num_rows() == 1 {
                value = Some(single_value(&batch)?);
            }
        }
        if let Some(value) = value {
            self.variables.set_user(variable, value)?;
        }
        Ok(Response::Done(Completion { affected_rows: rows as u64, ..Completion::default() }))
    }
}

fn single_value(batch: &RecordBatch) -> Result<VariableValue> {
    let column = batch.column(0);
    if column.is_null(0) {
        return Ok(VariableValue::Null);
    }
    let wrong = |error| Error::internal("a value has no text").with_cause(error);
    if column.data_type().is_signed_integer() {
        let numbers = cast(column, &DataType::Int64).map_err(wrong)?;
        return Ok(VariableValue::Int(
            numbers.as_primitive::<arrow::datatypes::Int64Type>().value(0),
        ));
    }
    let text = cast(column, &DataType::Utf8).map_err(wrong)?;
    Ok(VariableValue::Text(text.as_string::<i32>().value(0).to_string()))
}

/// The labels of the columns: those of the items up to the first wildcard from the front, those
/// after the last one from the back, and the columns' own names in between.
pub(super) fn output_columns(schema: &SchemaRef, labels: &[Label]) -> Vec<OutputColumn> {
    let text = |label: Option<&Label>| match label {
        Some(Label::Text(text)) => Some(text.clone()),
        Some(Label::Wildcard) | None => None,
    };
    let count = schema.fields().len();
    let before = labels.iter().position(|label| *label == Label::Wildcard).unwrap_or(labels.len());
    let after = match before < labels.len() {
        true => labels.iter().rev().position(|label| *label == Label::Wildcard).unwrap_or(0),
        false => 0,
    };
    let label = |index: usize| {
        if index < before {
            return text(labels.get(index));
        }
        let from_back = count - index;
        match from_back <= after {
            true => text(labels.get(labels.len() - from_back)),
            false => None,
        }
    };
    let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| OutputColumn {
        label: label(index).unwrap_or_else(|| field.name().clone()),
        field: field.clone(),
    };
    schema.fields().iter().enumerate().map(column).collect()
}

/// The tasks of a query, one line each.
fn task_lines(tasks: &QueryTasks) -> String {
    let mut lines = String::new();
    for task in tasks.records() {
        lines.push_str(&format!(
            "stage {} task {} on {}: {}, {} rows, {} bytes, {} ms\n",
            task.stage_id,
            task.task_id,
            task.worker,
            task.state.as_str(),
            task.rows,
            task.bytes,
            task.elapsed.as_millis()
        ));
    }
    match lines.is_empty() {
        true => lines,
        false => format!("\nTasks:\n{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Field, Schema};

    fn labelled(names: &[&str], labels: &[Option<&str>]) -> Vec<String> {
        let fields: Vec<Field> =
            names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect();
        let labels: Vec<Label> = labels
            .iter()
            .map(|label| match label {
                Some(text) => Label::Text((*text).to_string()),
                None => Label::Wildcard,
            })
            .collect();
        let columns = output_columns(&Arc::new(Schema::new(fields)), &labels);
        columns.into_iter().map(|column| column.label).collect()
    }

    #[test]
    fn a_wildcard_takes_the_columns_between_its_neighbours() {
        let labels = labelled(&["x", "a", "b", "y"], &[Some("1+1"), None, Some("count(*)")]);
        assert_eq!(labels, ["1+1", "a", "b", "count(*)"]);
    }

    #[test]
    fn without_labels_the_columns_keep_their_names() {
        assert_eq!(labelled(&["column1"], &[]), ["column1"]);
    }
}
