//! PostgreSQL 10 and newer, with a database in UTF-8.

use super::{Answer::*, Capabilities, Entry, Kind, Kind::*, Subject};
use mooring_spi::{AggregateFunction as A, Function as F, JoinKind};

const ROWS: &[Kind] = &[Rows];
const COMPARED: &[Kind] = &[
    Boolean,
    SmallInteger,
    Integer,
    Unsigned,
    SmallFloat,
    Float,
    Decimal,
    Text,
    Binary,
    Date,
    Timestamp,
    Instant,
];
const ANY: &[Kind] = &[
    Boolean,
    SmallInteger,
    Integer,
    Unsigned,
    SmallFloat,
    Float,
    Decimal,
    Text,
    Binary,
    Date,
    Timestamp,
    Instant,
    Other,
];
/// Equal values are the same value.
const KEYS: &[Kind] =
    &[Boolean, SmallInteger, Integer, Unsigned, Decimal, Text, Binary, Date, Timestamp, Instant];
const FLOATS: &[Kind] = &[SmallFloat, Float];
const INTEGERS: &[Kind] = &[SmallInteger, Integer];
const EXTREMES: &[Kind] =
    &[SmallInteger, Integer, Unsigned, Decimal, Text, Date, Timestamp, Instant];
const CALENDAR: &[Kind] = &[Date, Timestamp];
const INFINITY: &str = "PostgreSQL has an error where IEEE 754 has infinity or zero";
const ZEROS: &str = "0.0 and -0.0 are equal and not the same";
const LIST_OF_ZEROS: &str = "0.0 is not found as -0.0 in a long list in Mooring";
const ORDER_OF_ZEROS: &str = "-0.0 stands before 0.0 in Mooring and beside it there";
const ORDER_OF_SUM: &str = "the sum depends on the order of its values";

const fn entry(subject: Subject, kinds: &'static [Kind], answer: super::Answer) -> Entry {
    Entry { subject, kinds, answer }
}

pub(in super::super) static POSTGRES: Capabilities = Capabilities {
    database: "PostgreSQL",
    entries: &[
        entry(Subject::Scan, ROWS, Pushed),
        entry(Subject::Filter, ROWS, Pushed),
        entry(Subject::Project, ROWS, Pushed),
        entry(Subject::Limit, ROWS, Pushed),
        entry(Subject::Join(JoinKind::Inner), ROWS, Pushed),
        entry(Subject::Join(JoinKind::Left), ROWS, Pushed),
        entry(Subject::Join(JoinKind::Right), ROWS, Pushed),
        entry(
            Subject::Join(JoinKind::Full),
            ROWS,
            PushedWhere("every condition is an equality of both sides"),
        ),
        entry(Subject::Join(JoinKind::LeftSemi), ROWS, Pushed),
        entry(Subject::Join(JoinKind::LeftAnti), ROWS, Pushed),
        entry(Subject::RowNumber, ROWS, Pushed),
        entry(Subject::Rank, ROWS, Pushed),
        entry(Subject::Union, COMPARED, Pushed),
        entry(Subject::GroupBy, KEYS, Pushed),
        entry(Subject::GroupBy, FLOATS, Refused(ZEROS)),
        entry(Subject::OrderBy, KEYS, Pushed),
        entry(Subject::OrderBy, FLOATS, Refused(ORDER_OF_ZEROS)),
        entry(
            Subject::Literal,
            COMPARED,
            PushedWhere("PostgreSQL can hold it and its year is from 1 to 9999"),
        ),
        entry(Subject::Case, COMPARED, Pushed),
        entry(Subject::Cast(SmallInteger), INTEGERS, Pushed),
        entry(Subject::Cast(Integer), &[SmallInteger, Unsigned], Pushed),
        entry(Subject::Cast(Float), &[SmallInteger, Integer, SmallFloat], Pushed),
        entry(
            Subject::Cast(Float),
            &[Decimal],
            Refused("the last digit is rounded in another way"),
        ),
        entry(Subject::Cast(Decimal), INTEGERS, Pushed),
        entry(Subject::Cast(Decimal), &[Decimal], PushedWhere("no digit of the fraction is lost")),
        entry(Subject::Cast(Decimal), FLOATS, Refused("the last digit is rounded in another way")),
        entry(Subject::Cast(Text), INTEGERS, Pushed),
        entry(Subject::Cast(Text), FLOATS, Refused("doubles are written in another way")),
        entry(Subject::Cast(Timestamp), &[Date], Pushed),
        entry(Subject::Function(F::Equal), COMPARED, Pushed),
        entry(Subject::Function(F::NotEqual), COMPARED, Pushed),
        entry(Subject::Function(F::Less), COMPARED, Pushed),
        entry(Subject::Function(F::LessOrEqual), COMPARED, Pushed),
        entry(Subject::Function(F::Greater), COMPARED, Pushed),
        entry(Subject::Function(F::GreaterOrEqual), COMPARED, Pushed),
        entry(Subject::Function(F::Same), COMPARED, Pushed),
        entry(Subject::Function(F::In), KEYS, Pushed),
        entry(Subject::Function(F::In), FLOATS, Refused(LIST_OF_ZEROS)),
        entry(Subject::Function(F::And), &[Boolean], Pushed),
        entry(Subject::Function(F::Or), &[Boolean], Pushed),
        entry(Subject::Function(F::Not), &[Boolean], Pushed),
        entry(Subject::Function(F::IsNull), ANY, Pushed),
        entry(Subject::Function(F::IsNotNull), ANY, Pushed),
        entry(Subject::Function(F::Add), &[Integer, Decimal], Pushed),
        entry(Subject::Function(F::Add), FLOATS, Refused(INFINITY)),
        entry(Subject::Function(F::Subtract), &[Integer, Decimal], Pushed),
        entry(Subject::Function(F::Subtract), FLOATS, Refused(INFINITY)),
        entry(Subject::Function(F::Multiply), &[Integer, Decimal], Pushed),
        entry(Subject::Function(F::Multiply), FLOATS, Refused(INFINITY)),
        entry(Subject::Function(F::Negate), &[Integer, Decimal], Pushed),
        entry(Subject::Function(F::Negate), FLOATS, Refused("a negative NaN is NaN there")),
        entry(Subject::Function(F::Absolute), &[Integer, Decimal, Float], Pushed),
        entry(Subject::Function(F::Coalesce), COMPARED, Pushed),
        entry(Subject::Function(F::Like), &[Text], PushedWhere("the pattern is a literal")),
        entry(Subject::Function(F::CharacterLength), &[Text], Pushed),
        entry(
            Subject::Function(F::Substring),
            &[Text],
            PushedWhere("place and number are literals"),
        ),
        entry(Subject::Function(F::Concat), &[Text], Pushed),
        entry(Subject::Function(F::Year), CALENDAR, Pushed),
        entry(Subject::Function(F::Month), CALENDAR, Pushed),
        entry(Subject::Function(F::Day), CALENDAR, Pushed),
        entry(Subject::Aggregate(A::Count), ROWS, Pushed),
        entry(Subject::Aggregate(A::Count), ANY, Pushed),
        entry(Subject::Aggregate(A::Sum), &[Decimal], Pushed),
        entry(Subject::Aggregate(A::Sum), FLOATS, Refused(ORDER_OF_SUM)),
        entry(Subject::Aggregate(A::Min), EXTREMES, Pushed),
        entry(Subject::Aggregate(A::Min), FLOATS, Refused(ORDER_OF_ZEROS)),
        entry(Subject::Aggregate(A::Min), &[Boolean, Binary], Refused("PostgreSQL has none")),
        entry(Subject::Aggregate(A::Max), EXTREMES, Pushed),
        entry(Subject::Aggregate(A::Max), FLOATS, Refused(ORDER_OF_ZEROS)),
        entry(Subject::Aggregate(A::Max), &[Boolean, Binary], Refused("PostgreSQL has none")),
        entry(Subject::AggregateDistinct(A::Count), KEYS, Pushed),
        entry(Subject::AggregateDistinct(A::Count), FLOATS, Refused(ZEROS)),
        entry(Subject::AggregateDistinct(A::Sum), &[Decimal], Pushed),
        entry(Subject::AggregateDistinct(A::Min), EXTREMES, Pushed),
        entry(Subject::AggregateDistinct(A::Min), FLOATS, Refused(ORDER_OF_ZEROS)),
        entry(Subject::AggregateDistinct(A::Max), EXTREMES, Pushed),
        entry(Subject::AggregateDistinct(A::Max), FLOATS, Refused(ORDER_OF_ZEROS)),
        entry(Subject::AggregateOver(A::Count), ROWS, Pushed),
        entry(Subject::AggregateOver(A::Count), ANY, Pushed),
        entry(Subject::AggregateOver(A::Sum), &[Decimal], Pushed),
        entry(Subject::AggregateOver(A::Sum), FLOATS, Refused(ORDER_OF_SUM)),
        entry(Subject::AggregateOver(A::Min), EXTREMES, Pushed),
        entry(Subject::AggregateOver(A::Min), FLOATS, Refused(ORDER_OF_ZEROS)),
        entry(Subject::AggregateOver(A::Max), EXTREMES, Pushed),
        entry(Subject::AggregateOver(A::Max), FLOATS, Refused(ORDER_OF_ZEROS)),
    ],
};
