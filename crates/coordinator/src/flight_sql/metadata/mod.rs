//! Questions about metadata: catalogs, schemas, tables, keys, types, and what the server can do.
//! They are answered from the catalogs, never by SQL.

mod keys;
mod listing;
mod sql_info;
mod sql_info_values;
mod tables;
mod type_info;

use super::FlightSqlDoor;
use super::session::FlightSession;
use super::status::defect;
use crate::statement::table_type;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::metadata::{
    GetCatalogsBuilder, GetDbSchemasBuilder, GetTablesBuilder, SqlInfoDataBuilder,
    XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{Command, CommandGetDbSchemas, CommandGetTables};
use mooring_spi::{Result, TableKind};
use sql_info_values::Bounds;
use std::sync::Arc;

/// One question, with what narrows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Question {
    Catalogs,
    Schemas(CommandGetDbSchemas),
    Tables(CommandGetTables),
    TableTypes,
    /// No source has keys that Mooring knows of.
    PrimaryKeys,
    /// Exported and imported keys, and those between two tables: one form of answer.
    ForeignKeys,
    /// All types, or those of one number.
    TypeInfo(Option<i32>),
    /// All that is known of the server, or what has these numbers.
    SqlInfo(Vec<u32>),
}

impl Question {
    /// `None` for a command that asks for something else.
    pub(super) fn of(command: Command) -> Option<Self> {
        Some(match command {
            Command::CommandGetCatalogs(_) => Self::Catalogs,
            Command::CommandGetDbSchemas(schemas) => Self::Schemas(schemas),
            Command::CommandGetTables(tables) => Self::Tables(tables),
            Command::CommandGetTableTypes(_) => Self::TableTypes,
            Command::CommandGetPrimaryKeys(_) => Self::PrimaryKeys,
            Command::CommandGetExportedKeys(_)
            | Command::CommandGetImportedKeys(_)
            | Command::CommandGetCrossReference(_) => Self::ForeignKeys,
            Command::CommandGetXdbcTypeInfo(types) => Self::TypeInfo(types.data_type),
            Command::CommandGetSqlInfo(infos) => Self::SqlInfo(infos.info),
            _ => return None,
        })
    }

    /// The schema of the answer, as `FlightSql.proto` has it.
    pub(super) fn schema(&self) -> SchemaRef {
        let none = None::<String>;
        match self {
            Self::Catalogs => GetCatalogsBuilder::new().schema(),
            Self::Schemas(_) => GetDbSchemasBuilder::new(none.clone(), none).schema(),
            Self::Tables(tables) => {
                let types = Vec::<String>::new();
                let include = tables.include_schema;
                GetTablesBuilder::new(none.clone(), none.clone(), none, types, include).schema()
            }
            Self::TableTypes => table_types_schema(),
            Self::PrimaryKeys => keys::primary(),
            Self::ForeignKeys => keys::foreign(),
            Self::TypeInfo(_) => XdbcTypeInfoDataBuilder::new().schema(),
            Self::SqlInfo(_) => Arc::new(SqlInfoDataBuilder::schema().clone()),
        }
    }

    /// # Errors
    /// What a catalog says that was asked for by name; a listing of all leaves out what does not
    /// answer.
    pub(super) async fn answer(
        self,
        door: &FlightSqlDoor,
        session: &FlightSession,
    ) -> Result<RecordBatch> {
        match self {
            Self::Catalogs => {
                let mut builder = GetCatalogsBuilder::new();
                for name in door.hub.catalogs().names() {
                    builder.append(name);
                }
                builder.build().map_err(defect)
            }
            Self::Schemas(question) => {
                let own = session.lock().await?.own_tables();
                tables::schemas(door.hub.catalogs(), &own, &question).await
            }
            Self::Tables(question) => {
                let own = session.lock().await?.own_tables();
                let options = *session.options.lock();
                tables::tables(door.hub.catalogs(), &own, &question, options).await
            }
            Self::TableTypes => table_types(),
            question @ (Self::PrimaryKeys | Self::ForeignKeys) => {
                Ok(RecordBatch::new_empty(question.schema()))
            }
            Self::TypeInfo(data_type) => type_info::type_info(data_type),
            Self::SqlInfo(infos) => {
                let bounds = Bounds {
                    statement_bytes: door.settings.message_max_bytes,
                    sessions: door.settings.sessions_max,
                    statements: door.settings.prepared_statements_max,
                };
                sql_info::sql_info(infos, bounds)
            }
        }
    }
}

/// The names of all kinds, as GetTables has them.
const KINDS: [TableKind; 3] = [TableKind::Table, TableKind::View, TableKind::System];

fn kind_name(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Table => "TABLE",
        TableKind::View => "VIEW",
        TableKind::System => table_type(kind),
    }
}

fn table_types_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("table_type", DataType::Utf8, false)]))
}

fn table_types() -> Result<RecordBatch> {
    let mut names = KINDS.map(kind_name);
    names.sort_unstable();
    let names = arrow::array::StringArray::from_iter_values(names);
    RecordBatch::try_new(table_types_schema(), vec![Arc::new(names)]).map_err(defect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_flight::sql::CommandStatementQuery;

    #[test]
    fn each_question_has_the_schema_of_the_specification() {
        let names = |question: Question| -> Vec<String> {
            question.schema().fields().iter().map(|field| field.name().clone()).collect()
        };
        assert_eq!(names(Question::Catalogs), ["catalog_name"]);
        let schemas = Question::Schemas(CommandGetDbSchemas::default());
        assert_eq!(names(schemas), ["catalog_name", "db_schema_name"]);
        let tables = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
        let expected =
            ["catalog_name", "db_schema_name", "table_name", "table_type", "table_schema"];
        assert_eq!(names(Question::Tables(tables)), expected);
        assert_eq!(names(Question::TableTypes), ["table_type"]);
        assert_eq!(names(Question::SqlInfo(Vec::new())), ["info_name", "value"]);
        assert_eq!(names(Question::TypeInfo(None)).len(), 19);
        let query = CommandStatementQuery::default();
        assert_eq!(Question::of(Command::CommandStatementQuery(query)), None);
    }

    #[test]
    fn table_types_are_those_of_tables() {
        let batch = table_types().expect("types");
        assert_eq!(batch.num_rows(), KINDS.len());
    }
}
