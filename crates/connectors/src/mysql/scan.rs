//! What crosses to whoever reads: a statement, and nothing of how it came about. A push-down makes its own.

use super::condition::condition;
use super::settings::ZeroDates;
use super::types::Comparison;
use arrow::datatypes::{DataType, Schema};
use mooring_spi::{Error, Predicate, Result, SchemaTable, Split, SplitScan, TableStatistics};
use serde::{Deserialize, Serialize};

/// What a text is taken for, where nothing is known.
const TEXT_BYTES: u64 = 32;

/// What `Split::payload` holds, as JSON. Values are decoded by the types of the schema that the rows are wanted in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StatementSplit {
    pub(super) sql: String,
    /// What stands before it when it is sent.
    pub(super) settings: String,
    /// Columns that the statement selects; 0 for rows that are only counted.
    pub(super) columns: usize,
    /// By which the rows may be left out that are not wanted, as it turns out while the query runs.
    pub(super) keys: Vec<KeyColumn>,
    /// What the statement was written for already.
    pub(super) known: Predicate,
    /// Whether a user wrote it, who may change the session by it.
    pub(super) is_foreign: bool,
    /// Whether the server computes what it sends, and its columns are not those of a table.
    pub(super) is_computed: bool,
    /// How several connections read the same rows.
    pub(super) locked: Option<LockedRanges>,
}

/// Ranges of a table that see one state of it, since it is locked until all of them do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LockedRanges {
    pub(super) table: SchemaTable,
    /// Together they select what the one statement does.
    pub(super) statements: Vec<String>,
}

/// A column of the statement that the server compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyColumn {
    /// In the batches.
    pub(super) name: String,
    /// In the statement.
    pub(super) selected: String,
    pub(super) comparison: Comparison,
}

impl StatementSplit {
    /// The same for the rows that `predicate` leaves, as far as it says more than was known before, such as the
    /// keys of a join.
    pub(super) fn narrowed(mut self, predicate: &Predicate, zero_dates: ZeroDates) -> Self {
        let conditions = self.conditions(predicate, zero_dates);
        if !conditions.is_empty() {
            let conditions = conditions.join(" AND ");
            let ranges = self.locked.iter_mut().flat_map(|locked| &mut locked.statements);
            for sql in ranges.chain([&mut self.sql]) {
                *sql = format!("SELECT * FROM (\n{sql}\n) AS r WHERE {conditions}");
            }
        }
        self
    }

    fn conditions(&self, predicate: &Predicate, zero_dates: ZeroDates) -> Vec<String> {
        let mut conditions = Vec::new();
        for key in &self.keys {
            let domain = predicate.get(&key.name);
            let Some(domain) = domain.filter(|domain| self.known.get(&key.name) != Some(domain))
            else {
                continue;
            };
            conditions.extend(condition(&key.selected, key.comparison, domain, zero_dates));
        }
        conditions
    }

    pub(super) fn read(split: &Split) -> Result<Self> {
        serde_json::from_str(&split.payload).map_err(|error| {
            Error::internal(format!("split `{}` is none of a `mysql` table", split.label))
                .with_cause(error)
        })
    }
}

/// A scan of one piece, of which nothing is known, and whose columns the server computes. They are those of the schema in
/// their order, and of types that hold theirs (see `docs/mysql-source.md`); without columns one that nobody looks at.
///
/// # Errors
/// `Internal`.
pub(super) fn statement(only: SplitOf<'_>) -> Result<SplitScan> {
    let label = only.sql.clone();
    let splits = vec![only.labelled(label, true, None)?];
    Ok(SplitScan { splits, readers_max: 1, statistics: TableStatistics::default(), lease: None })
}

/// What a split is made of.
pub(super) struct SplitOf<'a> {
    pub(super) sql: String,
    pub(super) settings: &'static str,
    pub(super) columns: &'a Schema,
    pub(super) keys: &'a [KeyColumn],
    pub(super) known: &'a Predicate,
    /// About how many there are.
    pub(super) rows: u64,
    pub(super) is_foreign: bool,
}

impl SplitOf<'_> {
    pub(super) fn split(self) -> Result<Split> {
        let label = self.sql.clone();
        self.labelled(label, false, None)
    }

    /// One piece, whose reader has several connections.
    pub(super) fn locked(self, locked: LockedRanges) -> Result<Split> {
        let label = format!("{} ranges under a lock: {}", locked.statements.len(), self.sql);
        self.labelled(label, false, Some(locked))
    }

    fn labelled(
        self,
        label: String,
        is_computed: bool,
        locked: Option<LockedRanges>,
    ) -> Result<Split> {
        let fields = self.columns.fields();
        let row_bytes = fields.iter().map(|field| width_bytes(field.data_type())).sum();
        let payload = StatementSplit {
            sql: self.sql,
            settings: self.settings.to_owned(),
            columns: fields.len(),
            keys: self.keys.to_vec(),
            known: self.known.clone(),
            is_foreign: self.is_foreign,
            is_computed,
            locked,
        };
        let payload = serde_json::to_string(&payload)
            .map_err(|error| Error::internal("a split cannot be written").with_cause(error))?;
        Ok(Split { payload, label, size_bytes: self.rows.saturating_mul(row_bytes) })
    }
}

fn width_bytes(data_type: &DataType) -> u64 {
    data_type.primitive_width().map_or(TEXT_BYTES, |width| width as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;
    use mooring_spi::{Bound, Domain, Range, Value};
    use std::sync::Arc;

    #[test]
    fn a_statement_is_one_split() {
        let columns = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("t", DataType::Utf8, true),
        ]));
        let sql = format!("SELECT {}", "ü".repeat(1000));
        let keys = [KeyColumn {
            name: "n".into(),
            selected: "c0".into(),
            comparison: Comparison::Integer,
        }];
        let known = Predicate::new();
        let of = SplitOf {
            sql: sql.clone(),
            settings: "",
            columns: &columns,
            keys: &keys,
            known: &known,
            rows: 10,
            is_foreign: false,
        };
        let only = of.split().expect("a split");
        assert_eq!(only.size_bytes, 400);
        assert_eq!(only.label, sql);
        let read = StatementSplit::read(&only).expect("a payload");
        assert_eq!((&read.sql, read.columns), (&sql, 2));
        let narrowed = |domain| {
            let predicate = Predicate::from([("n".to_owned(), domain)]);
            read.clone().narrowed(&predicate, ZeroDates::Error).sql
        };
        let keys = Domain { ranges: vec![Range::exactly(Value::Int(7))], nulls: false };
        assert_eq!(narrowed(keys), format!("SELECT * FROM (\n{sql}\n) AS r WHERE (`c0` = 7)"));
        let all = Range { low: Bound::Unbounded, high: Bound::Unbounded };
        assert_eq!(narrowed(Domain { ranges: vec![all], nulls: true }), sql);
    }

    #[test]
    fn every_range_is_narrowed() {
        let columns = Schema::new(vec![Field::new("n", DataType::Int64, true)]);
        let (name, selected) = ("n".to_owned(), "n".to_owned());
        let keys = [KeyColumn { name, selected, comparison: Comparison::Integer }];
        let sql = "SELECT `n` FROM `d`.`t`".to_owned();
        let known = Predicate::new();
        let of = SplitOf {
            sql,
            settings: "",
            columns: &columns,
            keys: &keys,
            known: &known,
            rows: 10,
            is_foreign: false,
        };
        let statements =
            ["(`n` < 5)", "(`n` >= 5)"].map(|range| format!("{} WHERE {range}", of.sql));
        let table = SchemaTable::new("d", "t");
        let split = of.locked(LockedRanges { table, statements: statements.to_vec() });
        let split = split.expect("a split");
        assert_eq!(split.label, "2 ranges under a lock: SELECT `n` FROM `d`.`t`");
        let ranges = |domain: Option<Domain>| {
            let predicate = domain.map(|domain| ("n".to_owned(), domain)).into_iter().collect();
            let read = StatementSplit::read(&split).expect("a payload");
            let narrowed = read.narrowed(&predicate, ZeroDates::Error);
            (narrowed.sql, narrowed.locked.expect("ranges").statements)
        };
        let plain = "SELECT `n` FROM `d`.`t`".to_owned();
        assert_eq!(ranges(None), (plain.clone(), statements.to_vec()));
        let seven = Domain { ranges: vec![Range::exactly(Value::Int(7))], nulls: false };
        let narrowed = |sql: &String| format!("SELECT * FROM (\n{sql}\n) AS r WHERE (`n` = 7)");
        let all: Vec<String> = statements.iter().map(narrowed).collect();
        assert_eq!(ranges(Some(seven)), (narrowed(&plain), all));
    }
}
