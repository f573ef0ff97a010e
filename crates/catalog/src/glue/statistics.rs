//! Statistics that Glue keeps of columns, since a task of its own or another engine has computed them.
//!
//! Source: AWS Glue Web API Reference, `GetColumnStatisticsForTable` and `ColumnStatisticsData`.

use super::GlueMetastore;
use super::client::Answer;
use crate::hive_tables::{stored_count, stored_decimal};
use arrow::datatypes::{DataType, TimeUnit};
use aws_sdk_glue::config::Builder;
use aws_sdk_glue::config::retry::RetryConfig;
use aws_sdk_glue::primitives::DateTime;
use aws_sdk_glue::types::{ColumnStatistics as GlueColumn, ColumnStatisticsData, DecimalNumber};
use futures::future::try_join_all;
use mooring_spi::{ColumnStatistics, Result, TableDefinition, TableStatistics, Value, fold};
use std::collections::HashMap;
use tracing::debug;

/// Names of columns per call; the most that Glue allows.
const NAMES_AT_ONCE: usize = 100;
/// Of wider tables, the first ones.
const COLUMNS_MAX: usize = 400;
const SECONDS_PER_DAY: i64 = 86_400;

impl GlueMetastore {
    pub(super) async fn table_statistics(
        &self,
        table: &TableDefinition,
    ) -> Option<TableStatistics> {
        self.statistics.of(table, self.column_statistics(table)).await
    }

    /// Empty where none are kept; `None` where a call failed: it is not allowed, or the endpoint is one
    /// that lacks it.
    async fn column_statistics(&self, table: &TableDefinition) -> Option<Vec<ColumnStatistics>> {
        let fields = table.columns.fields();
        let own = fields.len().saturating_sub(table.partition_columns);
        let names: Vec<String> =
            fields.iter().take(own.min(COLUMNS_MAX)).map(|field| fold(field.name())).collect();
        let calls: Vec<_> =
            names.chunks(NAMES_AT_ONCE).map(|names| self.columns_told(table, names)).collect();
        match try_join_all(calls).await {
            Ok(told) => Some(by_column(table, &told.concat())),
            Err(error) => {
                let TableDefinition { schema_name, name, .. } = table;
                debug!(schema = schema_name, table = name, %error, "no statistics of columns");
                None
            }
        }
    }

    async fn columns_told(
        &self,
        table: &TableDefinition,
        names: &[String],
    ) -> Result<Vec<GlueColumn>> {
        let method = "GetColumnStatisticsForTable";
        let call = |client: aws_sdk_glue::Client| {
            client
                .get_column_statistics_for_table()
                .set_catalog_id(self.catalog_id())
                .database_name(&table.schema_name)
                .table_name(&table.name)
                .set_column_names(Some(names.to_vec()))
                .customize()
                // A query waits for it, and can do without.
                .config_override(Builder::new().retry_config(RetryConfig::disabled()))
                .send()
        };
        match self.client.call(method, call).await? {
            Answer::Value(told) => Ok(told.column_statistics_list.unwrap_or_default()),
            Answer::Absent => Ok(Vec::new()),
            Answer::Refused(why) => Err(self.client.refused(method, &why)),
        }
    }
}

/// One entry per column, or none where nothing is told.
fn by_column(table: &TableDefinition, told: &[GlueColumn]) -> Vec<ColumnStatistics> {
    let fields = table.columns.fields();
    let own = fields.len().saturating_sub(table.partition_columns);
    let places: HashMap<String, usize> =
        fields.iter().take(own).map(|field| fold(field.name())).zip(0..).collect();
    let mut columns = Vec::new();
    for column in told {
        let place = places.get(&fold(column.column_name()));
        let (Some(&place), Some(data)) = (place, column.statistics_data()) else { continue };
        columns.resize(fields.len(), ColumnStatistics::default());
        columns[place] = of_column(data, fields[place].data_type());
    }
    columns
}

/// Of the kinds of data one is there. Ends of another type than the column's, which has changed since, are
/// left out.
fn of_column(data: &ColumnStatisticsData, data_type: &DataType) -> ColumnStatistics {
    let counted = |nulls: i64, distinct: Option<i64>| ColumnStatistics {
        nulls: stored_count(Some(nulls)),
        distinct: stored_count(distinct),
        ..ColumnStatistics::default()
    };
    if let Some(kind) = data.boolean_column_statistics_data() {
        let sides = [kind.number_of_trues(), kind.number_of_falses()];
        let distinct = sides.into_iter().filter(|rows| *rows > 0).count() as i64;
        return counted(kind.number_of_nulls(), Some(distinct));
    }
    if let Some(kind) = data.long_column_statistics_data() {
        let distinct = kind.number_of_distinct_values();
        let ends = (kind.minimum_value(), kind.maximum_value());
        let end = |stored| whole(stored, data_type).filter(|_| are_told(ends, distinct));
        let (min, max) = (end(ends.0), end(ends.1));
        return ColumnStatistics { min, max, ..counted(kind.number_of_nulls(), Some(distinct)) };
    }
    if let Some(kind) = data.double_column_statistics_data() {
        let distinct = kind.number_of_distinct_values();
        let ends = (kind.minimum_value(), kind.maximum_value());
        let end = |stored| float(stored, data_type).filter(|_| are_told(ends, distinct));
        let (min, max) = (end(ends.0), end(ends.1));
        return ColumnStatistics { min, max, ..counted(kind.number_of_nulls(), Some(distinct)) };
    }
    if let Some(kind) = data.date_column_statistics_data() {
        let end = |stored: Option<&DateTime>| time(stored?, data_type);
        let (min, max) = (end(kind.minimum_value()), end(kind.maximum_value()));
        let counts = counted(kind.number_of_nulls(), Some(kind.number_of_distinct_values()));
        return ColumnStatistics { min, max, ..counts };
    }
    if let Some(kind) = data.decimal_column_statistics_data() {
        let end = |stored: Option<&DecimalNumber>| decimal(stored?, data_type);
        let (min, max) = (end(kind.minimum_value()), end(kind.maximum_value()));
        let counts = counted(kind.number_of_nulls(), Some(kind.number_of_distinct_values()));
        return ColumnStatistics { min, max, ..counts };
    }
    if let Some(kind) = data.string_column_statistics_data() {
        return counted(kind.number_of_nulls(), Some(kind.number_of_distinct_values()));
    }
    let binary = data.binary_column_statistics_data();
    binary.map(|kind| counted(kind.number_of_nulls(), None)).unwrap_or_default()
}

/// The SDK has zeros where Glue says nothing: two equal ends count only where there is one value.
fn are_told<T: PartialEq>((low, high): (T, T), distinct: i64) -> bool {
    low != high || distinct == 1
}

fn whole(number: i64, data_type: &DataType) -> Option<Value> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            Some(Value::Int(number))
        }
        _ => None,
    }
}

fn float(number: f64, data_type: &DataType) -> Option<Value> {
    match data_type {
        DataType::Float32 | DataType::Float64 => Some(Value::Float(number)),
        _ => None,
    }
}

/// Glue has days and times alike as instants.
fn time(end: &DateTime, data_type: &DataType) -> Option<Value> {
    match data_type {
        DataType::Date32 => {
            Some(Value::Date(i32::try_from(end.secs().div_euclid(SECONDS_PER_DAY)).ok()?))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let whole = end.secs().checked_mul(1_000_000)?;
            Some(Value::Timestamp(whole.checked_add(i64::from(end.subsec_nanos() / 1_000))?))
        }
        _ => None,
    }
}

fn decimal(end: &DecimalNumber, data_type: &DataType) -> Option<Value> {
    match data_type {
        DataType::Decimal128(_, scale) => {
            stored_decimal(end.unscaled_value().as_ref(), end.scale().into(), *scale)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
