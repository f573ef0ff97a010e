//! What the database does itself: relations of several of its tables, and queries in its own language.

use super::connector::{PostgresConnector, TableHandle, locks};
use super::metadata::{PlanNode, types_of};
use super::protocol::NamedColumn;
use super::sql::{identifier, selected_as};
use super::types::{Column, Decode, NativeText, Types};
use crate::database::Purpose;
use crate::sql::{
    Collation, Form, OutputColumn, PostgresDialect, ReadAs, SourceColumn, SourceTable, SqlWriter,
};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use mooring_spi::{
    Count, Error, ErrorKind, Expression, PushDown, PushDownRequest, Relation, Result, SchemaTable,
    SplitScan, Table, TableKind, TableStatistics, Unsupported,
};
use std::sync::Arc;

type Supported<T> = std::result::Result<T, Unsupported>;

#[async_trait]
impl PushDown for PostgresConnector {
    fn supports(&self, relation: &Relation) -> Supported<()> {
        let source_table = |table: &Arc<Table>| self.source_table(table);
        let statement = writer(&source_table).statement(relation)?;
        for column in &statement.columns {
            if let OutputColumn::Computed(data_type) = column {
                Decode::of(data_type).map_err(|error| Unsupported(error.message().to_owned()))?;
            }
        }
        Ok(())
    }

    fn supports_expression(&self, expression: &Expression, inputs: &[&Relation]) -> Supported<()> {
        let source_table = |table: &Arc<Table>| self.source_table(table);
        writer(&source_table).supports_expression(expression, inputs)
    }

    async fn scan(&self, request: PushDownRequest<'_>) -> Result<SplitScan> {
        let source_table = |table: &Arc<Table>| self.source_table(table);
        let written = writer(&source_table).statement(request.relation);
        let statement = written.map_err(|Unsupported(reason)| {
            Error::internal(format!("a relation that PostgreSQL does not do: {reason}"))
        })?;
        let mut handles = Vec::new();
        for table in request.relation.tables() {
            handles.push((table.name.clone(), self.handles.get(table, TableHandle::read)?));
        }
        let mut columns = Vec::with_capacity(request.names.len());
        for (output, name) in statement.columns.iter().zip(request.names) {
            let (decode, native) = match output {
                OutputColumn::Native(column) => {
                    let table = SchemaTable::new(&column.schema, &column.table);
                    let handle = handles.iter().find(|(name, _)| *name == table);
                    let found = handle.and_then(|(_, handle)| handle.columns.get(column.column));
                    let found = found
                        .ok_or_else(|| Error::internal("a column of a table that is not read"))?;
                    (found.decode.clone(), found.native)
                }
                OutputColumn::Computed(data_type) => (Decode::of(data_type)?, true),
            };
            columns.push(Column { name: name.clone(), decode, native });
        }
        let statistics = match request.needs_estimate {
            true => self.expected(&statement.sql, &columns).await?,
            false => TableStatistics::default(),
        };
        let mut needs: Vec<String> = Vec::new();
        for need in handles.iter().flat_map(|(_, handle)| locks(handle)) {
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        self.statement_scan(&statement.sql, columns, statistics, needs)
    }
}

type ToSourceTable<'a> = &'a (dyn Fn(&Arc<Table>) -> Supported<SourceTable> + Sync);

fn writer(source_table: ToSourceTable<'_>) -> SqlWriter<'_> {
    SqlWriter { dialect: &PostgresDialect, source_table }
}

impl PostgresConnector {
    fn source_table(&self, table: &Arc<Table>) -> Supported<SourceTable> {
        let handle = self.handles.get(table, TableHandle::read);
        let handle = handle.map_err(|error| Unsupported(error.message().to_owned()))?;
        if handle.query.is_some() {
            return Err(Unsupported(
                "a query in the language of PostgreSQL is sent as it is".into(),
            ));
        }
        if handle.foreign {
            return Err(Unsupported("the server is not PostgreSQL itself".into()));
        }
        let columns = handle.columns.iter().enumerate().map(|(at, column)| {
            let text = handle.texts.get(at).and_then(Option::as_ref);
            let type_name = handle.types.get(at).map_or("", String::as_str);
            let form = form(column, text.filter(|_| handle.orders_text), type_name);
            SourceColumn { name: column.name.clone(), form }
        });
        Ok(SourceTable {
            schema: handle.schema.clone(),
            name: handle.table.clone(),
            columns: columns.collect(),
        })
    }

    /// What the database expects of a statement, which it plans once more for that: joins above the statement are
    /// planned by it, and what we guess of joins and groups is far off more often.
    async fn expected(&self, sql: &str, columns: &[Column]) -> Result<TableStatistics> {
        let rows = PlanNode::of(&self.pool, sql).await?.rows.max(0.0) as u64;
        let width: u64 = columns.iter().map(|column| column.decode.width_bytes()).sum();
        Ok(TableStatistics {
            rows: Count::Estimate(rows),
            bytes: Count::Estimate(rows.saturating_mul(width)),
            columns: Vec::new(),
        })
    }
}

/// Numbers that are cut to this many digits may have more at the source.
const DIGITS_MAX: u8 = 38;

fn form(column: &Column, text: Option<&NativeText>, type_name: &str) -> Form {
    let opaque = |reason: &str| Form::Opaque {
        reason: reason.to_owned(),
        read_as: match column.native {
            true => ReadAs::Native,
            false => ReadAs::Type(column.decode.sql_type()),
        },
    };
    if let Some(text) = text {
        let collation = match text.collation.as_deref() {
            Some("default") => Collation::Default,
            Some("") | None => Collation::Other,
            Some(name) => Collation::Named(name.to_owned()),
        };
        return Form::Text { collation, at_most: text.at_most, converted: text.converted };
    }
    match (&column.decode, column.native) {
        (Decode::List(_), _) => opaque(&format!("of type `{type_name}`: an array")),
        (decode, false) => {
            opaque(&format!("of type `{type_name}`, which is read as `{}`", decode.sql_type()))
        }
        (Decode::Decimal { precision: DIGITS_MAX, .. }, true) => {
            opaque("a `numeric` without digits, or with 38 of them or more")
        }
        (
            Decode::Boolean
            | Decode::Int16
            | Decode::Int32
            | Decode::Int64
            | Decode::UInt64
            | Decode::Float32
            | Decode::Float64
            | Decode::Decimal { .. }
            | Decode::Date
            | Decode::Timestamp
            | Decode::TimestampUtc,
            true,
        ) => Form::Exact,
        (Decode::Binary, true) => Form::Bytes { at_most: None },
        (Decode::Text, true) => opaque("text of a database that is not in UTF-8"),
        (Decode::Uuid, true) => opaque("a `uuid`, which is text here"),
        (Decode::Time, true) => opaque("a `time`, which has 24:00 there"),
    }
}

impl PostgresConnector {
    /// The columns that the database says a query has. It runs as it is, as part of a `COPY`; that it is one
    /// statement, and that it reads, is the database's own word.
    pub(super) async fn described(&self, text: &str) -> Result<Table> {
        let text = text.trim().trim_end_matches(';').trim_end();
        let wrong = |message: String| {
            let catalog = &self.pool.catalog;
            Error::new(
                ErrorKind::InvalidQuery,
                format!("catalog `{catalog}`: the query is not accepted: {message}"),
            )
        };
        let mut held = self.pool.acquire(Purpose::Read).await?;
        // By itself first: it must not end what it is put into. Then as a part of what is read: `EXPLAIN` is none.
        let mut described = held.describe(text).await?;
        if described.as_ref().is_ok_and(|columns| !columns.is_empty()) {
            let part = held.describe(&format!("SELECT * FROM (\n{text}\n) AS q")).await?;
            described = part.and(described);
        }
        held.give_back();
        let described = described.map_err(wrong)?;
        if described.is_empty() {
            return Err(wrong("it gives no columns; write a SELECT".into()));
        }
        let oids = described.iter().map(|column| column.type_oid).collect();
        let types = Types::new(types_of(&self.pool, oids).await?, self.pool.settings.numeric_as);
        let mut columns: Vec<Column> = Vec::with_capacity(described.len());
        let mut fields = Vec::with_capacity(described.len());
        for NamedColumn { name, type_oid, modifier } in described {
            if columns.iter().any(|column| column.name == name) {
                return Err(wrong(format!("it has two columns `{name}`; give one another name")));
            }
            let (decode, native) = types.mapping(type_oid, modifier);
            fields.push(Field::new(&name, decode.data_type(), true));
            columns.push(Column { name, decode, native });
        }
        let handle = TableHandle::of_query(text, columns).write()?;
        Ok(Table {
            name: SchemaTable::new("system", "query"),
            kind: TableKind::View,
            schema: Arc::new(Schema::new(fields)),
            statistics: TableStatistics::default(),
            handle,
            view: None,
        })
    }
}

impl Decode {
    /// For a value that a statement computes.
    ///
    /// # Errors
    /// `Internal` for a type that no statement computes.
    fn of(data_type: &DataType) -> Result<Self> {
        let known = [
            Decode::Boolean,
            Decode::Int16,
            Decode::Int32,
            Decode::Int64,
            Decode::UInt64,
            Decode::Float32,
            Decode::Float64,
            Decode::Text,
            Decode::Binary,
            Decode::Date,
            Decode::Timestamp,
            Decode::TimestampUtc,
        ];
        match data_type {
            DataType::Decimal128(precision, scale) => {
                Ok(Decode::Decimal { precision: *precision, scale: *scale })
            }
            _ => {
                known.into_iter().find(|decode| decode.data_type() == *data_type).ok_or_else(|| {
                    Error::internal(format!("PostgreSQL computes no value of type {data_type}"))
                })
            }
        }
    }
}

/// `sql` with its columns, which are `c0`, `c1` and so on or as `names` has it, in the forms that the reader knows.
pub(super) fn in_known_forms(sql: &str, columns: &[Column], names: Option<&[&str]>) -> String {
    let selected = columns.iter().enumerate().map(|(at, column)| {
        let name = match names {
            Some(names) => identifier(names.get(at).copied().unwrap_or_default()),
            None => format!("c{at}"),
        };
        selected_as(&name, column)
    });
    format!("SELECT {} FROM (\n{sql}\n) AS q", selected.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Dialect;
    use arrow::datatypes::TimeUnit;
    use mooring_spi::Value;

    #[test]
    fn what_can_be_written_can_be_read() {
        let types = [
            DataType::Boolean,
            DataType::Int8,
            DataType::Int16,
            DataType::Int32,
            DataType::Int64,
            DataType::UInt8,
            DataType::UInt16,
            DataType::UInt32,
            DataType::UInt64,
            DataType::Float32,
            DataType::Float64,
            DataType::Decimal128(38, 4),
            DataType::Utf8,
            DataType::Binary,
            DataType::Date32,
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ];
        let mut written = 0;
        for data_type in types {
            if PostgresDialect.literal(&Value::Null, &data_type).is_ok() {
                let decode = Decode::of(&data_type).expect("it is read");
                assert_eq!(decode.data_type(), data_type);
                written += 1;
            }
        }
        // But for `Int8` and three of the unsigned ones, which PostgreSQL does not have.
        assert_eq!(written, 13);
    }

    #[test]
    fn what_stays_is_told_by_its_type() {
        for (decode, native, type_name, expected) in [
            (Decode::Text, false, "mood", "of type `mood`, which is read as `text`"),
            (Decode::Int64, false, "oid", "of type `oid`, which is read as `int8`"),
            (Decode::List(Box::new(Decode::Int32)), false, "int4[]", "of type `int4[]`: an array"),
            (Decode::Uuid, true, "uuid", "a `uuid`, which is text here"),
        ] {
            let column = Column { name: "c".into(), decode, native };
            let Form::Opaque { reason, .. } = form(&column, None, type_name) else {
                panic!("`{type_name}` is computed with")
            };
            assert_eq!(reason, expected);
        }
    }
}
