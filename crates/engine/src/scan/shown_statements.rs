//! What `EXPLAIN` tells of the statements of scans: as much as one reads there in the line of a scan, and all of it below
//! the plan for `EXPLAIN VERBOSE`.

use super::splits::{SplitExec, SplitScanSpec};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_distributed::DistributedLeafExec;
use itertools::Itertools;
use std::borrow::Cow;
use std::sync::Arc;

/// Characters of a statement, or of what keys it waits for, in the line of its scan.
const SHOWN_MAX: usize = 1_000;
/// Statements of one scan that are told whole: its parts differ in their ranges.
const WHOLE_MAX: usize = 100;

/// For the line of a scan; empty where the source runs no statements.
pub(super) fn in_line(spec: &SplitScanSpec) -> String {
    match statements(spec).as_slice() {
        [] => String::new(),
        [statement] => format!(", statement={}", cut(statement)),
        [first, rest @ ..] => format!(", statements={} and {} more", cut(first), rest.len()),
    }
}

/// The beginning of a text that may be very long.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The statements of all scans of a plan.
pub(crate) fn whole_statements(plan: &Arc<dyn ExecutionPlan>) -> Vec<String> {
    let mut told = Vec::new();
    tell(plan, &mut told);
    told.into_iter().unique().collect()
}

fn tell(plan: &Arc<dyn ExecutionPlan>, told: &mut Vec<String>) {
    // Its tasks have shares of the splits of one scan.
    let plan = match plan.downcast_ref::<DistributedLeafExec>() {
        Some(leaf) => leaf.original(),
        None => plan,
    };
    if let Some(scan) = plan.downcast_ref::<SplitExec>() {
        let statements = statements(&scan.spec);
        let table = &scan.spec.table;
        let whole = statements.iter().take(WHOLE_MAX);
        told.extend(whole.map(|statement| format!("statement of {table}: {statement}")));
        if let Some(more @ 1..) = statements.len().checked_sub(WHOLE_MAX) {
            told.push(format!("statement of {table}: and {more} more"));
        }
    }
    for child in plan.children() {
        tell(child, told);
    }
}

fn statements(spec: &SplitScanSpec) -> Vec<&str> {
    match spec.statements {
        true => spec.groups.iter().flatten().map(|split| split.label.as_str()).unique().collect(),
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Schema;
    use datafusion::common::Statistics;
    use mooring_spi::{CatalogKey, Predicate, Split};

    fn scan(statements: bool, labels: impl IntoIterator<Item = String>) -> SplitScanSpec {
        let split = |label| Split { payload: String::new(), label, size_bytes: 1 };
        SplitScanSpec {
            catalog: CatalogKey { id: 1, version: 1 },
            table: "pg.s.t".to_owned(),
            schema: Arc::new(Schema::empty()),
            predicate: Predicate::new(),
            groups: vec![labels.into_iter().map(split).collect()],
            statements,
        }
    }

    fn whole(spec: SplitScanSpec) -> Vec<String> {
        let statistics = Arc::new(Statistics::new_unknown(&spec.schema));
        whole_statements(&(Arc::new(SplitExec::new(spec, statistics)) as Arc<dyn ExecutionPlan>))
    }

    #[test]
    fn a_long_statement_is_whole_below_the_plan() {
        let long = format!("SELECT '{}'", "ü".repeat(SHOWN_MAX));
        let spec = scan(true, [long.clone(), long.clone()]);
        let shown = in_line(&spec);
        assert!(shown.starts_with(", statement=SELECT 'ü") && shown.ends_with("ü…"), "{shown}");
        assert_eq!(whole(spec), [format!("statement of pg.s.t: {long}")]);
    }

    #[test]
    fn statements_that_are_not_told_are_counted() {
        let spec = scan(true, (0..WHOLE_MAX + 2).map(|number| format!("SELECT {number}")));
        assert_eq!(in_line(&spec), format!(", statements=SELECT 0 and {} more", WHOLE_MAX + 1));
        let told = whole(spec);
        assert_eq!(told.len(), WHOLE_MAX + 1);
        assert_eq!(told.last().map(String::as_str), Some("statement of pg.s.t: and 2 more"));
        let as_many = scan(true, (0..WHOLE_MAX).map(|number| format!("SELECT {number}")));
        assert_eq!(whole(as_many).len(), WHOLE_MAX);
    }

    #[test]
    fn a_source_without_statements_has_none() {
        let spec = scan(false, ["part 1".to_owned()]);
        assert!(in_line(&spec).is_empty() && whole(spec).is_empty());
    }
}
