//! Relations and expressions to text. What cannot be written exactly is refused on the way.

mod aggregate;
mod condition;
mod expression;
mod function;
mod join;
mod relation;
mod select;

use super::{Dialect, Operand, OutputColumn, SourceTable};
use mooring_spi::{Expression, Relation, Table, Unsupported};
use select::Select;
use std::sync::Arc;

/// Levels of operators and expressions: parsers of databases recurse.
const DEEPEST: usize = 100;
/// Bytes of a statement: a quarter of the smallest `max_allowed_packet` in use.
const LONGEST: usize = 1 << 20;
/// Tables of a statement: MySQL joins no more than 61.
const MOST_TABLES: usize = 40;

/// Writes for one catalog.
#[derive(Clone, Copy)]
pub struct SqlWriter<'a> {
    pub dialect: &'a dyn Dialect,
    /// What a connector makes of its own table handle.
    pub source_table: &'a (dyn Fn(&Arc<Table>) -> Result<SourceTable, Unsupported> + Sync),
}

/// A statement and what its columns are. A relation without columns has one that means nothing.
#[derive(Debug, Clone)]
pub struct Statement {
    pub sql: String,
    pub columns: Vec<OutputColumn>,
}

/// A statement that is being written.
struct Draft<'a> {
    writer: SqlWriter<'a>,
    aliases: usize,
    depth: usize,
}

impl SqlWriter<'_> {
    /// The statement that makes a relation's rows, with columns `c0`, `c1` and so on.
    ///
    /// # Errors
    /// Why the source does not do exactly this.
    pub fn statement(&self, relation: &Relation) -> Result<Statement, Unsupported> {
        let mut draft = self.draft();
        let mut select = draft.checked_select(relation)?;
        select.fetch();
        let columns = select
            .columns
            .iter()
            .map(|column| match &column.shape.native {
                Some(native) => OutputColumn::Native(native.clone()),
                None => OutputColumn::Computed(column.shape.data_type.clone()),
            })
            .collect();
        let sql = select.text();
        if sql.len() > LONGEST {
            return Err(Unsupported(format!(
                "the statement has {} bytes, at most {LONGEST} are sent",
                sql.len()
            )));
        }
        Ok(Statement { sql, columns })
    }

    /// As [`mooring_spi::PushDown::supports`].
    ///
    /// # Errors
    /// Why not.
    pub fn supports(&self, relation: &Relation) -> Result<(), Unsupported> {
        self.statement(relation).map(|_| ())
    }

    /// As [`mooring_spi::PushDown::supports_expression`]; a boolean one is taken for a condition.
    ///
    /// # Errors
    /// Why not.
    pub fn supports_expression(
        &self,
        expression: &Expression,
        inputs: &[&Relation],
    ) -> Result<(), Unsupported> {
        let mut draft = self.draft();
        let mut columns: Vec<Operand> = Vec::new();
        for input in inputs {
            let select = draft.select(input)?;
            columns.extend(draft.wrapped(select).columns);
        }
        if expression.data_type == arrow::datatypes::DataType::Boolean {
            draft.condition(expression, &columns).map(|_| ())
        } else {
            draft.expression(expression, &columns).map(|_| ())
        }
    }

    fn draft(&self) -> Draft<'_> {
        Draft { writer: *self, aliases: 0, depth: 0 }
    }
}

impl std::fmt::Debug for SqlWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlWriter").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Draft<'_> {
    fn checked_select(&mut self, relation: &Relation) -> Result<Select, Unsupported> {
        let tables = relation.tables().len();
        if tables > MOST_TABLES {
            return Err(Unsupported(format!(
                "{tables} tables, at most {MOST_TABLES} are sent in one statement"
            )));
        }
        self.select(relation)
    }

    /// One level deeper.
    fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Unsupported>,
    ) -> Result<T, Unsupported> {
        if self.depth == DEEPEST {
            return Err(Unsupported(format!("more than {DEEPEST} levels")));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }
}
