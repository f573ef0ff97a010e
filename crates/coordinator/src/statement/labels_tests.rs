//! Labels as MySQL 8.4 gives them: `mysql --column-type-info` prints them as `Name`.

use super::super::{Statement, parse};
use super::*;

fn labels(sql: &str) -> Vec<String> {
    let statement = parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let Statement::Query(query) = statement else { panic!("no query: {sql}") };
    if !sql.to_lowercase().contains("table") && !sql.contains("/*!") {
        assert_eq!(select_labels(sql, &query.query), query.labels, "{sql}");
    }
    query
        .labels
        .into_iter()
        .map(|label| match label {
            Label::Text(text) => text,
            Label::Wildcard => "<wildcard>".to_owned(),
        })
        .collect()
}

#[test]
fn expressions_keep_their_text() {
    assert_eq!(labels("SELECT 1"), ["1"]);
    assert_eq!(
        labels("select count(*), COUNT(DISTINCT x), 1+1,1 + 1 , -1 FROM t"),
        ["count(*)", "COUNT(DISTINCT x)", "1+1", "1 + 1", "-1"]
    );
    assert_eq!(
        labels("SELECT DATABASE(), NOW( ), NULL, TRUE"),
        ["DATABASE()", "NOW( )", "NULL", "TRUE"]
    );
    assert_eq!(
        labels("SELECT CASE WHEN a THEN 'x,y' ELSE b END FROM t"),
        ["CASE WHEN a THEN 'x,y' ELSE b END"]
    );
    assert_eq!(
        labels("SELECT a IS NOT DISTINCT FROM b, f(a, (b, c)) FROM t"),
        ["a IS NOT DISTINCT FROM b", "f(a, (b, c))"]
    );
}

#[test]
fn aliases_columns_and_strings_have_names() {
    assert_eq!(
        labels("SELECT a AS X, b y, c AS 'z z', d AS \"q\", e `e``e` FROM t"),
        ["X", "y", "z z", "q", "e`e"]
    );
    assert_eq!(labels("SELECT t.Col, `s`.`T`.`My Col`, A FROM t"), ["Col", "My Col", "A"]);
    assert_eq!(labels("SELECT 'abc', \"d'e\", 'it''s'"), ["abc", "d'e", "it's"]);
    assert_eq!(labels("SELECT *, t.*, a FROM t"), ["<wildcard>", "<wildcard>", "a"]);
}

#[test]
fn variables_keep_their_scope() {
    assert_eq!(
        labels("SELECT @@max_allowed_packet, @@session.sql_mode, @@GLOBAL.time_zone, @x"),
        ["@@max_allowed_packet", "@@session.sql_mode", "@@GLOBAL.time_zone", "@x"]
    );
    assert_eq!(
        labels(
            "/* mysql-connector-j-9 */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client"
        ),
        ["auto_increment_increment", "character_set_client"]
    );
}

#[test]
fn multi_byte_text_and_lines_and_comments() {
    assert_eq!(
        labels("SELECT 'größe' , concat('日本', x) -- über, was\n, 1\n+ 2 FROM t"),
        ["größe", "concat('日本', x)", "1\n+ 2"]
    );
    assert_eq!(labels("SELECT /* a, b */ f(1) /* c */ , 2 # d\nFROM t"), ["f(1)", "2"]);
    assert_eq!(labels("-- ä\r\nSELECT\r\n\tmax(ä)\r\nFROM t"), ["max(ä)"]);
}

#[test]
fn the_outermost_leftmost_select_counts() {
    assert_eq!(labels("SELECT (SELECT a, b FROM t), x+1 FROM u"), ["(SELECT a, b FROM t)", "x+1"]);
    assert_eq!(
        labels(
            "WITH a (x, y) AS (SELECT 1, 2), b AS (SELECT 3) SELECT x+0, y FROM a UNION SELECT 7, 8"
        ),
        ["x+0", "y"]
    );
    assert_eq!(labels("((SELECT 1+1 FROM t) UNION ALL SELECT 2) ORDER BY 1"), ["1+1"]);
    assert_eq!(labels("(WITH c AS (SELECT 1) SELECT 2+2 FROM c)"), ["2+2"]);
    assert_eq!(labels("EXPLAIN SELECT 1+1"), ["1+1"]);
    assert!(labels("VALUES (1, 2)").is_empty());
}

#[test]
fn modifiers_are_no_items() {
    assert_eq!(labels("SELECT DISTINCT a+1 FROM t"), ["a+1"]);
    assert_eq!(labels("SELECT SQL_NO_CACHE DISTINCT a+1 FROM t"), ["a+1"]);
    assert_eq!(labels("SELECT ALL SQL_CALC_FOUND_ROWS a+1 FROM t"), ["a+1"]);
}

#[test]
fn versioned_comments_fall_back_to_the_parsed_form() {
    assert_eq!(labels("SELECT /*!40001 SQL_NO_CACHE */ a+1 FROM t"), ["a + 1"]);
}
