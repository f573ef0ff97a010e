//! MySQL 5.7 and newer, MariaDB 10.5 and newer, in a session as [`super::super::MysqlDialect::SESSION`] makes it.

use super::kind::{ANY, CALENDAR, INTEGERS, ROWS};
use super::{
    Answer::*, Capabilities, Kind, Kind::*, LIST_OF_ZEROS, ONE_ROW, ORDER_OF_SUM, ORDER_OF_ZEROS,
    PLACES, Subject, ZEROS, entry,
};
use mooring_spi::{AggregateFunction as A, Function as F, JoinKind};

/// MySQL hashes rows by any expression since 8.0.20, MariaDB by columns.
const PAIRS: &str = "an equality that it has is one that MariaDB and MySQL before 8.0.20 can look up: of texts that of two columns of one \
     collation, on MariaDB not `IS NOT DISTINCT FROM`";
const SEMI: &str = "no text and no bytes are compared in it: MariaDB takes no notice of spaces at their end there. On MariaDB it has \
     not `IS NOT DISTINCT FROM` alone";
const COMPARED: &[Kind] = &[
    Boolean,
    SmallInteger,
    Integer,
    Unsigned,
    Float,
    Decimal,
    Text,
    Binary,
    Date,
    Timestamp,
    Instant,
];
/// Equal values are the same value, and are compared to their end when rows are sorted.
const SHORT_KEYS: &[Kind] =
    &[Boolean, SmallInteger, Integer, Unsigned, Decimal, Date, Timestamp, Instant];
const LONG_KEYS: &[Kind] = &[Text, Binary];
const EXTREMES: &[Kind] =
    &[SmallInteger, Integer, Unsigned, Decimal, Text, Date, Timestamp, Instant];
const INFINITY: &str = "MySQL has an error where IEEE 754 has infinity";
const SHORT: &str = "it has at most 1000 characters, as MySQL sorts by the first bytes only";
const EXACT: &str = "the result has the digits for every value: MySQL would cut it";
const AT_MOST_57: &str = "the result has at most 57 digits for every value: MySQL would cut it";
const WINDOWS: &str = "the server is MariaDB, or MySQL 8.0 or newer";
const REAL: &str = "MySQL compares it with digits that it does not show";

pub(in super::super) static MYSQL: Capabilities = Capabilities {
    database: "MySQL and MariaDB",
    entries: &[
        entry(Subject::Scan, ROWS, Pushed),
        entry(Subject::Filter, ROWS, Pushed),
        entry(Subject::Project, ROWS, Pushed),
        entry(Subject::Limit, ROWS, Pushed),
        entry(Subject::Join(JoinKind::Inner), ROWS, PushedWhere(PAIRS)),
        entry(Subject::Join(JoinKind::Left), ROWS, PushedWhere(PAIRS)),
        entry(Subject::Join(JoinKind::Right), ROWS, PushedWhere(PAIRS)),
        entry(Subject::Join(JoinKind::Full), ROWS, Refused("MySQL has none")),
        entry(Subject::Join(JoinKind::LeftSemi), ROWS, PushedWhere(SEMI)),
        entry(Subject::Join(JoinKind::LeftAnti), ROWS, PushedWhere(SEMI)),
        entry(Subject::RowNumber, ROWS, PushedWhere(WINDOWS)),
        entry(Subject::Rank, ROWS, PushedWhere(WINDOWS)),
        entry(Subject::Union, COMPARED, Pushed),
        entry(Subject::GroupBy, SHORT_KEYS, Pushed),
        entry(Subject::GroupBy, LONG_KEYS, PushedWhere(SHORT)),
        entry(Subject::GroupBy, &[Float], Refused(ZEROS)),
        entry(Subject::OrderBy, SHORT_KEYS, Pushed),
        entry(Subject::OrderBy, LONG_KEYS, PushedWhere(SHORT)),
        entry(Subject::OrderBy, &[Float], Refused(ORDER_OF_ZEROS)),
        entry(
            Subject::Literal,
            COMPARED,
            PushedWhere("MySQL can hold it: no infinity, no year before 1 or after 9999"),
        ),
        entry(Subject::Subquery, COMPARED, PushedWhere(ONE_ROW)),
        entry(Subject::Case, COMPARED, Pushed),
        entry(Subject::Cast(SmallInteger), &[SmallInteger], PushedWhere(EXACT)),
        entry(Subject::Cast(Integer), &[SmallInteger], Pushed),
        entry(Subject::Cast(Integer), &[Unsigned], PushedWhere(EXACT)),
        entry(Subject::Cast(Float), INTEGERS, Pushed),
        entry(
            Subject::Cast(Float),
            &[Decimal],
            Refused("the last digit is rounded in another way"),
        ),
        entry(Subject::Cast(Decimal), &[SmallInteger, Integer, Decimal], PushedWhere(EXACT)),
        entry(Subject::Cast(Text), INTEGERS, Pushed),
        entry(Subject::Cast(Text), &[Float], Refused("doubles are written in another way")),
        entry(Subject::Cast(Timestamp), &[Date], Pushed),
        entry(Subject::Function(F::Equal), COMPARED, Pushed),
        entry(Subject::Function(F::Equal), &[SmallFloat], Refused(REAL)),
        entry(Subject::Function(F::NotEqual), COMPARED, Pushed),
        entry(Subject::Function(F::Less), COMPARED, Pushed),
        entry(Subject::Function(F::LessOrEqual), COMPARED, Pushed),
        entry(Subject::Function(F::Greater), COMPARED, Pushed),
        entry(Subject::Function(F::GreaterOrEqual), COMPARED, Pushed),
        entry(Subject::Function(F::Same), COMPARED, Pushed),
        entry(Subject::Function(F::In), SHORT_KEYS, Pushed),
        entry(Subject::Function(F::In), LONG_KEYS, Pushed),
        entry(Subject::Function(F::In), &[Float], Refused(LIST_OF_ZEROS)),
        entry(Subject::Function(F::And), &[Boolean], Pushed),
        entry(Subject::Function(F::Or), &[Boolean], Pushed),
        entry(Subject::Function(F::Not), &[Boolean], Pushed),
        entry(Subject::Function(F::IsNull), ANY, Pushed),
        entry(Subject::Function(F::IsNotNull), ANY, Pushed),
        entry(Subject::Function(F::Add), &[Integer], Pushed),
        entry(Subject::Function(F::Add), &[Decimal], PushedWhere(AT_MOST_57)),
        entry(Subject::Function(F::Add), &[Float], Refused(INFINITY)),
        entry(Subject::Function(F::Subtract), &[Integer], Pushed),
        entry(Subject::Function(F::Subtract), &[Decimal], PushedWhere(AT_MOST_57)),
        entry(Subject::Function(F::Subtract), &[Float], Refused(INFINITY)),
        entry(Subject::Function(F::Multiply), &[Integer], Pushed),
        entry(Subject::Function(F::Multiply), &[Decimal], PushedWhere(AT_MOST_57)),
        entry(Subject::Function(F::Multiply), &[Float], Refused(INFINITY)),
        entry(Subject::Function(F::Negate), &[Integer, Decimal], Pushed),
        entry(
            Subject::Function(F::Negate),
            &[Float],
            Refused("MySQL has -0.0 in some places only"),
        ),
        entry(Subject::Function(F::Absolute), &[Integer, Decimal], Pushed),
        entry(Subject::Function(F::Coalesce), COMPARED, Pushed),
        entry(Subject::Function(F::Like), &[Text], PushedWhere("the pattern is a literal")),
        entry(Subject::Function(F::CharacterLength), &[Text], Pushed),
        entry(Subject::Function(F::Substring), &[Text], PushedWhere(PLACES)),
        entry(
            Subject::Function(F::Concat),
            &[Text],
            PushedWhere("it has at most 65535 characters, as MySQL makes longer ones null"),
        ),
        entry(Subject::Function(F::Year), CALENDAR, Pushed),
        entry(Subject::Function(F::Month), CALENDAR, Pushed),
        entry(Subject::Function(F::Day), CALENDAR, Pushed),
        entry(Subject::Aggregate(A::Count), ROWS, Pushed),
        entry(Subject::Aggregate(A::Count), ANY, Pushed),
        entry(Subject::Aggregate(A::Sum), &[Decimal], PushedWhere(EXACT)),
        entry(Subject::Aggregate(A::Sum), &[Float], Refused(ORDER_OF_SUM)),
        entry(Subject::Aggregate(A::Min), EXTREMES, Pushed),
        entry(Subject::Aggregate(A::Min), &[Float], Refused(ORDER_OF_ZEROS)),
        entry(Subject::Aggregate(A::Max), EXTREMES, Pushed),
        entry(Subject::Aggregate(A::Max), &[Float], Refused(ORDER_OF_ZEROS)),
        entry(Subject::AggregateDistinct(A::Count), SHORT_KEYS, Pushed),
        entry(Subject::AggregateDistinct(A::Count), LONG_KEYS, PushedWhere(SHORT)),
        entry(Subject::AggregateDistinct(A::Count), &[Float], Refused(ZEROS)),
        entry(Subject::AggregateDistinct(A::Sum), &[Decimal], PushedWhere(EXACT)),
        entry(Subject::AggregateDistinct(A::Min), EXTREMES, Pushed),
        entry(Subject::AggregateDistinct(A::Min), &[Float], Refused(ORDER_OF_ZEROS)),
        entry(Subject::AggregateDistinct(A::Max), EXTREMES, Pushed),
        entry(Subject::AggregateDistinct(A::Max), &[Float], Refused(ORDER_OF_ZEROS)),
        entry(Subject::AggregateOver(A::Count), ROWS, Pushed),
        entry(Subject::AggregateOver(A::Count), ANY, Pushed),
        entry(Subject::AggregateOver(A::Sum), &[Decimal], PushedWhere(EXACT)),
        entry(Subject::AggregateOver(A::Sum), &[Float], Refused(ORDER_OF_SUM)),
        entry(Subject::AggregateOver(A::Min), EXTREMES, Pushed),
        entry(Subject::AggregateOver(A::Min), &[Float], Refused(ORDER_OF_ZEROS)),
        entry(Subject::AggregateOver(A::Max), EXTREMES, Pushed),
        entry(Subject::AggregateOver(A::Max), &[Float], Refused(ORDER_OF_ZEROS)),
    ],
};
