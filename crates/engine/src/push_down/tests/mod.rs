//! Plans made from SQL, over a source that does relations by an interpreter of its own: what is pushed down must
//! give the rows that DataFusion gives without. Its expectations are the documentation of `spi`'s relational
//! language, so what these tests find is in the translation; real databases are tested elsewhere.

mod compute;
mod relations;
mod session;
mod source;
mod statements;
mod random;

use super::PushDownMode;
use session::TestSession;

/// The rows of a query that has to be done by the source wholly or in part, after they were compared with those
/// without push-down; and what `EXPLAIN` says.
async fn pushed(sql: &str) -> (Vec<String>, String) {
    let session = TestSession::new(2);
    let here = session.rows(sql, PushDownMode::Off).await.expect(sql);
    let before = session.source.statements();
    let there = session.rows(sql, PushDownMode::On).await.expect(sql);
    assert!(session.source.statements() > before, "nothing is pushed of {sql}");
    assert_eq!(here, there, "{sql}");
    (there, session.explain(sql, PushDownMode::On).await)
}

/// Why something stays here, of a query that has the same rows both ways.
async fn notes(sql: &str) -> String {
    let session = TestSession::new(2);
    let here = session.rows(sql, PushDownMode::Off).await.expect(sql);
    assert_eq!(here, session.rows(sql, PushDownMode::On).await.expect(sql), "{sql}");
    let plan = session.explain(sql, PushDownMode::On).await;
    plan.lines().filter_map(|line| line.strip_prefix("note: ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn one_statement_does_a_whole_query() {
    for sql in [
        "SELECT count(*) FROM t",
        "SELECT a, sum(b), min(c) FROM t WHERE c <> 'x' GROUP BY a",
        "SELECT t.a, u.y FROM t JOIN u ON t.id = u.t_id WHERE u.x + 1 <> 3",
        "SELECT DISTINCT a FROM t",
        "SELECT id, b FROM t ORDER BY b DESC, id LIMIT 3",
        "SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id)",
        "SELECT count(DISTINCT a) FROM t",
        "SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > 2",
        "SELECT id FROM t WHERE a >= (SELECT min(x) FROM u WHERE y <> 'x')",
        "SELECT id FROM t WHERE b > (SELECT max(z) FROM u)",
        "SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > (SELECT count(*) FROM u WHERE x = 1)",
        "SELECT id, (SELECT count(*) FROM u) AS n FROM t WHERE c <> 'x'",
        "SELECT id FROM t WHERE a > (SELECT min(x) FROM u WHERE x > (SELECT min(k) FROM w))",
        "SELECT id FROM t WHERE a = (SELECT x FROM u ORDER BY x DESC LIMIT 1)",
        "SELECT substr(c, 2), count(*) FROM t GROUP BY substr(c, 2)",
    ] {
        let (_, plan) = pushed(sql).await;
        assert_eq!(plan.matches("SplitExec").count(), 1, "{plan}");
        assert!(!plan.contains("DataSourceExec"), "{plan}");
        assert!(plan.contains("statement="), "{plan}");
    }
}

#[tokio::test]
async fn rows_of_one_table_under_a_domain_stay_a_scan() {
    let session = TestSession::new(2);
    for sql in [
        "SELECT a, c FROM t",
        "SELECT a + 1 FROM t WHERE a > 2 AND c IN ('x', 'y')",
        "SELECT a FROM t WHERE a BETWEEN 2 AND 5 OR a = 7",
        "SELECT c FROM t WHERE c IS NULL",
    ] {
        session.rows(sql, PushDownMode::On).await.expect(sql);
        assert_eq!(session.source.statements(), 0, "{sql}");
    }
    pushed("SELECT a FROM t WHERE a <> 2").await;
}

#[tokio::test]
async fn limits_stay_where_they_are() {
    // The limit is below the join, below the filter, below the aggregate, and on both sides.
    for sql in [
        "SELECT count(*) FROM (SELECT id FROM t ORDER BY id LIMIT 5) s JOIN u ON s.id = u.id",
        "SELECT count(*) FROM (SELECT id FROM t ORDER BY id LIMIT 5) s WHERE id > 3",
        "SELECT count(*), sum(id) FROM (SELECT id FROM t ORDER BY id LIMIT 5 OFFSET 2) s",
        "SELECT id FROM (SELECT id FROM t ORDER BY id LIMIT 7 OFFSET 1) s ORDER BY id DESC LIMIT 2 OFFSET 1",
        "SELECT count(*) FROM (SELECT id FROM t LIMIT 4) s WHERE EXISTS (SELECT 1 FROM u)",
        "SELECT s.id, u.x FROM (SELECT id FROM t ORDER BY id LIMIT 3) s LEFT JOIN u ON s.id = u.id",
        "SELECT count(*) FROM (SELECT id FROM t LIMIT 3 OFFSET 2) s",
        "SELECT id FROM (SELECT id, b FROM t ORDER BY b, id LIMIT 4) s",
    ] {
        pushed(sql).await;
    }
}

#[tokio::test]
async fn the_first_rows_come_in_their_order() {
    let session = TestSession::new(2);
    for sql in [
        "SELECT id FROM t ORDER BY b DESC, id LIMIT 5",
        "SELECT id, b FROM t ORDER BY b DESC, id LIMIT 5 OFFSET 3",
        "SELECT id FROM t ORDER BY id * 3 - 7 DESC LIMIT 5",
    ] {
        let mut rows = Vec::new();
        for mode in [PushDownMode::Off, PushDownMode::On] {
            rows.push(session.ordered_rows(sql, mode).await.expect(sql));
        }
        assert_eq!(rows[0], rows[1], "{sql}");
        assert_eq!(rows[0].len(), 5);
    }
}

#[tokio::test]
async fn explain_says_why_something_stays() {
    let doubles = notes("SELECT a, sum(e) FROM t GROUP BY a").await;
    let expected =
        "catalog `near`: Aggregate stays here: a sum of doubles depends on the order of rows";
    assert_eq!(doubles, expected);
    let function = notes("SELECT a FROM t WHERE upper(c) = 'X'").await;
    assert_eq!(function, "catalog `near`: Filter stays here: function `upper`");
    let pairs = notes("SELECT t.a, u.x FROM t, u").await;
    assert!(pairs.contains("each row of one side would meet each of the other"), "{pairs}");
    let random = notes("SELECT count(*) FROM t WHERE a > random() * 0 - 1000").await;
    assert!(random.contains("Filter stays here"), "{random}");
}

#[tokio::test]
async fn a_join_that_multiplies_rows_stays_here() {
    let many = notes("SELECT t.id, u.id FROM t JOIN u ON t.f = u.f").await;
    assert!(many.contains("catalog `near`: Join stays here: it makes about"), "{many}");
    // Under an aggregate its rows do not travel.
    let (_, plan) = pushed("SELECT count(*) FROM t JOIN u ON t.f = u.f").await;
    assert_eq!(plan.matches("SplitExec").count(), 1, "{plan}");
}

#[tokio::test]
async fn conditions_that_the_source_does_not_compute_stay_alone() {
    let (_, plan) = pushed("SELECT a FROM t WHERE a <> 2 AND upper(c) = 'X'").await;
    assert!(plan.contains("FilterExec"), "{plan}");
}

#[tokio::test]
async fn tables_of_two_sources_meet_here() {
    let sql = "SELECT s.a, w.name FROM (SELECT a, count(*) AS n FROM t GROUP BY a) s \
               JOIN far.s.w ON s.a = w.k WHERE w.name <> 'x'";
    let (_, plan) = pushed(sql).await;
    assert!(plan.contains("Join"), "{plan}");
    assert_eq!(plan.matches("statement=").count(), 2, "{plan}");
}

#[tokio::test]
async fn rows_are_estimated_where_a_plan_depends_on_them() {
    for (sql, estimates) in [
        ("SELECT a, count(*) FROM t GROUP BY a ORDER BY a", 0),
        ("SELECT id, b FROM t ORDER BY b DESC, id LIMIT 3", 0),
        (
            "SELECT s.n, w.name FROM (SELECT a, count(*) AS n FROM t GROUP BY a) s JOIN far.s.w ON s.a = w.k WHERE w.name <> 'x'",
            2,
        ),
    ] {
        let session = TestSession::new(2);
        session.rows(sql, PushDownMode::On).await.expect(sql);
        assert_eq!(session.source.estimated(), estimates, "{sql}");
    }
}

/// Two rows are read before the statement's twenty.
#[tokio::test]
async fn a_statement_gets_the_keys_of_its_join() {
    let session = TestSession::new(1);
    let sql = "SELECT w.name, s.n FROM \
               (SELECT k, max(name) AS name FROM far.s.w GROUP BY k ORDER BY k DESC LIMIT 2) w JOIN \
               (SELECT id, count(*) AS n FROM t GROUP BY id) s ON w.k = s.id";
    let here = session.rows(sql, PushDownMode::Off).await.expect(sql);
    let there = session.rows(sql, PushDownMode::On).await.expect(sql);
    assert_eq!(here, there);
    assert_eq!(session.source.narrowed(), 1, "{}", session.explain(sql, PushDownMode::On).await);
}

/// Both sides of the inner join have a column `id`, and what is joined with is the second.
#[tokio::test]
async fn keys_of_a_column_whose_name_another_has_too_lose_no_rows() {
    for partitions in [1, 2] {
        let session = TestSession::new(partitions);
        let sql = "SELECT w.name, s.id, r.id FROM far.s.w JOIN \
                   ((SELECT id, count(*) AS n, max(f) AS f FROM t WHERE c <> 'x' GROUP BY id) s \
                   JOIN (SELECT id, min(f) AS f FROM u WHERE y <> 'x' GROUP BY id) r \
                   ON s.f = r.f) ON w.k = r.id";
        let here = session.rows(sql, PushDownMode::Off).await.expect(sql);
        assert_eq!(here, session.rows(sql, PushDownMode::On).await.expect(sql), "{partitions}");
    }
}

#[tokio::test]
async fn switched_off_nothing_goes() {
    let session = TestSession::new(2);
    session.rows("SELECT count(*) FROM t", PushDownMode::Off).await.expect("rows");
    assert_eq!(session.source.statements(), 0);
}

#[tokio::test]
async fn generic_plans_are_pushed_down_anew() {
    let session = TestSession::new(2);
    for number in 0..4 {
        let sql = format!("SELECT count(*), min(c) FROM t WHERE a > {number} AND c <> 'x'");
        let here = session.rows(&sql, PushDownMode::Off).await.expect("rows");
        let before = session.source.statements();
        assert_eq!(here, session.rows(&sql, PushDownMode::On).await.expect("rows"), "{sql}");
        assert_eq!(session.source.statements(), before + 1, "{sql}");
    }
}

#[tokio::test]
async fn equal_looking_subqueries_are_different() {
    let sql = "SELECT id FROM t WHERE a >= (SELECT min(x) FROM u WHERE y <> 'x') \
               AND a <= (SELECT max(x) FROM u WHERE y <> 'x')";
    pushed(sql).await;
}

/// Above each, and in the plan of what stays here.
#[tokio::test]
async fn subqueries_go_with_what_asks_for_them() {
    let (_, plan) = pushed("SELECT id FROM t WHERE a > (SELECT max(k) FROM far.s.w)").await;
    assert!(plan.contains("ScalarSubqueryExec"), "{plan}");
    // The join stays here, and its sides go with their subqueries.
    let sql = "SELECT t.id, u.id FROM t JOIN u ON t.f = u.f WHERE t.a > (SELECT min(k) FROM w) AND u.x < (SELECT max(k) FROM w)";
    let (_, plan) = pushed(sql).await;
    assert!(plan.contains("Join") && !plan.contains("ScalarSubqueryExec"), "{plan}");
    // The condition that stays has one of its own.
    let sql = "SELECT id FROM t WHERE a > (SELECT min(k) FROM w) AND upper(c) > (SELECT min(name) FROM w)";
    let (_, plan) = pushed(sql).await;
    assert!(plan.contains("ScalarSubqueryExec: subqueries=1"), "{plan}");
    let sql = "SELECT upper(c), (SELECT max(k) FROM w) FROM t WHERE a > (SELECT min(k) FROM w)";
    pushed(sql).await;
}

#[tokio::test]
async fn a_subquery_without_a_row_is_null() {
    for sql in [
        "SELECT id, (SELECT max(x) FROM u WHERE id > 1000) FROM t WHERE c <> 'x'",
        "SELECT count(*) FROM t WHERE (SELECT count(*) FROM u HAVING count(*) > 100) IS NULL",
        "SELECT count(*) FROM t WHERE a > (SELECT x FROM u ORDER BY id LIMIT 1 OFFSET 1000)",
    ] {
        pushed(sql).await;
    }
}

#[tokio::test]
async fn a_subquery_that_may_have_several_rows_stays() {
    let reason = "a subquery that stays here, or that may have more than one row";
    for sql in [
        "SELECT id FROM t WHERE a = (SELECT x FROM u WHERE id = 3)",
        // Which row it is depends on its reader, and its value does not.
        "SELECT id FROM t WHERE a = (SELECT f * 0 FROM u WHERE f IS NOT NULL LIMIT 1)",
    ] {
        let stays = notes(sql).await;
        assert!(stays.contains(reason), "{stays}");
    }
    let session = TestSession::new(2);
    for mode in [PushDownMode::Off, PushDownMode::On] {
        let sql = "SELECT id FROM t WHERE a = (SELECT x FROM u WHERE y <> 'x')";
        let error = session.rows(sql, mode).await.expect_err("several rows");
        assert!(error.to_string().contains("more than one row"), "{error}");
    }
}

#[tokio::test]
async fn verification_finds_a_source_that_is_wrong() {
    let session = TestSession::new(2);
    let sql = "SELECT a, count(*) FROM t GROUP BY a";
    session.rows(sql, PushDownMode::Verified).await.expect("equal rows");
    session.source.lose_a_row();
    let error = session.rows(sql, PushDownMode::Verified).await.expect_err("a difference");
    assert!(error.to_string().contains("push-down changes the answer"), "{error}");
    // Without verification nobody notices.
    session.rows(sql, PushDownMode::On).await.expect("rows");
}

#[tokio::test]
async fn verification_pushes_no_limit_that_leaves_rows_open() {
    let session = TestSession::new(2);
    session.rows("SELECT a FROM t LIMIT 3", PushDownMode::Verified).await.expect("rows");
    assert_eq!(session.source.statements(), 0);
    session.rows("SELECT a FROM t ORDER BY a LIMIT 3", PushDownMode::Verified).await.expect("rows");
    assert_eq!(session.source.statements(), 1);
}
