//! The values of GetSqlInfo, one line each. They say what is so: a client builds its SQL by them.
//!
//! Source of the meanings and forms: `FlightSql.proto`, enumeration `SqlInfo`; of the form of what
//! it calls an ordinal: the JDBC driver of Apache Arrow, which reads outer joins as bits.

use crate::information_schema::reserved_words;
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedGroupBy, SqlSupportedResultSetConcurrency, SqlSupportedResultSetType,
    SqlSupportedSubqueries, SqlSupportedTransaction, SqlSupportedUnions, SqlSupportsConvert,
    SqlTransactionIsolationLevel, SupportedSqlGrammar,
};
use mooring_worker::VERSION;

/// A value in the form in which it is told.
pub(super) enum Info {
    Text(&'static str),
    Is(bool),
    Number(i64),
    Bits(i32),
    /// One value of an enumeration.
    Ordinal(i32),
    Words(Vec<&'static str>),
    Pairs(Vec<(i32, &'static [i32])>),
}

/// There is no bound that a client could meet.
const NO_LIMIT: Info = Info::Number(0);
/// The Arrow columnar format that is spoken ("Arrow Columnar Format", "Format Versioning").
const ARROW_FORMAT: &str = "1.5";
/// MySQL's bounds, which hold for what is defined here.
const NAME_CHARACTERS: i64 = 64;
const USER_CHARACTERS: i64 = 32;
/// `ANSI92_ENTRY_SQL`; `arrow-flight` does not name the enumeration.
const ANSI92_ENTRY: i32 = 1;

const NUMERIC: &str = "abs acos asin atan atan2 ceil ceiling cos cot degrees exp floor ln log log10 \
log2 mod pi power radians round sin sqrt tan";
const STRING: &str = "char_length character_length concat concat_ws lcase left length locate lower \
lpad ltrim octet_length position repeat replace reverse right rpad rtrim space substr substring trim \
ucase upper";
const SYSTEM: &str = "coalesce connection_id current_user database if ifnull nullif user version";
const DATETIME: &str = "current_date current_timestamp date day dayofmonth extract hour minute month \
now quarter second year";

const NUMBERS: &[i32] = &[
    SqlSupportsConvert::SqlConvertBigint as i32,
    SqlSupportsConvert::SqlConvertChar as i32,
    SqlSupportsConvert::SqlConvertDecimal as i32,
    SqlSupportsConvert::SqlConvertFloat as i32,
    SqlSupportsConvert::SqlConvertInteger as i32,
    SqlSupportsConvert::SqlConvertNumeric as i32,
    SqlSupportsConvert::SqlConvertReal as i32,
    SqlSupportsConvert::SqlConvertSmallint as i32,
    SqlSupportsConvert::SqlConvertTinyint as i32,
    SqlSupportsConvert::SqlConvertVarchar as i32,
];
const MOMENTS: &[i32] = &[
    SqlSupportsConvert::SqlConvertChar as i32,
    SqlSupportsConvert::SqlConvertDate as i32,
    SqlSupportsConvert::SqlConvertTimestamp as i32,
    SqlSupportsConvert::SqlConvertVarchar as i32,
];
const TEXTS: &[i32] = &[
    SqlSupportsConvert::SqlConvertBigint as i32,
    SqlSupportsConvert::SqlConvertChar as i32,
    SqlSupportsConvert::SqlConvertDate as i32,
    SqlSupportsConvert::SqlConvertDecimal as i32,
    SqlSupportsConvert::SqlConvertFloat as i32,
    SqlSupportsConvert::SqlConvertInteger as i32,
    SqlSupportsConvert::SqlConvertNumeric as i32,
    SqlSupportsConvert::SqlConvertReal as i32,
    SqlSupportsConvert::SqlConvertSmallint as i32,
    SqlSupportsConvert::SqlConvertTimestamp as i32,
    SqlSupportsConvert::SqlConvertTinyint as i32,
    SqlSupportsConvert::SqlConvertVarchar as i32,
];

fn words(list: &'static str) -> Info {
    Info::Words(list.split_whitespace().collect())
}

/// A set of an enumeration's values, as bits by their numbers.
fn bits<E: Into<i32>>(values: impl IntoIterator<Item = E>) -> Info {
    let number = |value: E| -> i32 { value.into() };
    Info::Bits(values.into_iter().map(number).fold(0, |bits, number| bits | (1 << number)))
}

fn number(value: usize) -> Info {
    Info::Number(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Bounds that come from the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) statement_bytes: usize,
    pub(super) sessions: usize,
    /// Prepared ones, of all clients together.
    pub(super) statements: usize,
}

/// Each info with its value.
pub(super) fn values(bounds: Bounds) -> Vec<(SqlInfo, Info)> {
    use Info::{Is, Number, Text};
    let insensitive = SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32;
    let read_only = || bits([SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly]);
    let none = || Info::Bits(0);
    vec![
        (SqlInfo::FlightSqlServerName, Text("Mooring")),
        (SqlInfo::FlightSqlServerVersion, Text(VERSION)),
        (SqlInfo::FlightSqlServerArrowVersion, Text(ARROW_FORMAT)),
        // Tables are read; catalogs, schemas and definitions of tables can be made.
        (SqlInfo::FlightSqlServerReadOnly, Is(false)),
        (SqlInfo::FlightSqlServerSql, Is(true)),
        (SqlInfo::FlightSqlServerSubstrait, Is(false)),
        (SqlInfo::FlightSqlServerTransaction, Info::Bits(SqlSupportedTransaction::None as i32)),
        (SqlInfo::FlightSqlServerCancel, Is(true)),
        (SqlInfo::FlightSqlServerBulkIngestion, Is(false)),
        (SqlInfo::FlightSqlServerIngestTransactionsSupported, Is(false)),
        // A prepared statement stays as long as its session.
        (SqlInfo::FlightSqlServerStatementTimeout, Info::Bits(0)),
        (SqlInfo::FlightSqlServerTransactionTimeout, Info::Bits(0)),
        (SqlInfo::SqlDdlCatalog, Is(true)),
        (SqlInfo::SqlDdlSchema, Is(true)),
        (SqlInfo::SqlDdlTable, Is(true)),
        (SqlInfo::SqlIdentifierCase, Info::Ordinal(insensitive)),
        (SqlInfo::SqlIdentifierQuoteChar, Text("`")),
        (SqlInfo::SqlQuotedIdentifierCase, Info::Ordinal(insensitive)),
        (SqlInfo::SqlAllTablesAreSelectable, Is(true)),
        // As in MySQL, NULL comes first when it is sorted upwards.
        (SqlInfo::SqlNullOrdering, Info::Ordinal(SqlNullOrdering::SqlNullsSortedLow as i32)),
        (SqlInfo::SqlKeywords, Info::Words(reserved_words().collect())),
        (SqlInfo::SqlNumericFunctions, words(NUMERIC)),
        (SqlInfo::SqlStringFunctions, words(STRING)),
        (SqlInfo::SqlSystemFunctions, words(SYSTEM)),
        (SqlInfo::SqlDatetimeFunctions, words(DATETIME)),
        (SqlInfo::SqlSearchStringEscape, Text("\\")),
        (SqlInfo::SqlExtraNameCharacters, Text("$")),
        (SqlInfo::SqlSupportsColumnAliasing, Is(true)),
        (SqlInfo::SqlNullPlusNullIsNull, Is(true)),
        (SqlInfo::SqlSupportsConvert, conversions()),
        (SqlInfo::SqlSupportsTableCorrelationNames, Is(true)),
        // They may also be the tables' own.
        (SqlInfo::SqlSupportsDifferentTableCorrelationNames, Is(false)),
        (SqlInfo::SqlSupportsExpressionsInOrderBy, Is(true)),
        (SqlInfo::SqlSupportsOrderByUnrelated, Is(true)),
        (
            SqlInfo::SqlSupportedGroupBy,
            bits([
                SqlSupportedGroupBy::SqlGroupByUnrelated,
                SqlSupportedGroupBy::SqlGroupByBeyondSelect,
            ]),
        ),
        (SqlInfo::SqlSupportsLikeEscapeClause, Is(true)),
        (SqlInfo::SqlSupportsNonNullableColumns, Is(true)),
        (
            SqlInfo::SqlSupportedGrammar,
            bits([SupportedSqlGrammar::SqlMinimumGrammar, SupportedSqlGrammar::SqlCoreGrammar]),
        ),
        (SqlInfo::SqlAnsi92SupportedLevel, Info::Bits(ANSI92_ENTRY)),
        (SqlInfo::SqlSupportsIntegrityEnhancementFacility, Is(false)),
        (
            SqlInfo::SqlOuterJoinsSupportLevel,
            bits([
                SqlOuterJoinsSupportLevel::SqlLimitedOuterJoins,
                SqlOuterJoinsSupportLevel::SqlFullOuterJoins,
            ]),
        ),
        (SqlInfo::SqlSchemaTerm, Text("schema")),
        (SqlInfo::SqlProcedureTerm, Text("procedure")),
        (SqlInfo::SqlCatalogTerm, Text("catalog")),
        (SqlInfo::SqlCatalogAtStart, Is(true)),
        (SqlInfo::SqlSchemasSupportedActions, none()),
        (SqlInfo::SqlCatalogsSupportedActions, none()),
        (SqlInfo::SqlSupportedPositionedCommands, none()),
        (SqlInfo::SqlSelectForUpdateSupported, Is(false)),
        (SqlInfo::SqlStoredProceduresSupported, Is(false)),
        (
            SqlInfo::SqlSupportedSubqueries,
            bits([
                SqlSupportedSubqueries::SqlSubqueriesInComparisons,
                SqlSupportedSubqueries::SqlSubqueriesInExists,
                SqlSupportedSubqueries::SqlSubqueriesInIns,
            ]),
        ),
        (SqlInfo::SqlCorrelatedSubqueriesSupported, Is(true)),
        (
            SqlInfo::SqlSupportedUnions,
            bits([SqlSupportedUnions::SqlUnion, SqlSupportedUnions::SqlUnionAll]),
        ),
        (SqlInfo::SqlMaxBinaryLiteralLength, number(bounds.statement_bytes)),
        (SqlInfo::SqlMaxCharLiteralLength, number(bounds.statement_bytes)),
        (SqlInfo::SqlMaxColumnNameLength, NO_LIMIT),
        (SqlInfo::SqlMaxColumnsInGroupBy, NO_LIMIT),
        // There are no indexes.
        (SqlInfo::SqlMaxColumnsInIndex, NO_LIMIT),
        (SqlInfo::SqlMaxColumnsInOrderBy, NO_LIMIT),
        (SqlInfo::SqlMaxColumnsInSelect, NO_LIMIT),
        (SqlInfo::SqlMaxColumnsInTable, NO_LIMIT),
        (SqlInfo::SqlMaxConnections, number(bounds.sessions)),
        // There are no named cursors.
        (SqlInfo::SqlMaxCursorNameLength, NO_LIMIT),
        (SqlInfo::SqlMaxIndexLength, NO_LIMIT),
        (SqlInfo::SqlDbSchemaNameLength, NO_LIMIT),
        (SqlInfo::SqlMaxProcedureNameLength, NO_LIMIT),
        (SqlInfo::SqlMaxCatalogNameLength, Number(NAME_CHARACTERS)),
        (SqlInfo::SqlMaxRowSize, NO_LIMIT),
        (SqlInfo::SqlMaxRowSizeIncludesBlobs, Is(true)),
        (SqlInfo::SqlMaxStatementLength, number(bounds.statement_bytes)),
        (SqlInfo::SqlMaxStatements, number(bounds.statements)),
        (SqlInfo::SqlMaxTableNameLength, NO_LIMIT),
        (SqlInfo::SqlMaxTablesInSelect, NO_LIMIT),
        (SqlInfo::SqlMaxUsernameLength, Number(USER_CHARACTERS)),
        // A number of 64 bits to JDBC's driver.
        (
            SqlInfo::SqlDefaultTransactionIsolation,
            Number((SqlTransactionIsolationLevel::SqlTransactionNone as i32).into()),
        ),
        (SqlInfo::SqlTransactionsSupported, Is(false)),
        (
            SqlInfo::SqlSupportedTransactionsIsolationLevels,
            bits([SqlTransactionIsolationLevel::SqlTransactionNone]),
        ),
        (SqlInfo::SqlDataDefinitionCausesTransactionCommit, Is(false)),
        (SqlInfo::SqlDataDefinitionsInTransactionsIgnored, Is(false)),
        (
            SqlInfo::SqlSupportedResultSetTypes,
            bits([SqlSupportedResultSetType::SqlResultSetTypeForwardOnly]),
        ),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, none()),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, read_only()),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, none()),
        (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, none()),
        (SqlInfo::SqlBatchUpdatesSupported, Is(false)),
        (SqlInfo::SqlSavepointsSupported, Is(false)),
        (SqlInfo::SqlNamedParametersSupported, Is(false)),
        (SqlInfo::SqlLocatorsUpdateCopy, Is(false)),
        (SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, Is(false)),
    ]
}

/// By CAST, between what the JDBC types stand for.
fn conversions() -> Info {
    use SqlSupportsConvert as Type;
    let numbers = [
        Type::SqlConvertBigint,
        Type::SqlConvertDecimal,
        Type::SqlConvertFloat,
        Type::SqlConvertInteger,
        Type::SqlConvertNumeric,
        Type::SqlConvertReal,
        Type::SqlConvertSmallint,
        Type::SqlConvertTinyint,
    ];
    let numbers = numbers.map(|from| (from as i32, NUMBERS));
    let moments = [Type::SqlConvertDate, Type::SqlConvertTimestamp];
    let moments = moments.map(|from| (from as i32, MOMENTS));
    let texts = [Type::SqlConvertChar, Type::SqlConvertVarchar].map(|from| (from as i32, TEXTS));
    Info::Pairs(numbers.into_iter().chain(moments).chain(texts).collect())
}
