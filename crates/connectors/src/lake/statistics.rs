//! What files together tell of a table.

use super::snapshot::{ColumnFacts, SnapshotFile};
use arrow::datatypes::Schema;
use mooring_spi::{ColumnStatistics, Count, TableStatistics, Value};
use std::cmp::Ordering;

/// Statistics over these files: exact where every footer is known, else by `rows_per_byte` where
/// that is.
pub(super) fn files_statistics(
    files: &[&SnapshotFile],
    schema: &Schema,
    partition_columns: usize,
    rows_per_byte: Option<f64>,
) -> TableStatistics {
    let stored_bytes: u64 = files.iter().map(|file| file.entry.size_bytes).sum();
    let mut rows = 0_u64;
    let mut data_bytes = 0_u64;
    for file in files {
        let Some(footer) = &file.footer else {
            let rows = rows_per_byte
                .map(|rate| Count::Estimate((rate * stored_bytes as f64).round() as u64));
            return TableStatistics {
                rows: rows.unwrap_or_default(),
                bytes: Count::Estimate(stored_bytes),
                columns: Vec::new(),
            };
        };
        rows = rows.saturating_add(footer.rows);
        data_bytes = data_bytes.saturating_add(footer.data_bytes);
    }
    let columns = (0..schema.fields().len())
        .map(|column| column_statistics(files, schema, partition_columns, column))
        .collect();
    TableStatistics { rows: Count::Exact(rows), bytes: Count::Estimate(data_bytes), columns }
}

/// What files without footers hold, by what a metastore has counted in all of them.
pub(super) fn rows_per_byte(rows: Count, bytes: Count) -> Option<f64> {
    match (number(rows)?, number(bytes)?) {
        (_, 0) => None,
        (rows, bytes) => Some(rows as f64 / bytes as f64),
    }
}

pub(super) fn number(count: Count) -> Option<u64> {
    match count {
        Count::Exact(number) | Count::Estimate(number) => Some(number),
        Count::Unknown => None,
    }
}

/// Nulls are counted exactly or not at all. Minimum and maximum are values of the column, or
/// absent: a bound that is not a value is of use for pruning only.
fn column_statistics(
    files: &[&SnapshotFile],
    schema: &Schema,
    partition_columns: usize,
    column: usize,
) -> ColumnStatistics {
    let mut nulls = Some(0_u64);
    let mut ends = Some(Ends::default());
    for file in files {
        let rows = file.footer.as_ref().map_or(0, |footer| footer.rows);
        if rows == 0 {
            continue;
        }
        let (file_nulls, file_ends) = match file.column_facts(schema, partition_columns, column) {
            ColumnFacts::Value(Value::Null) | ColumnFacts::AllNull => {
                (Some(rows), Some(Ends::default()))
            }
            ColumnFacts::Value(value) => (Some(0), Some(Ends::of(value, value))),
            ColumnFacts::Footer { column, .. } => {
                let ends = match &column.range {
                    Some(range) if range.exact => Some(Ends::of(&range.min, &range.max)),
                    Some(_) => None,
                    None => (column.nulls == Some(rows)).then(Ends::default),
                };
                (column.nulls, ends)
            }
            ColumnFacts::Unknown => (None, None),
        };
        nulls = nulls.zip(file_nulls).map(|(sum, nulls)| sum.saturating_add(nulls));
        ends = ends.zip(file_ends).and_then(|(all, file)| all.join(file));
    }
    let Ends { min, max } = ends.unwrap_or_default();
    ColumnStatistics {
        nulls: nulls.map_or(Count::Unknown, Count::Exact),
        distinct: Count::Unknown,
        min,
        max,
    }
}

/// The least and the greatest value; none where there is no value at all.
#[derive(Default)]
struct Ends {
    min: Option<Value>,
    max: Option<Value>,
}

impl Ends {
    fn of(min: &Value, max: &Value) -> Self {
        Self { min: Some(min.clone()), max: Some(max.clone()) }
    }

    /// `None` when two values do not compare.
    fn join(self, other: Self) -> Option<Self> {
        Some(Self {
            min: pick(self.min, other.min, Ordering::Less)?,
            max: pick(self.max, other.max, Ordering::Greater)?,
        })
    }
}

fn pick(a: Option<Value>, b: Option<Value>, wanted: Ordering) -> Option<Option<Value>> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let order = a.compare(&b)?;
            Some(Some(if order == wanted { a } else { b }))
        }
        (a, b) => Some(a.or(b)),
    }
}
