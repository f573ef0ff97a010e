//! Plans that statements share which differ only in whole numbers that a column is compared with:
//! `WHERE id = 7`, `WHERE id = 8`. Applications and dashboards send these by the thousand, and telling
//! what one means takes longer than reading its row.
//!
//! The shared plan, PostgreSQL's "generic plan", is the optimized logical one, with a placeholder for
//! each number. A query puts its numbers and its own snapshot of the tables into a copy; everything that
//! looks at values or statistics (pruning, the order of joins, distribution) happens after that.

use crate::constant_plans::{is_short, means_the_same};
use crate::filtering_table::{FilteringTable, filter_in_scan};
use crate::query_context::QueryContext;
use crate::snapshot::Snapshot;
use crate::table::MooringTable;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::logical_plan::LogicalTableSource;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan};
use parking_lot::Mutex;
use sqlparser::ast::{self, BinaryOperator, Query, SetExpr, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Statements whose plans are kept, and that are remembered because they came once.
const STATEMENTS_MAX: usize = 512;

/// A query without the numbers that it compares columns with, and all that its meaning depends on
/// beside its tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct GenericKey {
    query: Query,
    catalog: String,
    schema: Option<String>,
    time_zone: String,
    sql_mode: String,
    dialect: String,
}

/// A statement taken apart.
pub(crate) struct Shape {
    key: GenericKey,
    numbers: Vec<i64>,
}

impl Shape {
    /// `None` for a query that is too long to be remembered. Its relations are folded already.
    pub fn of(query: &Query, context: &QueryContext) -> Option<Self> {
        if !is_short(query) {
            return None;
        }
        let mut query = query.clone();
        let mut numbers = Vec::new();
        if let SetExpr::Select(select) = query.body.as_mut()
            && let Some(condition) = &mut select.selection
        {
            take_numbers(condition, &mut numbers);
        }
        let key = GenericKey {
            query,
            catalog: context.current.catalog.clone(),
            schema: context.current.schema.clone(),
            time_zone: context.options.time_zone.clone(),
            sql_mode: context.options.sql_mode.clone(),
            dialect: context.options.dialect.clone(),
        };
        Some(Self { key, numbers })
    }

    /// The query with `$1`, `$2`, … in place of the numbers.
    pub fn query(&self) -> Query {
        self.key.query.clone()
    }
}

/// Only what stands directly beside a column, in a condition that every row has to meet.
fn take_numbers(condition: &mut ast::Expr, numbers: &mut Vec<i64>) {
    let ast::Expr::BinaryOp { left, op, right } = condition else { return };
    match op {
        BinaryOperator::And => {
            take_numbers(left, numbers);
            take_numbers(right, numbers);
        }
        BinaryOperator::Eq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq => {
            let is_column =
                matches!(**left, ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_));
            if let ast::Expr::Value(value) = right.as_mut()
                && let Value::Number(digits, false) = &value.value
                && let Ok(number) = digits.parse()
                && is_column
            {
                numbers.push(number);
                value.value = Value::Placeholder(format!("${}", numbers.len()));
            }
        }
        _ => {}
    }
}

/// An optimized plan with placeholders.
#[derive(Debug)]
pub(crate) struct GenericPlan {
    plan: LogicalPlan,
    /// Whether its one table has to apply its filters for good.
    scan_filters: bool,
}

impl GenericPlan {
    /// `None` unless the plan, `written` before it was optimized, always gives the same, and every placeholder in it stands
    /// beside a column of whole numbers, as its number would.
    ///
    /// # Errors
    /// As walking a plan.
    pub fn new(written: &LogicalPlan, optimized: LogicalPlan) -> Result<Option<Self>> {
        let mut fits = means_the_same(written);
        optimized.apply_with_subqueries(|plan| {
            fits &= match plan {
                LogicalPlan::TableScan(scan) => source_as_provider(&scan.source)?
                    .downcast_ref::<MooringTable>()
                    .is_some_and(|table| !table.catalog.is_session()),
                LogicalPlan::Extension(_) => false,
                _ => true,
            };
            plan.apply_expressions(|expr| {
                expr.apply(|expr| {
                    fits &= !holds_subquery(expr);
                    Ok(match expr {
                        Expr::BinaryExpr(BinaryExpr { left, right, .. })
                            if is_compared(left, right) || is_compared(right, left) =>
                        {
                            TreeNodeRecursion::Jump
                        }
                        Expr::Placeholder(_) => {
                            fits = false;
                            TreeNodeRecursion::Stop
                        }
                        _ => TreeNodeRecursion::Continue,
                    })
                })
            })
        })?;
        if !fits {
            return Ok(None);
        }
        // What is kept holds no catalog and no session, only the columns of the tables, as they are declared.
        let plan = optimized.transform_up(|plan| match plan {
            LogicalPlan::TableScan(mut scan) => {
                let source = source_as_provider(&scan.source)?;
                let table = source.downcast_ref::<MooringTable>();
                let declared = table.map_or_else(|| source.schema(), |it| it.table.schema.clone());
                scan.source = Arc::new(LogicalTableSource::new(declared));
                Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
            }
            plan => Ok(Transformed::no(plan)),
        })?;
        Ok(Some(Self::of_template(plan.data)?))
    }

    fn of_template(plan: LogicalPlan) -> Result<Self> {
        let mut tables = 0;
        plan.apply(|plan| {
            tables += usize::from(matches!(plan, LogicalPlan::TableScan(_)));
            Ok(TreeNodeRecursion::Continue)
        })?;
        if tables != 1 {
            return Ok(Self { plan, scan_filters: false });
        }
        let without_filter = plan.transform_down(|plan| match filter_in_scan(&plan) {
            Some(scan) => Ok(Transformed::new(scan.clone(), true, TreeNodeRecursion::Stop)),
            None => Ok(Transformed::no(plan)),
        })?;
        Ok(Self { scan_filters: without_filter.transformed, plan: without_filter.data })
    }

    /// The plan of one query, with its numbers and its tables.
    ///
    /// # Errors
    /// As rewriting a plan.
    pub fn bind(&self, shape: &Shape, snapshot: &Snapshot) -> Result<Bound> {
        let mut numbers_fit = true;
        let mut tables_fit = true;
        let plan = self.plan.clone().transform_up(|plan| {
            let plan = plan.map_expressions(|expr| {
                expr.transform_up(|expr| match &expr {
                    Expr::Placeholder(placeholder) => {
                        let number = number(placeholder, &shape.numbers);
                        numbers_fit &= number.is_some();
                        let number = number.unwrap_or(ScalarValue::Null);
                        Ok(Transformed::yes(Expr::Literal(number, None)))
                    }
                    _ => Ok(Transformed::no(expr)),
                })
            })?;
            plan.transform_data(|plan| match plan {
                LogicalPlan::TableScan(mut scan) => {
                    match snapshot.table(&scan.table_name) {
                        Some(table) if table.table.schema == scan.source.schema() => {
                            scan.source = match self.scan_filters {
                                true => provider_as_source(Arc::new(FilteringTable(table))),
                                false => provider_as_source(table),
                            };
                        }
                        _ => tables_fit = false,
                    }
                    Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
                }
                plan => Ok(Transformed::no(plan)),
            })
        })?;
        Ok(match (tables_fit, numbers_fit) {
            (true, true) => Bound::Plan(plan.data),
            (true, false) => Bound::OtherNumbers,
            (false, _) => Bound::OtherTables,
        })
    }
}

/// What comes of a plan to share.
pub(crate) enum Bound {
    Plan(LogicalPlan),
    /// A number is beyond its column's type: the query needs a plan of its own.
    OtherNumbers,
    /// A table has other columns than when the plan was made.
    OtherTables,
}

fn holds_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
    )
}

fn is_compared(column: &Expr, placeholder: &Expr) -> bool {
    match (column, placeholder) {
        (Expr::Column(Column { .. }), Expr::Placeholder(placeholder)) => {
            placeholder.field.as_ref().is_some_and(is_whole)
        }
        _ => false,
    }
}

fn is_whole(field: &FieldRef) -> bool {
    matches!(
        field.data_type(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64
    )
}

/// The number that stands for a placeholder, in the type of its column.
fn number(placeholder: &Placeholder, numbers: &[i64]) -> Option<ScalarValue> {
    let place: usize = placeholder.id.strip_prefix('$')?.parse().ok()?;
    let number = *numbers.get(place.checked_sub(1)?)?;
    match placeholder.field.as_ref()?.data_type() {
        DataType::Int8 => Some(ScalarValue::from(i8::try_from(number).ok()?)),
        DataType::Int16 => Some(ScalarValue::from(i16::try_from(number).ok()?)),
        DataType::Int32 => Some(ScalarValue::from(i32::try_from(number).ok()?)),
        DataType::Int64 => Some(ScalarValue::from(number)),
        _ => None,
    }
}

#[derive(Debug, Clone)]
enum Known {
    /// Planned for itself so far.
    Once,
    Plan(Arc<GenericPlan>),
    /// It has no plan to share.
    Never,
}

/// Bounded; when it is full it starts anew.
#[derive(Debug, Default)]
pub(crate) struct GenericPlans(Mutex<HashMap<GenericKey, Known>>);

impl GenericPlans {
    pub fn get(&self, shape: &Shape) -> Option<Arc<GenericPlan>> {
        match self.0.lock().get(&shape.key) {
            Some(Known::Plan(plan)) => Some(plan.clone()),
            Some(Known::Once | Known::Never) | None => None,
        }
    }

    /// Remembers that a statement of this shape was planned; whether a plan to share is due, because
    /// it was not the first one.
    pub fn planned(&self, shape: &Shape) -> bool {
        let mut known = self.0.lock();
        match known.get(&shape.key) {
            Some(Known::Once) => true,
            Some(Known::Plan(_) | Known::Never) => false,
            None => {
                if known.len() >= STATEMENTS_MAX {
                    known.clear();
                }
                known.insert(shape.key.clone(), Known::Once);
                false
            }
        }
    }

    pub fn put(&self, shape: Shape, plan: Option<GenericPlan>) {
        let known = plan.map_or(Known::Never, |plan| Known::Plan(Arc::new(plan)));
        self.0.lock().insert(shape.key, known);
    }

    /// The plan does not fit the tables any more.
    pub fn forget(&self, shape: &Shape) {
        self.0.lock().remove(&shape.key);
    }
}
