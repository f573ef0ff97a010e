//! Whether the rows themselves are right is tested in `tests/slt/select/false_facts.slt`, against DuckDB.

use super::rule::ForgetFalseFacts;
use super::{ForgetExec, Forgotten};
use crate::codec::MooringCodec;
use crate::physical_rules::physical_rules;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::config::ConfigOptions;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use std::sync::Arc;

fn session(partitions: usize) -> SessionContext {
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(SessionConfig::new().with_target_partitions(partitions))
        .with_physical_optimizer_rules(physical_rules())
        .build();
    SessionContext::new_with_state(state)
}

async fn planned(sql: &str) -> Arc<dyn ExecutionPlan> {
    let frame = session(2).sql(sql).await.expect(sql);
    frame.create_physical_plan().await.expect(sql)
}

fn text(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

/// The first values of the rows, in one partition and in several.
async fn rows(sql: &str) -> Vec<String> {
    let mut all = Vec::new();
    for partitions in [1, 3] {
        let frame = session(partitions).sql(sql).await.expect(sql);
        let batches = frame.collect().await.expect(sql);
        let table = pretty_format_batches(&batches).expect("text").to_string();
        let lines = table.lines().skip(3).filter(|line| line.starts_with('|'));
        all.push(lines.map(|line| line.replace(['|', ' '], "")).collect::<Vec<_>>().join(" "));
    }
    all
}

const ONE: &str = "(VALUES (1, 10), (2, 20), (3, 10)) AS one (k, v)";
const OTHER: &str = "(VALUES (1, 7), (3, 8), (4, 9)) AS other (k, w)";

#[test]
fn the_rule_stands_where_sides_are_settled_and_sorts_are_not() {
    let rules = physical_rules();
    let place = |name: &str| rules.iter().position(|rule| rule.name() == name);
    let own = place(ForgetFalseFacts.name()).expect("our rule");
    assert_eq!(place("EnsureRequirements"), Some(own + 1));
    assert!(place("join_selection").is_some_and(|joins| joins < own));
}

#[tokio::test]
async fn what_stays_true_is_not_forgotten() {
    for sql in [
        format!("SELECT * FROM {ONE} JOIN {OTHER} ON one.k = other.k ORDER BY w, v"),
        format!("SELECT * FROM {ONE} LEFT JOIN {OTHER} ON one.k = other.k ORDER BY w, v"),
        format!("SELECT * FROM {ONE} FULL JOIN {OTHER} ON one.k = other.k ORDER BY w, v"),
        format!("SELECT * FROM {ONE} LEFT JOIN {OTHER} ON one.k < other.k ORDER BY w, v"),
        // The constants of the side that stays, and those of an inner join.
        format!("SELECT * FROM {ONE} LEFT JOIN {OTHER} ON one.k = other.k WHERE v = 10 ORDER BY w"),
        format!("SELECT * FROM {ONE} JOIN {OTHER} ON one.k = other.k WHERE w = 7 AND v = 10"),
        format!("SELECT * FROM {ONE} WHERE k IN (SELECT k FROM {OTHER} WHERE w = 7) ORDER BY k"),
        // Groups without facts, and keys that nothing asks for twice.
        format!("SELECT k, v, count(*) FROM {ONE} GROUP BY ROLLUP (k, v) ORDER BY k"),
        format!("SELECT count(*) AS c, v FROM {ONE} GROUP BY v ORDER BY c LIMIT 2"),
        format!(
            "SELECT c, count(*) FROM (SELECT v, count(*) AS c FROM {ONE} GROUP BY v) GROUP BY c"
        ),
        format!("SELECT k, row_number() OVER (ORDER BY v) FROM {ONE} ORDER BY v, k"),
        format!("SELECT k, count(v) OVER (ORDER BY k) AS n FROM {ONE} ORDER BY n"),
        format!("SELECT k, max(v) OVER (PARTITION BY k) AS n FROM {ONE} ORDER BY k"),
        format!("SELECT k, avg(v) OVER (ORDER BY k ROWS 1 PRECEDING) AS n FROM {ONE} ORDER BY n"),
    ] {
        let plan = text(&planned(&sql).await);
        assert!(!plan.contains("ForgetExec"), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn what_becomes_false_is_forgotten() {
    let ordered = |table: &str| format!("(SELECT * FROM {table} ORDER BY 2 LIMIT 9)");
    let (one, other) = (ordered(ONE), ordered(OTHER));
    for (forgotten, sql) in [
        (
            Forgotten::Values,
            format!(
                "SELECT * FROM {ONE} LEFT JOIN (SELECT * FROM {OTHER} WHERE w = 7) b ON one.k = b.k"
            ),
        ),
        (
            Forgotten::Values,
            format!(
                "SELECT * FROM (SELECT * FROM {OTHER} WHERE w = 7) b RIGHT JOIN {ONE} ON one.k = b.k"
            ),
        ),
        (
            Forgotten::Values,
            format!("SELECT * FROM {ONE} LEFT JOIN (SELECT max(w) m FROM {OTHER}) b ON v < m"),
        ),
        (
            Forgotten::Values,
            format!(
                "SELECT * FROM {ONE} FULL JOIN (SELECT k, 'x' m FROM {OTHER}) b ON one.k = b.k"
            ),
        ),
        (
            Forgotten::Values,
            format!(
                "SELECT * FROM (SELECT k, 'x' m FROM {OTHER}) b FULL JOIN {ONE} ON one.k = b.k"
            ),
        ),
        (
            Forgotten::Order,
            format!("SELECT * FROM {one} a JOIN {other} b ON a.k = b.k ORDER BY b.w, a.v"),
        ),
        (
            Forgotten::Everything,
            format!("SELECT k, v, count(*) FROM {ONE} WHERE v = 10 GROUP BY ROLLUP (k, v)"),
        ),
        (
            Forgotten::Everything,
            format!("SELECT v, count(*) FROM {one} GROUP BY CUBE (v) ORDER BY v"),
        ),
        (
            Forgotten::Keys,
            format!(
                "SELECT * FROM (SELECT count(*) c, k FROM {ONE} GROUP BY k ORDER BY c LIMIT 2) a ORDER BY c, k DESC"
            ),
        ),
        (
            Forgotten::OrderFrom(1),
            format!("SELECT * FROM (SELECT k, max(v) OVER (ORDER BY k) m FROM {ONE}) a ORDER BY m"),
        ),
    ] {
        let plan = text(&planned(&sql).await);
        let line = format!("ForgetExec: {}", forgotten.name());
        assert!(plan.contains(&line), "{sql}\n{plan}");
    }
}

/// Each order follows from the statement alone; NULL is last.
#[tokio::test]
async fn rows_come_in_the_order_that_was_asked_for() {
    for (sql, expected) in [
        (
            "SELECT a, c FROM (VALUES (1), (2), (3), (5)) t (a) \
             LEFT JOIN (SELECT max(x) c FROM (VALUES (1), (3)) v (x)) q ON q.c = t.a ORDER BY c, a DESC",
            "33 5 2 1",
        ),
        (
            "SELECT l.a, r.b FROM (SELECT * FROM (VALUES (5, 1), (3, 2)) x (a, k) ORDER BY a LIMIT 9) l \
             JOIN (SELECT * FROM (VALUES (1, 1), (1, 2)) y (b, k) ORDER BY b LIMIT 9) r \
             ON l.k = r.k ORDER BY r.b, l.a",
            "31 51",
        ),
        (
            "SELECT l.a, r.b FROM (SELECT * FROM (VALUES (5, 1), (3, 2)) x (a, k) ORDER BY a LIMIT 9) l \
             JOIN (SELECT * FROM (VALUES (1, 2), (1, 1)) y (b, k) ORDER BY b LIMIT 9) r \
             ON l.k = r.k ORDER BY r.b, l.a",
            "31 51",
        ),
        (
            "SELECT g, a FROM (VALUES (5, 'x'), (3, 'x'), (9, 'y')) v (a, g) WHERE g = 'x' \
             GROUP BY GROUPING SETS ((g, a), (a)) ORDER BY g, a DESC",
            "x5 x3 5 3",
        ),
        (
            "SELECT c, k FROM (SELECT count(*) c, k FROM (VALUES (1), (2), (3)) v (k) GROUP BY k \
             ORDER BY c LIMIT 5) q ORDER BY c, k DESC",
            "13 12 11",
        ),
        (
            "SELECT c, k FROM (SELECT k % 2 AS c, k FROM (VALUES (1), (2), (3), (4), (5)) v (k) \
             GROUP BY k ORDER BY k % 2 LIMIT 9) q ORDER BY c, k DESC",
            "04 02 15 13 11",
        ),
        (
            "SELECT i, max(x) OVER (ORDER BY i) m FROM (VALUES (1, NULL), (2, 5), (3, 4)) v (i, x) \
             ORDER BY m NULLS LAST, i DESC",
            "35 25 1",
        ),
        (
            "SELECT x, count(x) OVER (ORDER BY x DESC NULLS LAST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) m \
             FROM (VALUES (1), (9), (NULL), (NULL)) v (x) ORDER BY m, x DESC NULLS LAST",
            "0 91 1 12",
        ),
    ] {
        assert_eq!(rows(sql).await, [expected, expected], "{sql}");
    }
}

#[tokio::test]
async fn equal_columns_stay_equal_where_both_are_null() {
    let sql = format!("SELECT k, v, k + 1 AS n FROM {ONE} WHERE k = v AND v = 10");
    let plan = planned(&sql).await;
    let kept = ForgetExec::try_new(plan, Forgotten::Values).expect("a node");
    let known = kept.properties().equivalence_properties();
    assert!(known.constants().is_empty(), "{known}");
    assert!(known.eq_group().iter().any(|class| class.len() >= 2), "{known}");
}

#[tokio::test]
async fn the_node_crosses_to_workers() {
    let input = planned(&format!("SELECT k, v FROM {ONE} WHERE v = 10")).await;
    for forgotten in [
        Forgotten::Keys,
        Forgotten::OrderFrom(1),
        Forgotten::Order,
        Forgotten::Values,
        Forgotten::Everything,
    ] {
        assert_eq!(Forgotten::named(forgotten.name(), forgotten.column()), Some(forgotten));
        let node = ForgetExec::try_new(Arc::clone(&input), forgotten).expect("a node");
        let sent: Arc<dyn ExecutionPlan> = Arc::new(node);
        let bytes = physical_plan_to_bytes_with_extension_codec(Arc::clone(&sent), &MooringCodec);
        let context = TaskContext::default();
        let arrived = physical_plan_from_bytes_with_extension_codec(
            &bytes.expect("bytes"),
            &context,
            &MooringCodec,
        );
        let back = arrived.expect("a node");
        assert_eq!(text(&back), text(&sent));
        assert_eq!(
            back.equivalence_properties().to_string(),
            sent.equivalence_properties().to_string()
        );
    }
}

#[tokio::test]
async fn a_projection_above_finds_its_place_below() {
    let input = planned(&format!("SELECT v + 1 AS more, k FROM {ONE}")).await;
    assert!(input.is::<ProjectionExec>(), "{}", text(&input));
    let forgetting = Arc::new(ForgetExec::try_new(input, Forgotten::Values).expect("a node"));
    let column = |alias: &str| ProjectionExpr::new(Arc::new(Column::new("more", 0)), alias);
    let twice = ProjectionExec::try_new([column("a"), column("b")], forgetting).expect("a node");
    let rule = ProjectionPushdown::new();
    let plan = rule.optimize(Arc::new(twice), &ConfigOptions::new()).expect("a plan");
    assert!(text(&plan).starts_with("ForgetExec: "), "{}", text(&plan));
    assert_eq!(text(&plan).matches("ProjectionExec").count(), 2, "{}", text(&plan));
}
