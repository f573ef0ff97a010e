//! What the server does itself: relations of several of its tables, and queries in its own language.

use super::connector::MysqlConnector;
use super::metadata::{ColumnHandle, TableHandle};
use super::protocol::NamedColumn;
use super::scan::{KeyColumn, SplitOf, statement};
use super::settings::ZeroDates;
use super::types::{Comparison, Computes, DeclaredType, Form, column_type};
use crate::sql::{
    Collation, Form as SqlForm, MysqlDialect, Native, OutputColumn, ReadAs, SourceColumn,
    SourceTable, SqlWriter,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use async_trait::async_trait;
use mooring_spi::{
    Error, ErrorKind, Expression, Predicate, PushDown, PushDownRequest, Relation, Result,
    SchemaTable, SplitScan, Table, TableKind, TableStatistics, Unsupported,
};
use mysql_common::constants::ColumnType;
use std::sync::Arc;

type Supported<T> = std::result::Result<T, Unsupported>;

#[async_trait]
impl PushDown for MysqlConnector {
    fn supports(&self, relation: &Relation) -> Supported<()> {
        let dialect = self.dialect(&[relation])?;
        let source_table = |table: &Arc<Table>| self.source_table(table);
        SqlWriter { dialect: &dialect, source_table: &source_table }.supports(relation)
    }

    fn supports_expression(&self, expression: &Expression, inputs: &[&Relation]) -> Supported<()> {
        let dialect = self.dialect(inputs)?;
        let source_table = |table: &Arc<Table>| self.source_table(table);
        let writer = SqlWriter { dialect: &dialect, source_table: &source_table };
        writer.supports_expression(expression, inputs)
    }

    async fn scan(&self, request: PushDownRequest<'_>) -> Result<SplitScan> {
        let refused = |Unsupported(reason): Unsupported| {
            Error::internal(format!("a relation that MySQL does not do: {reason}"))
        };
        let dialect = self.dialect(&[request.relation]).map_err(refused)?;
        let source_table = |table: &Arc<Table>| self.source_table(table);
        let writer = SqlWriter { dialect: &dialect, source_table: &source_table };
        let written = writer.statement(request.relation).map_err(refused)?;
        let columns = request.relation.columns.iter().zip(request.names);
        let fields = columns
            .map(|(column, name)| Field::new(name, column.data_type.clone(), column.nullable));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let mut keys = Vec::new();
        for (at, (output, name)) in written.columns.iter().zip(request.names).enumerate() {
            let comparison = match output {
                OutputColumn::Native(native) => comparison_of(native, request.relation)?,
                OutputColumn::Computed(data_type) => data_type.into(),
            };
            keys.push(KeyColumn { name: name.clone(), selected: format!("c{at}"), comparison });
        }
        statement(SplitOf {
            sql: written.sql,
            settings: settings(&dialect, request.relation),
            columns: &schema,
            keys: &keys,
            known: &Predicate::new(),
            rows: 0,
            is_foreign: false,
        })
    }
}

impl MysqlConnector {
    fn handle(&self, table: &Arc<Table>) -> Supported<Arc<TableHandle>> {
        let handle = self.handles.get(table, TableHandle::read);
        handle.map_err(|error| Unsupported(error.message().to_owned()))
    }

    /// Of the server that told of the tables.
    fn dialect(&self, relations: &[&Relation]) -> Supported<MysqlDialect> {
        let table = relations.iter().flat_map(|relation| relation.tables()).next();
        let handle = table.map(|table| self.handle(table)).transpose()?;
        let server = handle.map(|handle| handle.server).unwrap_or_default();
        if server.foreign {
            return Err(Unsupported("the server is neither MySQL nor MariaDB".into()));
        }
        Ok(MysqlDialect { mariadb: server.mariadb, version: server.version })
    }

    fn source_table(&self, table: &Arc<Table>) -> Supported<SourceTable> {
        let handle = self.handle(table)?;
        if handle.query.is_some() {
            return Err(Unsupported("a query in the language of MySQL is sent as it is".into()));
        }
        let zero_dates = self.source.settings().zero_dates;
        let columns = table.schema.fields().iter().zip(&handle.columns);
        let columns = columns.map(|(field, column)| SourceColumn {
            name: field.name().clone(),
            form: form(column, zero_dates),
        });
        Ok(SourceTable {
            schema: table.name.schema.clone(),
            name: table.name.table.clone(),
            columns: columns.collect(),
        })
    }
}

/// Of a view nobody knows which equalities it has: see [`MysqlDialect::HASHED_JOINS`].
fn settings(dialect: &MysqlDialect, relation: &Relation) -> &'static str {
    let tables = relation.tables();
    let hashes = dialect.mariadb
        && tables.len() > 1
        && tables.iter().all(|table| table.kind == TableKind::Table);
    if hashes { MysqlDialect::HASHED_JOINS } else { "" }
}

/// How a column of one of the relation's tables is compared: its Arrow type does not tell, as for `YEAR`, to which 5 is
/// 2005.
fn comparison_of(native: &Native, relation: &Relation) -> Result<Comparison> {
    let mut tables = relation.tables().into_iter();
    let is_its_name =
        |name: &SchemaTable| name.schema == native.schema && name.table == native.table;
    let Some(table) = tables.find(|table| is_its_name(&table.name)) else {
        return Err(Error::internal("a statement has a column of a table that it does not have"));
    };
    let columns = TableHandle::read(table)?.columns;
    Ok(columns.get(native.column).map_or(Comparison::None, |column| column.comparison))
}

fn form(column: &ColumnHandle, zero_dates: ZeroDates) -> SqlForm {
    match &column.computes {
        Computes::Exactly => SqlForm::Exact,
        Computes::Dates => SqlForm::ZeroDates { are_null: zero_dates == ZeroDates::Null },
        Computes::Text { at_most, converted, collation } => SqlForm::Text {
            collation: collation.clone().map_or(Collation::Other, Collation::Named),
            at_most: *at_most,
            converted: *converted,
        },
        Computes::Bytes { at_most } => SqlForm::Bytes { at_most: *at_most },
        Computes::Nothing { declared } => SqlForm::Opaque {
            reason: format!("of type `{declared}`, which compares or computes in its own way"),
            read_as: match column.form {
                Form::Plain => ReadAs::Native,
                Form::Characters => ReadAs::Type("CHAR(64)".to_owned()),
                Form::Wkb => ReadAs::Function("ST_AsWKB".to_owned()),
            },
        },
    }
}

/// How a value that a statement computes is compared.
impl From<&DataType> for Comparison {
    fn from(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Self::Integer,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                Self::Unsigned
            }
            DataType::Decimal128(_, _) => Self::Decimal,
            DataType::Float64 => Self::Double,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Moment { digits: 6 },
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Self::Instant { digits: 6 },
            _ => Self::None,
        }
    }
}

impl MysqlConnector {
    /// The columns that the server says a query has. All of our sessions read only, whatever the query says.
    pub(super) async fn described(&self, text: &str) -> Result<Table> {
        let text = text.trim().trim_end_matches(';').trim_end();
        let wrong = |message: String| {
            let catalog = self.source.catalog();
            Error::new(
                ErrorKind::InvalidQuery,
                format!("catalog `{catalog}`: the query is not accepted: {message}"),
            )
        };
        // By itself first: it must not end what it is put into.
        self.source.describe(text).await?;
        // What it is a part of later: only a query can be.
        let described = self.source.describe(&format!("SELECT * FROM (\n{text}\n) AS q")).await?;
        let mut fields: Vec<Field> = Vec::with_capacity(described.len());
        let mut columns = Vec::with_capacity(described.len());
        for column in described {
            let name = &column.name;
            if fields.iter().any(|field| field.name().eq_ignore_ascii_case(name)) {
                return Err(wrong(format!("it has two columns `{name}`; give one another name")));
            }
            let data_type = data_type(&column).ok_or_else(|| {
                wrong(format!("column `{name}` is of a type that is not read; cast it"))
            })?;
            columns.push(ColumnHandle {
                form: Form::Plain,
                comparison: Comparison::None,
                // A query that a user wrote is sent as it is.
                computes: Computes::Nothing { declared: String::new() },
            });
            fields.push(Field::new(name, data_type, true));
        }
        let handle = TableHandle {
            columns,
            key: None,
            server: Default::default(),
            query: Some(text.to_owned()),
        };
        Ok(Table {
            name: SchemaTable::new("system", "query"),
            kind: TableKind::View,
            schema: Arc::new(Schema::new(fields)),
            statistics: TableStatistics::default(),
            handle: handle.write()?,
            view: None,
        })
    }
}

/// The type of a column as it is sent: that of a table's column of the same type.
fn data_type(column: &NamedColumn) -> Option<DataType> {
    let sent = &column.definition;
    let name = match sent.kind {
        ColumnType::MYSQL_TYPE_TINY => "tinyint",
        ColumnType::MYSQL_TYPE_SHORT => "smallint",
        ColumnType::MYSQL_TYPE_YEAR => "year",
        ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_INT24 => "int",
        ColumnType::MYSQL_TYPE_LONGLONG => "bigint",
        ColumnType::MYSQL_TYPE_FLOAT => "float",
        ColumnType::MYSQL_TYPE_DOUBLE => "double",
        ColumnType::MYSQL_TYPE_NEWDECIMAL | ColumnType::MYSQL_TYPE_DECIMAL => "decimal",
        ColumnType::MYSQL_TYPE_JSON => "json",
        ColumnType::MYSQL_TYPE_VARCHAR
        | ColumnType::MYSQL_TYPE_VAR_STRING
        | ColumnType::MYSQL_TYPE_STRING
        | ColumnType::MYSQL_TYPE_ENUM
        | ColumnType::MYSQL_TYPE_SET
        | ColumnType::MYSQL_TYPE_TINY_BLOB
        | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
        | ColumnType::MYSQL_TYPE_LONG_BLOB
        | ColumnType::MYSQL_TYPE_BLOB => match sent.binary {
            true => "blob",
            false => "text",
        },
        ColumnType::MYSQL_TYPE_GEOMETRY | ColumnType::MYSQL_TYPE_VECTOR => "blob",
        ColumnType::MYSQL_TYPE_BIT => "bit",
        ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => "date",
        ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_DATETIME2 => "datetime",
        ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => "timestamp",
        ColumnType::MYSQL_TYPE_TIME | ColumnType::MYSQL_TYPE_TIME2 => "time",
        ColumnType::MYSQL_TYPE_NULL => return Some(DataType::Null),
        ColumnType::MYSQL_TYPE_TYPED_ARRAY | ColumnType::MYSQL_TYPE_UNKNOWN => return None,
    };
    // As it is shown: with a sign, and a point where there are digits behind it.
    let other = u32::from(sent.decimals > 0) + u32::from(!sent.unsigned);
    let digits = u8::try_from(column.display_length.saturating_sub(other)).unwrap_or(u8::MAX);
    let declared = DeclaredType {
        name,
        whole: if sent.unsigned { "number unsigned" } else { "" },
        precision: Some(digits),
        scale: Some(sent.decimals),
        ..DeclaredType::default()
    };
    column_type(&declared).map(|known| known.data_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::types::Characters;
    use mooring_spi::{Operator, RelationColumn};

    /// Of columns by their declared types.
    fn table(name: &str, declared: &[(&str, Option<&str>)]) -> Table {
        let types = declared.iter().map(|(name, character_set)| {
            let character_set = *character_set;
            let told = DeclaredType { name, character_set, ..DeclaredType::default() };
            (column_type(&told).expect("a known type"), Computes::of(&told))
        });
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (at, (known, computes)) in types.enumerate() {
            fields.push(Field::new(format!("c{at}"), known.data_type, true));
            columns.push(ColumnHandle { form: known.form, comparison: known.comparison, computes });
        }
        let handle = TableHandle { columns, key: None, server: Default::default(), query: None };
        Table {
            name: SchemaTable::new("shop", name),
            kind: TableKind::Table,
            schema: Arc::new(Schema::new(fields)),
            statistics: TableStatistics::default(),
            handle: handle.write().expect("a handle"),
            view: None,
        }
    }

    fn scan(table: Table) -> Relation {
        let fields = table.schema.fields().iter();
        let columns = fields.map(|field| RelationColumn {
            data_type: field.data_type().clone(),
            nullable: field.is_nullable(),
        });
        let columns = columns.collect::<Vec<_>>();
        let projection = (0..columns.len()).collect();
        Relation { operator: Operator::Scan { table: Arc::new(table), projection }, columns }
    }

    /// MariaDB's hashes lose rows of equalities that only a view can have.
    #[test]
    fn only_tables_are_joined_by_hashes() {
        let of_kind = |kind| scan(Table { kind, ..table("a", &[("int", None)]) });
        let of = |inputs| Relation { operator: Operator::Union { inputs }, columns: Vec::new() };
        let mariadb = MysqlDialect { mariadb: true, version: (10, 11, 0) };
        let tables = of(vec![of_kind(TableKind::Table), of_kind(TableKind::Table)]);
        assert_eq!(settings(&mariadb, &tables), MysqlDialect::HASHED_JOINS);
        let with_view = of(vec![of_kind(TableKind::Table), of_kind(TableKind::View)]);
        assert_eq!(settings(&mariadb, &with_view), "");
        assert_eq!(settings(&mariadb, &of_kind(TableKind::Table)), "");
        let mysql = MysqlDialect { mariadb: false, version: (8, 4, 3) };
        assert_eq!(settings(&mysql, &tables), "");
    }

    #[test]
    fn a_column_is_compared_as_its_own_type_is() {
        let text = |characters| Comparison::Text { ordered: false, characters };
        let declared = [
            ("int", None, Comparison::Integer),
            ("year", None, Comparison::None),
            ("bit", None, Comparison::None),
            ("float", None, Comparison::None),
            ("set", Some("utf8mb4"), Comparison::None),
            ("time", None, Comparison::None),
            ("json", Some("utf8mb4"), Comparison::None),
            ("datetime", None, Comparison::Moment { digits: 0 }),
            ("timestamp", None, Comparison::Instant { digits: 0 }),
            ("varchar", Some("utf8mb3"), text(Characters::Basic)),
            ("varchar", Some("sjis"), Comparison::None),
        ];
        let of = declared.map(|(name, character_set, _)| (name, character_set));
        let relation = Relation {
            operator: Operator::Union {
                inputs: vec![scan(table("a", &of[..1])), scan(table("b", &of))],
            },
            columns: Vec::new(),
        };
        for (column, (name, _, expected)) in declared.into_iter().enumerate() {
            let native = Native { schema: "shop".to_owned(), table: "b".to_owned(), column };
            assert_eq!(comparison_of(&native, &relation).expect("a table"), expected, "{name}");
        }
        let unknown = Native { schema: "shop".to_owned(), table: "c".to_owned(), column: 0 };
        assert!(comparison_of(&unknown, &relation).is_err());
    }

    /// What is compared in another way than ours is computed with in no other way either, but for what its Arrow type
    /// stands for: `FLOAT` has a kind of its own.
    #[test]
    fn what_is_not_compared_is_not_computed_with() {
        for name in ["year", "bit", "time", "set", "json", "enum", "vector", "uuid", "geometry"] {
            let declared = DeclaredType { name, ..DeclaredType::default() };
            assert_eq!(Computes::of(&declared), Computes::Nothing { declared: name.to_owned() });
        }
    }

    #[test]
    fn what_stays_is_told_by_its_type() {
        let declared = DeclaredType { name: "year", ..DeclaredType::default() };
        let column = ColumnHandle {
            form: Form::Plain,
            comparison: Comparison::None,
            computes: Computes::of(&declared),
        };
        let SqlForm::Opaque { reason, .. } = form(&column, ZeroDates::Error) else {
            panic!("5 is 2005 to it")
        };
        assert!(reason.starts_with("of type `year`, "), "{reason}");
    }

    #[test]
    fn dates_are_null_or_errors_as_the_catalog_says() {
        let declared = DeclaredType { name: "date", ..DeclaredType::default() };
        let column = ColumnHandle {
            form: Form::Plain,
            comparison: Comparison::Date,
            computes: Computes::of(&declared),
        };
        assert_eq!(form(&column, ZeroDates::Null), SqlForm::ZeroDates { are_null: true });
        assert_eq!(form(&column, ZeroDates::Error), SqlForm::ZeroDates { are_null: false });
    }
}
