//! What crosses to whoever reads: a statement, and nothing of how it came about. A push-down makes its own.

use arrow::datatypes::{DataType, Schema, SchemaRef};
use mooring_spi::{Error, Result, Split, SplitScan, TableStatistics};
use serde::{Deserialize, Serialize};

/// Of a statement in what `EXPLAIN` shows.
const LABEL_MAX_BYTES: usize = 400;
/// What a text is taken for, where nothing is known.
const TEXT_BYTES: u64 = 32;

/// What `Split::payload` holds, as JSON. Values are decoded by the types of the schema that the rows are wanted in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatementSplit {
    pub(super) sql: String,
    /// Columns that the statement selects; 0 for rows that are only counted.
    pub(super) columns: usize,
}

impl StatementSplit {
    pub(super) fn read(split: &Split) -> Result<Self> {
        serde_json::from_str(&split.payload).map_err(|error| {
            Error::internal(format!("split `{}` is none of a `mysql` table", split.label))
                .with_cause(error)
        })
    }
}

/// A scan of the rows that `sql` selects, whose columns are those of `columns` in their order and of types that hold
/// theirs (see `docs/mysql-source.md`). A statement without columns selects one that nobody looks at.
///
/// # Errors
/// `Internal`.
pub fn statement_scan(sql: String, columns: SchemaRef) -> Result<SplitScan> {
    let splits = vec![split(sql, &columns, 0)?];
    Ok(SplitScan { splits, statistics: TableStatistics::default() })
}

/// `rows`: about how many there are.
pub(super) fn split(sql: String, columns: &Schema, rows: u64) -> Result<Split> {
    let mut label = sql.clone();
    if label.len() > LABEL_MAX_BYTES {
        label.truncate(label.floor_char_boundary(LABEL_MAX_BYTES));
        label.push('…');
    }
    let row_bytes = columns.fields().iter().map(|field| width_bytes(field.data_type())).sum();
    let payload = StatementSplit { sql, columns: columns.fields().len() };
    let payload = serde_json::to_string(&payload)
        .map_err(|error| Error::internal("a split cannot be written").with_cause(error))?;
    Ok(Split { payload, label, size_bytes: rows.saturating_mul(row_bytes) })
}

fn width_bytes(data_type: &DataType) -> u64 {
    data_type.primitive_width().map_or(TEXT_BYTES, |width| width as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;
    use std::sync::Arc;

    #[test]
    fn a_statement_is_one_split() {
        let columns = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("t", DataType::Utf8, true),
        ]));
        let sql = format!("SELECT {}", "ü".repeat(1000));
        let scan = statement_scan(sql.clone(), Arc::clone(&columns)).expect("a scan");
        let [only] = scan.splits.as_slice() else { panic!("{:?}", scan.splits) };
        let read = StatementSplit::read(only).expect("a payload");
        assert_eq!(read, StatementSplit { sql, columns: 2 });
        assert!(only.label.starts_with("SELECT üü") && only.label.len() < 410);
        assert_eq!(split(String::new(), &columns, 10).expect("a split").size_bytes, 400);
    }
}
