//! What each database does exactly as the relational language says, and for which types: one static table per database.

mod kind;
mod mysql;
mod page;
mod postgres;

pub use kind::Kind;
pub use page::page;

pub(super) use mysql::MYSQL;
pub(super) use postgres::POSTGRES;

use mooring_spi::{AggregateFunction, Function, JoinKind, Unsupported};

/// What a line of the table is about. The kind beside it is that of the first argument, or of the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Scan,
    Filter,
    Project,
    GroupBy,
    OrderBy,
    Limit,
    Join(JoinKind),
    Union,
    RowNumber,
    Rank,
    Literal,
    /// Of one row at most.
    Subquery,
    Case,
    /// To this kind.
    Cast(Kind),
    Function(Function),
    Aggregate(AggregateFunction),
    AggregateDistinct(AggregateFunction),
    /// Over a partition.
    AggregateOver(AggregateFunction),
}

/// Whether a database does something exactly so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Pushed,
    /// Only where this holds.
    PushedWhere(&'static str),
    /// For this reason.
    Refused(&'static str),
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub subject: Subject,
    pub kinds: &'static [Kind],
    pub answer: Answer,
}

const ZEROS: &str = "0.0 and -0.0 are equal and not the same";
const ORDER_OF_SUM: &str = "the sum depends on the order of its values";
const ONE_ROW: &str = "it has one row at most, whatever its tables hold";
const PLACES: &str = "place and number are literals of 1 and more";

const fn entry(subject: Subject, kinds: &'static [Kind], answer: Answer) -> Entry {
    Entry { subject, kinds, answer }
}

/// The table of one database. What has no line is not pushed.
#[derive(Debug)]
pub struct Capabilities {
    pub database: &'static str,
    pub entries: &'static [Entry],
}

impl Capabilities {
    pub fn answer(&self, subject: Subject, kind: Kind) -> Option<Answer> {
        self.entries
            .iter()
            .find(|entry| entry.subject == subject && entry.kinds.contains(&kind))
            .map(|entry| entry.answer)
    }

    /// # Errors
    /// Where the table does not say that it is pushed. Of what is pushed under a condition, the caller looks at that.
    pub fn require(&self, subject: Subject, kind: Kind) -> Result<(), Unsupported> {
        match self.answer(subject, kind) {
            Some(Answer::Pushed | Answer::PushedWhere(_)) => Ok(()),
            Some(Answer::Refused(reason)) => {
                Err(Unsupported(format!("`{subject}` of {kind}: {reason}")))
            }
            None => Err(Unsupported(format!(
                "`{subject}` of {kind} is not in the table of {}",
                self.database
            ))),
        }
    }

    /// Why not, where the condition of [`Answer::PushedWhere`] does not hold.
    pub(super) fn unmet(&self, subject: Subject, kind: Kind) -> Unsupported {
        let condition = match self.answer(subject, kind) {
            Some(Answer::PushedWhere(condition) | Answer::Refused(condition)) => condition,
            Some(Answer::Pushed) | None => "it is exact",
        };
        Unsupported(format!("`{subject}` of {kind} only where {condition}"))
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Scan => f.write_str("scan"),
            Subject::Filter => f.write_str("filter"),
            Subject::Project => f.write_str("projection"),
            Subject::GroupBy => f.write_str("GROUP BY, DISTINCT"),
            Subject::OrderBy => f.write_str("ORDER BY"),
            Subject::Limit => f.write_str("LIMIT"),
            Subject::Join(kind) => write!(f, "{} join", join_name(*kind)),
            Subject::Union => f.write_str("UNION ALL"),
            Subject::RowNumber => f.write_str("row_number() over"),
            Subject::Rank => f.write_str("rank(), dense_rank() over"),
            Subject::Literal => f.write_str("literal"),
            Subject::Subquery => f.write_str("scalar subquery"),
            Subject::Case => f.write_str("CASE"),
            Subject::Cast(kind) => write!(f, "CAST to {kind}"),
            Subject::Function(function) => f.write_str(function_name(*function)),
            Subject::Aggregate(function) => f.write_str(aggregate_name(*function)),
            Subject::AggregateDistinct(function) => {
                write!(f, "{} distinct", aggregate_name(*function))
            }
            Subject::AggregateOver(function) => write!(f, "{} over", aggregate_name(*function)),
        }
    }
}

fn join_name(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "inner",
        JoinKind::Left => "left",
        JoinKind::Right => "right",
        JoinKind::Full => "full",
        JoinKind::LeftSemi => "semi",
        JoinKind::LeftAnti => "anti",
    }
}

fn aggregate_name(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
    }
}

fn function_name(function: Function) -> &'static str {
    match function {
        Function::Equal => "=",
        Function::NotEqual => "<>",
        Function::Less => "<",
        Function::LessOrEqual => "<=",
        Function::Greater => ">",
        Function::GreaterOrEqual => ">=",
        Function::Same => "IS NOT DISTINCT FROM",
        Function::In => "IN",
        Function::And => "AND",
        Function::Or => "OR",
        Function::Not => "NOT",
        Function::IsNull => "IS NULL",
        Function::IsNotNull => "IS NOT NULL",
        Function::Add => "+",
        Function::Subtract => "-",
        Function::Multiply => "*",
        Function::Negate => "- (negative)",
        Function::Absolute => "abs",
        Function::Coalesce => "coalesce",
        Function::Like => "LIKE",
        Function::CharacterLength => "character_length",
        Function::Substring => "substring",
        Function::Concat => "concat",
        Function::Year => "year",
        Function::Month => "month",
        Function::Day => "day",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        for table in [&POSTGRES, &MYSQL] {
            for (at, entry) in table.entries.iter().enumerate() {
                assert!(!entry.kinds.is_empty(), "{} has no kinds", entry.subject);
                for other in &table.entries[at + 1..] {
                    let twice = entry.subject == other.subject
                        && entry.kinds.iter().any(|kind| other.kinds.contains(kind));
                    assert!(!twice, "{}: `{}` stands twice", table.database, entry.subject);
                }
            }
        }
    }
}
