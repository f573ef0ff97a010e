//! SQL functions of our own and the rules that put them, and other meanings, in place. Workers find
//! functions by name, so every session has all of them.

mod checked;
mod doubles;
mod nullable;

use datafusion::logical_expr::ScalarUDF;
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use std::sync::Arc;

/// The functions that a plan may hold on any node.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions = checked::checked_functions().to_vec();
    functions.push(nullable::maybe_null());
    functions
}

/// DataFusion's rules with ours: decimals and doubles before types are coerced, the rest after.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(doubles::DecimalsMeetDoubles)];
    rules.extend(Analyzer::new().rules);
    rules.push(Arc::new(checked::CheckIntegers));
    rules.push(Arc::new(nullable::NullableSubqueries));
    rules
}
