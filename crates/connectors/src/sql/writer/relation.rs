//! Operators of one input, scans and unions.

use super::Draft;
use super::select::{Select, Stage, longest, merged_collation};
use crate::sql::{Form, Kind, Native, Operand, Shape, Subject};
use mooring_spi::{Expression, ExpressionKind, Operator, Relation, SortKey, Table, Unsupported};
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn select(&mut self, relation: &Relation) -> Result<Select, Unsupported> {
        self.deeper(|draft| draft.operator(relation))
    }

    fn operator(&mut self, relation: &Relation) -> Result<Select, Unsupported> {
        let select = match &relation.operator {
            Operator::Scan { table, projection } => self.scan(table, projection),
            Operator::Filter { input, conditions } => self.filter(input, conditions),
            Operator::Project { input, expressions } => self.project(input, expressions),
            Operator::Aggregate { input, groups, aggregates } => {
                self.aggregate(input, groups, aggregates)
            }
            Operator::Limit { input, order, limit, offset } => {
                self.limit(input, order, (*limit, *offset))
            }
            Operator::Join { left, right, kind, conditions } => {
                self.join(left, right, *kind, conditions)
            }
            Operator::Union { inputs } => self.union(inputs),
            Operator::Window { input, calls } => self.window(input, calls),
        }?;
        if select.columns.len() != relation.columns.len() {
            return Err(Unsupported(
                "the relation's columns are not those of its operator".to_owned(),
            ));
        }
        Ok(select)
    }

    fn scan(&mut self, table: &Arc<Table>, projection: &[usize]) -> Result<Select, Unsupported> {
        self.require(Subject::Scan, Kind::Rows)?;
        let source = (self.writer.source_table)(table)?;
        let dialect = self.writer.dialect;
        let alias = self.alias();
        let mut columns = Vec::with_capacity(projection.len());
        for &at in projection {
            let (Some(column), Some(field)) =
                (source.columns.get(at), table.schema.fields().get(at))
            else {
                return Err(Unsupported(format!("table `{}` has no column {at}", source.name)));
            };
            let native = format!("{alias}.{}", dialect.identifier(&column.name));
            let mut shape = Shape::of(field.data_type().clone());
            shape.native = Some(Native {
                schema: source.schema.clone(),
                table: source.name.clone(),
                column: at,
            });
            match &column.form {
                Form::Exact => {}
                // What is only fetched is fetched as it stands: who reads it tells of the column.
                Form::ZeroDates { are_null: false } => {}
                Form::ZeroDates { are_null: true } => shape.native = None,
                Form::Bytes { at_most } => shape.at_most = *at_most,
                Form::Text { collation, at_most, converted } => {
                    shape.collation = collation.clone();
                    shape.at_most = *at_most;
                    if *converted {
                        shape.native = None;
                    }
                }
                Form::Opaque { reason, .. } => {
                    shape.opaque = Some(format!("column `{}` is {reason}", column.name));
                }
            }
            let sql = dialect.column(&native, &column.form);
            let column = Some((native, column.form.clone()));
            columns.push(Operand { sql, shape, column, simple: true, plain: true });
        }
        let (schema, name) = (dialect.identifier(&source.schema), dialect.identifier(&source.name));
        Ok(Select::from(format!("{schema}.{name} AS {alias}"), columns))
    }

    fn filter(
        &mut self,
        input: &Relation,
        conditions: &[Expression],
    ) -> Result<Select, Unsupported> {
        self.require(Subject::Filter, Kind::Rows)?;
        let input = self.select(input)?;
        let mut select = self.open(input);
        let texts = self.conditions(conditions, &select.columns)?;
        select.conditions.extend(texts);
        Ok(select)
    }

    fn project(
        &mut self,
        input: &Relation,
        expressions: &[Expression],
    ) -> Result<Select, Unsupported> {
        self.require(Subject::Project, Kind::Rows)?;
        let input = self.select(input)?;
        let is_choice = expressions
            .iter()
            .all(|expression| matches!(expression.kind, ExpressionKind::Column(_)));
        // Fewer of the same columns fit into every SELECT.
        let mut select = if is_choice { input } else { self.open(input) };
        select.columns = self.expressions(expressions, &select.columns)?;
        Ok(select)
    }

    fn limit(
        &mut self,
        input: &Relation,
        order: &[SortKey],
        (limit, offset): (Option<u64>, u64),
    ) -> Result<Select, Unsupported> {
        self.require(Subject::Limit, Kind::Rows)?;
        let mut select = self.select(input)?;
        if select.stage == Stage::Finished {
            select = self.wrapped(select);
        }
        let keys = self.sort_keys(order, &select.columns)?;
        if limit.is_none() && offset == 0 {
            return Ok(select);
        }
        if !keys.is_empty() {
            select.tail.push_str(&format!(" ORDER BY {}", keys.join(", ")));
        }
        select.tail.push_str(&self.writer.dialect.limit(limit, offset));
        select.stage = Stage::Finished;
        Ok(select)
    }

    /// Without those that are the same for all rows.
    pub(super) fn sort_keys(
        &mut self,
        order: &[SortKey],
        columns: &[Operand],
    ) -> Result<Vec<String>, Unsupported> {
        let mut keys = Vec::with_capacity(order.len());
        for key in order {
            let operand = self.expression(&key.expression, columns)?;
            self.require_key(Subject::OrderBy, &operand)?;
            if operand.is_constant() {
                continue;
            }
            let (texts, _) = self.writer.dialect.comparable(&[&operand], true);
            keys.push(self.writer.dialect.sort_key(
                &texts.concat(),
                key.descending,
                key.nulls_first,
            ));
        }
        Ok(keys)
    }

    fn union(&mut self, inputs: &[Relation]) -> Result<Select, Unsupported> {
        let mut branches = Vec::with_capacity(inputs.len());
        for input in inputs {
            let mut select = self.select(input)?;
            if select.stage == Stage::Finished {
                select = self.wrapped(select);
            }
            branches.push(select);
        }
        let Some(width) = branches.first().map(|first| first.columns.len()) else {
            return Err(Unsupported("a union of nothing".to_owned()));
        };
        let alias = self.alias();
        let mut columns = Vec::with_capacity(width);
        for at in 0..width {
            columns.push(self.union_column(&branches, at, &alias)?);
        }
        for branch in &mut branches {
            for column in &mut branch.columns {
                column.sql = self.writer.dialect.beside_others(column);
            }
        }
        let texts: Vec<String> = branches.iter().map(Select::text).collect();
        Ok(Select::from(format!("({}) AS {alias}", texts.join(" UNION ALL ")), columns))
    }

    fn union_column(
        &self,
        branches: &[Select],
        at: usize,
        alias: &str,
    ) -> Result<Operand, Unsupported> {
        let mut values = Vec::with_capacity(branches.len());
        for branch in branches {
            let Some(value) = branch.columns.get(at) else {
                return Err(Unsupported("a union of rows of different widths".to_owned()));
            };
            self.require(Subject::Union, value.shape.kind())?;
            values.push(value);
        }
        let Some(first) = values.first() else {
            return Err(Unsupported("a union of nothing".to_owned()));
        };
        if values.iter().any(|value| value.shape.data_type != first.shape.data_type) {
            return Err(Unsupported("a union of different types".to_owned()));
        }
        let mut shape = Shape::of(first.shape.data_type.clone());
        shape.collation = merged_collation(values.iter().copied());
        shape.at_most = longest(values.iter().copied());
        shape.can_fail = values.iter().any(|value| value.shape.can_fail);
        Ok(Operand {
            sql: format!("{alias}.c{at}"),
            shape,
            column: None,
            simple: true,
            plain: true,
        })
    }

    pub(super) fn require(&self, subject: Subject, kind: Kind) -> Result<(), Unsupported> {
        self.writer.dialect.capabilities().require(subject, kind)
    }

    /// For what rows are sorted or hashed by.
    pub(super) fn require_key(
        &self,
        subject: Subject,
        operand: &Operand,
    ) -> Result<(), Unsupported> {
        let dialect = self.writer.dialect;
        let kind = operand.shape.kind();
        if let Some(reason) = &operand.shape.opaque {
            return Err(Unsupported(format!("`{subject}`: {reason}")));
        }
        self.require(subject, kind)?;
        let Some(longest) = dialect.longest_key() else { return Ok(()) };
        let is_short = operand.shape.at_most.is_some_and(|at_most| at_most <= longest);
        if matches!(kind, Kind::Text | Kind::Binary) && !is_short {
            return Err(dialect.capabilities().unmet(subject, kind));
        }
        Ok(())
    }
}
