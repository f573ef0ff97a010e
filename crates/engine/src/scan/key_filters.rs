//! What became known while a query runs: the keys of a join's other side, the last of the first rows so far. DataFusion
//! hands it down as a filter that changes; a scan asks it whenever it opens a split.
//!
//! A join asks its probe side for rows only once it has all keys of the other side, and a split is opened when
//! the first row is asked for. What asks earlier is why a scan waits, see `awaited_keys`.

use crate::predicate::{IN_LIST_MAX, add_domain, comparison, of_either};
use crate::value::from_scalar;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr,
    Literal,
};
use mooring_spi::{Bound, Domain, Predicate, Range, Value};
use std::sync::Arc;

/// Whether some part of the filter changes while the query runs.
pub(super) fn changes(filter: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    let mut found = false;
    filter.apply(|part| {
        found |= part.is::<DynamicFilterPhysicalExpr>();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// `predicate`, and what the filters over rows of `schema` say by now.
///
/// # Errors
/// `Internal`, as asking a filter.
pub(super) fn narrowed(
    mut predicate: Predicate,
    filters: &[Arc<dyn PhysicalExpr>],
    schema: &Schema,
) -> Result<Predicate> {
    for filter in filters {
        match told(filter, schema)? {
            Told::Of(domains) => {
                for (column, domain) in domains {
                    add_domain(column, domain, &mut predicate);
                }
            }
            // Of any column, no value is left.
            Told::NoRow => {
                for field in schema.fields() {
                    let none = Domain { ranges: Vec::new(), nulls: false };
                    predicate.insert(field.name().clone(), none);
                }
            }
        }
    }
    Ok(predicate)
}

/// What an expression that is true says.
enum Told {
    Of(Predicate),
    /// It never is.
    NoRow,
}

impl Told {
    fn nothing() -> Self {
        Told::Of(Predicate::new())
    }

    fn one(column: String, domain: Domain) -> Self {
        Told::Of(Predicate::from([(column, domain)]))
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Told::Of(mut predicate), Told::Of(other)) => {
                for (column, domain) in other {
                    add_domain(column, domain, &mut predicate);
                }
                Told::Of(predicate)
            }
            (Told::NoRow, _) | (_, Told::NoRow) => Told::NoRow,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Told::Of(predicate), Told::Of(other)) => Told::Of(of_either(predicate, other)),
            (Told::NoRow, told) | (told, Told::NoRow) => told,
        }
    }
}

fn told(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Told> {
    if let Some(filter) = expr.downcast_ref::<DynamicFilterPhysicalExpr>() {
        return told(&filter.current()?, schema);
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        return match binary.op() {
            Operator::And => Ok(told(binary.left(), schema)?.and(told(binary.right(), schema)?)),
            Operator::Or => Ok(told(binary.left(), schema)?.or(told(binary.right(), schema)?)),
            _ => Ok(compared(binary, schema).unwrap_or_else(Told::nothing)),
        };
    }
    if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        // One branch per partition of a join's keys; whichever a row is in, it meets one of them.
        let mut any = Told::NoRow;
        let branches = case.when_then_expr().iter().map(|(_, then)| then);
        for branch in branches.chain(case.else_expr()) {
            any = any.or(told(branch, schema)?);
        }
        return Ok(any);
    }
    Ok(simple(expr, schema).unwrap_or_else(Told::nothing))
}

fn simple(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Told> {
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        if list.negated() || list.list().len() > IN_LIST_MAX {
            return None;
        }
        let column = column_name(list.expr(), schema)?;
        let mut ranges = Vec::with_capacity(list.list().len());
        for item in list.list() {
            let value = literal(item)?;
            if !value.is_null() {
                ranges.push(Range::exactly(value));
            }
        }
        return Some(Told::one(column, Domain { ranges, nulls: false }));
    }
    if let Some(null) = expr.downcast_ref::<IsNullExpr>() {
        let column = column_name(null.arg(), schema)?;
        return Some(Told::one(column, Domain { ranges: Vec::new(), nulls: true }));
    }
    if let Some(value) = expr.downcast_ref::<IsNotNullExpr>() {
        let all = Range { low: Bound::Unbounded, high: Bound::Unbounded };
        let column = column_name(value.arg(), schema)?;
        return Some(Told::one(column, Domain { ranges: vec![all], nulls: false }));
    }
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::Boolean(Some(false) | None) => Some(Told::NoRow),
        _ => None,
    }
}

fn compared(binary: &BinaryExpr, schema: &Schema) -> Option<Told> {
    let (column, operator, value) = match column_name(binary.left(), schema) {
        Some(column) => (column, *binary.op(), literal(binary.right())?),
        None => {
            let column = column_name(binary.right(), schema)?;
            (column, binary.op().swap()?, literal(binary.left())?)
        }
    };
    Some(Told::one(column, comparison(operator, value)?))
}

fn column_name(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<String> {
    let column = expr.downcast_ref::<Column>()?;
    schema.fields().get(column.index()).map(|field| field.name().clone())
}

fn literal(expr: &Arc<dyn PhysicalExpr>) -> Option<Value> {
    from_scalar(expr.downcast_ref::<Literal>()?.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{DataType, Field};
    use datafusion::physical_expr::expressions::{binary, case, in_list, is_null, lit};

    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("a", DataType::Int64, true),
            Field::new("b", DataType::Int64, true),
        ])
    }

    fn column(index: usize) -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new(["a", "b"][index], index))
    }

    fn test(
        left: Arc<dyn PhysicalExpr>,
        operator: Operator,
        right: Arc<dyn PhysicalExpr>,
    ) -> Arc<dyn PhysicalExpr> {
        binary(left, operator, right, &schema()).expect("a condition")
    }

    fn values(filter: Arc<dyn PhysicalExpr>, name: &str) -> Option<Vec<i64>> {
        let predicate = narrowed(Predicate::new(), &[filter], &schema()).expect("a predicate");
        let domain = predicate.get(name)?;
        Some((0..10).filter(|value| domain.may_contain(&Value::Int(*value))).collect())
    }

    #[test]
    fn a_filter_tells_what_it_was_updated_to() {
        let filter = Arc::new(DynamicFilterPhysicalExpr::new(vec![column(0)], lit(true)));
        let shared: Arc<dyn PhysicalExpr> = filter.clone();
        assert!(changes(&shared).expect("a filter"));
        assert_eq!(values(shared.clone(), "a"), None);
        let low = test(column(0), Operator::GtEq, lit(3_i64));
        let high = test(column(0), Operator::LtEq, lit(5_i64));
        filter.update(test(low, Operator::And, high)).expect("an update");
        assert_eq!(values(shared, "a"), Some(vec![3, 4, 5]));
    }

    #[test]
    fn the_keys_of_all_partitions_count() {
        let list = |keys: [i64; 2]| {
            let keys = keys.into_iter().map(lit).collect();
            in_list(column(0), keys, &false, &schema()).expect("a list")
        };
        let partition = |number: i64| test(column(1), Operator::Eq, lit(number));
        let branches = vec![(partition(0), list([1, 4])), (partition(1), list([4, 7]))];
        let filter = case(None, branches, Some(lit(false))).expect("branches");
        assert_eq!(values(filter, "a"), Some(vec![1, 4, 7]));
    }

    #[test]
    fn no_keys_leave_no_row() {
        assert_eq!(values(lit(false), "b"), Some(vec![]));
        assert_eq!(values(lit(true), "b"), None);
    }

    #[test]
    fn a_null_that_may_match_stays() {
        let either = test(
            is_null(column(0)).expect("a condition"),
            Operator::Or,
            test(lit(4_i64), Operator::Lt, column(0)),
        );
        let predicate = narrowed(Predicate::new(), &[either], &schema()).expect("a predicate");
        assert!(predicate["a"].may_contain(&Value::Null));
        assert!(predicate["a"].may_contain(&Value::Int(5)));
        assert!(!predicate["a"].may_contain(&Value::Int(4)));
    }
}
