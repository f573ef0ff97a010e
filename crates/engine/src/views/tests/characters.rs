//! Columns of `char(n)` in views.

use super::{HIVE, PRESTO, SPARK, refusal, rows, value, view};

#[tokio::test]
async fn columns_of_char_are_read_where_all_agree() {
    for dialect in [PRESTO, HIVE, SPARK] {
        for expression in ["code = 'ab'", "code IN ('ab', 'x')", "code <= 'ab'", "code IS NOT NULL"]
        {
            assert_eq!(value(dialect, "Boolean", expression).await, "true", "{expression}");
        }
    }
    assert_eq!(value(SPARK, "Int32", "length(code)").await, "5");
    for (dialect, expression, named) in [
        (PRESTO, "length(code)", "character_length"),
        (HIVE, "concat(code, 'x')", "concat"),
        (PRESTO, "code || 'x'", "||"),
        (HIVE, "code LIKE 'ab%'", "LIKE"),
        (HIVE, "code = name", "="),
        (PRESTO, "max(code)", "max"),
        (HIVE, "CASE WHEN id = 1 THEN code ELSE 'x' END", "CASE"),
    ] {
        let sql = format!("SELECT {expression} AS x FROM t");
        let error =
            refusal(&[view("v", dialect, "x Utf8", &sql)], "SELECT x FROM lakes.shop.v").await;
        assert!(error.message().contains(named), "{expression}: {error}");
    }
    let union = "SELECT code AS x FROM t UNION ALL SELECT name FROM t";
    let error = refusal(&[view("v", HIVE, "x Utf8", union)], "SELECT x FROM lakes.shop.v").await;
    assert!(error.message().contains("char(n)"), "{error}");
    let correlated = |condition: &str| {
        format!("SELECT id AS x FROM t WHERE EXISTS (SELECT 1 FROM t AS u WHERE {condition})")
    };
    for condition in ["u.name = t.code", "u.id = t.id AND upper(t.code) = 'AB'"] {
        let views = [view("v", HIVE, "x Int64", &correlated(condition))];
        let error = refusal(&views, "SELECT x FROM lakes.shop.v").await;
        assert!(error.message().contains("code"), "{condition}: {error}");
    }
    for condition in ["u.code = t.code", "u.name = t.name"] {
        let views = [view("v", HIVE, "x Int64", &correlated(condition))];
        let found = rows(&views, "SELECT x FROM lakes.shop.v ORDER BY x").await;
        assert_eq!(found, "1 / 2", "{condition}");
    }
    // The column of a view is what its query gives.
    let views = [view("v", HIVE, "a Int64; b Utf8", "SELECT id, code FROM t")];
    assert_eq!(rows(&views, "SELECT a FROM lakes.shop.v WHERE b = 'ab'").await, "1");
}
