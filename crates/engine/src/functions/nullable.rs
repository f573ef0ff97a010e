//! A scalar subquery is null when it has no row, whatever its column says; DataFusion 55.2 takes the
//! column's word and folds `(SELECT key ...) IS NULL` to false. A rule wraps such a column in a
//! function that is its argument and may be null.

use super::rewrite_expressions;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Subquery, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::{Arc, LazyLock};

static MAYBE_NULL: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(ScalarUDF::from(MaybeNull { signature }))
});

pub(crate) fn maybe_null() -> Arc<ScalarUDF> {
    MAYBE_NULL.clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MaybeNull {
    signature: Signature,
}

impl ScalarUDFImpl for MaybeNull {
    fn name(&self) -> &str {
        "maybe_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [argument] => Ok(argument.clone()),
            _ => internal_err!("maybe_null takes one argument"),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        match arguments.arg_fields {
            [field] => Ok(Arc::new(field.as_ref().clone().with_nullable(true))),
            _ => internal_err!("maybe_null takes one argument"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.into_iter().next() {
            Some(argument) => Ok(argument),
            None => internal_err!("maybe_null takes one argument"),
        }
    }
}

/// The rule.
#[derive(Debug)]
pub(crate) struct NullableSubqueries;

impl AnalyzerRule for NullableSubqueries {
    fn name(&self) -> &str {
        "nullable_subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, |expr, _| nullable(expr))
    }
}

fn nullable(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::ScalarSubquery(subquery) = &expr else {
        return Ok(Transformed::no(expr));
    };
    let fields = subquery.subquery.schema().fields();
    let certain = fields.len() == 1 && !fields[0].is_nullable();
    if !certain || always_has_a_row(&subquery.subquery) {
        return Ok(Transformed::no(expr));
    }
    let (qualifier, field) = subquery.subquery.schema().qualified_field(0);
    let column = Expr::Column((qualifier, field).into());
    let wrapped = MAYBE_NULL.call(vec![column]).alias_qualified(qualifier.cloned(), field.name());
    let plan = LogicalPlanBuilder::from(subquery.subquery.clone()).project([wrapped])?.build()?;
    let subquery = Subquery { subquery: Arc::new(plan), ..subquery.clone() };
    Ok(Transformed::yes(Expr::ScalarSubquery(subquery)))
}

/// An aggregate over everything has one row, also of nothing.
fn always_has_a_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => always_has_a_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => always_has_a_row(&alias.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}
