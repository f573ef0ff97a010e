use super::{fold_columns, fold_relations};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider};
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as PlannerStatement;
use mooring_spi::{ErrorKind, Result};
use sqlparser::ast::Statement;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use std::sync::Arc;

/// The tables of the tests, in the schema `s` of the catalog `c`.
const TABLES: &[(&str, &[&str])] = &[
    ("t", &["id", "name", "Total"]),
    ("a", &["Id", "x"]),
    ("b", &["id", "y"]),
    ("m", &["Ab", "aB"]),
    ("o", &["k", "O", "customer"]),
];

fn columns(table: &TableReference) -> Option<Arc<Schema>> {
    let name = table.table().to_lowercase();
    let (_, columns) = TABLES.iter().find(|(known, _)| *known == name)?;
    let field = |name: &&str| Field::new(*name, DataType::Int64, true);
    Some(Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>())))
}

fn folded(sql: &str) -> Result<(Statement, Vec<TableReference>)> {
    let mut statement = Parser::parse_sql(&MySqlDialect {}, sql).expect("valid SQL").remove(0);
    let tables = fold_relations(&mut statement)?;
    fold_columns(&mut statement, &columns)?;
    Ok((statement, tables))
}

fn text(sql: &str) -> String {
    folded(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).0.to_string()
}

fn check(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(text(sql), *expected, "{sql}");
    }
}

#[test]
fn where_sees_no_alias() {
    check(&[
        ("SELECT ID AS ID FROM t", "SELECT id AS ID FROM t"),
        (
            "SELECT upper(name) AS Name FROM t WHERE NAME = 'x'",
            "SELECT upper(name) AS Name FROM t WHERE name = 'x'",
        ),
        ("SELECT `TOTAL`, T.Name FROM t", "SELECT `Total`, t.name FROM t"),
    ]);
}

#[test]
fn a_qualifier_chooses_the_relation() {
    check(&[
        ("SELECT a.id, b.ID FROM a JOIN b", "SELECT a.Id, b.id FROM a JOIN b"),
        ("SELECT X.ID FROM a AS x, b", "SELECT x.Id FROM a AS x, b"),
        ("SELECT S.A.id FROM s.a", "SELECT s.a.Id FROM s.a"),
        ("SELECT a.id FROM C.s.A", "SELECT A.Id FROM C.s.A"),
        ("SELECT C.S.a.id FROM c.s.a", "SELECT c.s.a.Id FROM c.s.a"),
        ("SELECT `c.s`.a.id FROM c.s.a", "SELECT `c`.`s`.`a`.Id FROM c.s.a"),
        ("SELECT c.s.a.id FROM a", "SELECT `a`.Id FROM a"),
        ("SELECT A.* FROM s.a, b", "SELECT `s`.`a`.* FROM s.a, b"),
        ("SELECT X.nothing FROM a AS x", "SELECT x.nothing FROM a AS x"),
        ("SELECT count(B.*) FROM b", "SELECT count(b.*) FROM b"),
    ]);
}

#[test]
fn two_names_in_other_cases_are_ambiguous() {
    for sql in [
        "SELECT AB FROM m",
        "SELECT ID FROM a, b",
        "SELECT 1 AS Xy, 2 AS xY ORDER BY XY",
        "WITH Foo AS (SELECT 1), fOO AS (SELECT 2) SELECT * FROM FOO",
        "SELECT TT.x FROM a AS Tt, b AS tT",
    ] {
        let error = match folded(sql) {
            Err(error) => error.kind(),
            Ok((statement, _)) => panic!("{sql}: {statement}"),
        };
        assert_eq!(error, ErrorKind::AmbiguousName, "{sql}");
    }
    check(&[("SELECT Ab, aB FROM m", "SELECT Ab, aB FROM m")]);
    check(&[("SELECT Id, id FROM a, b", "SELECT Id, id FROM a, b")]);
}

#[test]
fn a_subquery_sees_the_queries_around_it() {
    check(&[
        (
            "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM b WHERE Y = TOTAL AND b.ID = T.ID)",
            "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM b WHERE y = Total AND b.id = t.id)",
        ),
        // The inner column hides the outer one, even where the outer one is exact.
        (
            "SELECT * FROM a WHERE x IN (SELECT Id FROM b)",
            "SELECT * FROM a WHERE x IN (SELECT id FROM b)",
        ),
        (
            "SELECT * FROM a, LATERAL (SELECT Y FROM b WHERE ID = X) AS l",
            "SELECT * FROM a, LATERAL (SELECT y FROM b WHERE id = x) AS l",
        ),
        // Without LATERAL it does not.
        ("SELECT * FROM a, (SELECT X FROM b) AS l", "SELECT * FROM a, (SELECT X FROM b) AS l"),
        // A relation goes before a column of the same name with fields.
        (
            "SELECT * FROM t AS o WHERE EXISTS (SELECT 1 FROM o AS i WHERE i.K = o.ID)",
            "SELECT * FROM t AS o WHERE EXISTS (SELECT 1 FROM o AS i WHERE i.k = o.id)",
        ),
    ]);
}

#[test]
fn on_sees_its_own_relations() {
    check(&[
        (
            "SELECT 1 FROM a, t JOIN b ON TOTAL = Y AND t.ID = B.ID",
            "SELECT 1 FROM a, t JOIN b ON Total = y AND t.id = b.id",
        ),
        (
            "SELECT ID FROM (t JOIN b USING (ID)) LEFT JOIN (b AS c JOIN t AS d USING (Id)) USING (ID)",
            "SELECT id FROM (t JOIN b USING(id)) LEFT JOIN (b AS c JOIN t AS d USING(id)) USING(id)",
        ),
    ]);
}

#[test]
fn each_clause_sees_aliases_in_its_own_way() {
    check(&[
        (
            "SELECT upper(name) AS NAME FROM t ORDER BY Name",
            "SELECT upper(name) AS NAME FROM t ORDER BY NAME",
        ),
        (
            "SELECT upper(name) AS NAME FROM t ORDER BY length(Name)",
            "SELECT upper(name) AS NAME FROM t ORDER BY length(name)",
        ),
        (
            "SELECT upper(name) AS NAME FROM t GROUP BY Name",
            "SELECT upper(name) AS NAME FROM t GROUP BY name",
        ),
        (
            "SELECT upper(name) AS Big, count(*) AS Cnt FROM t GROUP BY BIG HAVING CNT > 1 ORDER BY CNT",
            "SELECT upper(name) AS Big, count(*) AS Cnt FROM t GROUP BY Big HAVING Cnt > 1 ORDER BY Cnt",
        ),
        (
            "SELECT sum(total) AS TOTAL FROM t GROUP BY ID HAVING sum(TOTAL) > 1 AND total > 2",
            "SELECT sum(Total) AS TOTAL FROM t GROUP BY id HAVING sum(Total) > 1 AND TOTAL > 2",
        ),
        // The selected one of two columns.
        ("SELECT a.Id FROM a, b ORDER BY ID", "SELECT a.Id FROM a, b ORDER BY Id"),
        (
            "SELECT 1 AS Xy UNION SELECT 2 AS Zz ORDER BY XY",
            "SELECT 1 AS Xy UNION SELECT 2 AS Zz ORDER BY Xy",
        ),
        ("SELECT @Total, @@Name FROM t", "SELECT @Total, @@Name FROM t"),
    ]);
}

#[test]
fn derived_tables_have_the_columns_of_their_queries() {
    check(&[
        (
            "SELECT D.ID, TWICE, NAME FROM (SELECT t.ID, 2 * ID AS Twice, (name) FROM t) AS d",
            "SELECT d.id, Twice, name FROM (SELECT t.id, 2 * id AS Twice, (name) FROM t) AS d",
        ),
        ("SELECT TOTAL FROM (SELECT * FROM t) d", "SELECT Total FROM (SELECT * FROM t) d"),
        (
            "SELECT X, ID FROM (SELECT A.*, y FROM a, b) d",
            "SELECT x, Id FROM (SELECT a.*, y FROM a, b) d",
        ),
        (
            "SELECT D.K, V FROM (SELECT * FROM a) AS d (`k`, v)",
            "SELECT d.k, v FROM (SELECT * FROM a) AS d (`k`, v)",
        ),
        (
            "SELECT COLUMN2 FROM (VALUES ROW(1, 2)) AS v",
            "SELECT column2 FROM (VALUES ROW(1, 2)) AS v",
        ),
        (
            "SELECT X FROM (SELECT id AS X FROM t UNION ALL SELECT 1 AS x) d",
            "SELECT X FROM (SELECT id AS X FROM t UNION ALL SELECT 1 AS x) d",
        ),
        (
            "SELECT ID FROM (SELECT * FROM t) d WHERE d.ID > (SELECT max(ID) FROM b)",
            "SELECT id FROM (SELECT * FROM t) d WHERE d.id > (SELECT max(id) FROM b)",
        ),
    ]);
}

#[test]
fn common_table_expressions_hide_tables() {
    check(&[
        (
            "WITH Foo AS (SELECT 1 AS x) SELECT FOO.X FROM FOO",
            "WITH Foo AS (SELECT 1 AS x) SELECT Foo.x FROM Foo",
        ),
        (
            "WITH T (First) AS (SELECT ID FROM t) SELECT FIRST, ID FROM t",
            "WITH T (First) AS (SELECT id FROM t) SELECT First, ID FROM T",
        ),
        (
            "WITH RECURSIVE N (X) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT x FROM n",
            "WITH RECURSIVE N (X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N AS N WHERE X < 5) SELECT X FROM N AS N",
        ),
        (
            "WITH RECURSIVE N AS (SELECT 1 AS Xy UNION ALL SELECT XY + 1 FROM n) SELECT xy FROM n",
            "WITH RECURSIVE N AS (SELECT 1 AS Xy UNION ALL SELECT Xy + 1 FROM N AS N) SELECT Xy FROM N AS N",
        ),
    ]);
}

#[test]
fn an_inner_common_table_expression_gets_a_name_of_its_own() {
    check(&[
        (
            "WITH t AS (SELECT 1 AS x) SELECT x FROM (WITH t AS (SELECT 2 AS X) SELECT x, T.x FROM t) AS i",
            "WITH t AS (SELECT 1 AS x) SELECT X FROM (WITH __mooring_cte_1_t AS (SELECT 2 AS X) \
             SELECT X, t.X FROM __mooring_cte_1_t AS t) AS i",
        ),
        // The inner one reads the outer one.
        (
            "WITH t AS (SELECT 1 AS x) SELECT * FROM (WITH t AS (SELECT * FROM t) SELECT * FROM t AS u) i, t",
            "WITH t AS (SELECT 1 AS x) SELECT * FROM (WITH __mooring_cte_1_t AS (SELECT * FROM t) \
             SELECT * FROM __mooring_cte_1_t AS u) i, t",
        ),
        // In its own query there is no outer one yet.
        (
            "WITH t AS (WITH t AS (SELECT 1 AS x) SELECT * FROM t) SELECT X FROM t",
            "WITH t AS (WITH t AS (SELECT 1 AS x) SELECT * FROM t) SELECT x FROM t",
        ),
        // Twice in one WITH stays an error of the planner.
        (
            "WITH t AS (SELECT 1), t AS (SELECT 2) SELECT 1",
            "WITH t AS (SELECT 1), t AS (SELECT 2) SELECT 1",
        ),
    ]);
}

#[test]
fn the_tables_are_what_no_common_table_expression_is() {
    let tables = |sql| {
        let (_, tables) = folded(sql).expect("no ambiguity");
        tables.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        tables("WITH Foo AS (SELECT * FROM foo) SELECT * FROM FOO, s.foo"),
        ["foo", "s.foo"]
    );
    assert_eq!(
        tables("SELECT (SELECT 1 FROM b) FROM (a JOIN t) UNION SELECT 1 FROM m"),
        ["a", "b", "m", "t"]
    );
    assert_eq!(
        tables("SELECT * FROM `c.s`.t, `c.s.x`.t, d.`s.x`.t"),
        ["c.s.t", "c.s.x.t", "d.s.x.t"]
    );
    assert_eq!(tables("SELECT * FROM t FOR UPDATE OF u"), ["t"]);
    assert_eq!(tables("SELECT * FROM generate_series(1, 2)"), [] as [&str; 0]);
}

#[test]
fn windows_and_excluded_columns_are_found() {
    check(&[
        (
            "SELECT sum(ID) OVER win, sum(ID) OVER (WIN) FROM t WINDOW Win AS (PARTITION BY NAME)",
            "SELECT sum(id) OVER Win, sum(id) OVER (Win) FROM t WINDOW Win AS (PARTITION BY name)",
        ),
        (
            "SELECT sum(ID) OVER (ORDER BY NAME) FROM t",
            "SELECT sum(id) OVER (ORDER BY name) FROM t",
        ),
    ]);
}

#[test]
fn what_is_not_known_stays() {
    check(&[
        (
            "SELECT X, ID FROM generate_series(1, 2) AS g, t",
            "SELECT X, id FROM generate_series(1, 2) AS g, t",
        ),
        ("SELECT AB FROM missing, m", "SELECT AB FROM missing, m"),
        (
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM missing WHERE NAME = 1)",
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM missing WHERE NAME = 1)",
        ),
        ("SELECT Nothing FROM t", "SELECT Nothing FROM t"),
        ("SELECT T.Name.`Field` FROM t", "SELECT t.name.`Field` FROM t"),
        ("SELECT NAME.ID FROM t", "SELECT name.ID FROM t"),
        (
            "SELECT `count(*)` FROM (SELECT count(*) FROM t) d",
            "SELECT `count(*)` FROM (SELECT count(*) FROM t) d",
        ),
    ]);
}

#[test]
fn common_table_expressions_nest_to_a_bound() {
    let nested = |levels: usize| {
        let mut sql = "SELECT 1 AS x".to_string();
        for level in 0..levels {
            sql = format!("WITH w{level} AS ({sql}) SELECT * FROM w{level}");
        }
        folded(&sql).map(|(statement, _)| statement.to_string().len())
    };
    assert!(nested(12).is_ok());
    assert_eq!(nested(13).expect_err("too deep").kind(), ErrorKind::Unsupported);
}

/// A planner with the tables, set as the engine sets it.
fn planner() -> SessionContext {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema("c", "s")
        .with_create_default_catalog_and_schema(false);
    config.options_mut().sql_parser.enable_ident_normalization = false;
    let context = SessionContext::new_with_config(config);
    let schema = Arc::new(MemorySchemaProvider::new());
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("s", schema.clone()).expect("a new schema");
    context.register_catalog("c", Arc::new(catalog));
    for (name, _) in TABLES {
        let columns = columns(&TableReference::bare(*name)).expect("a known table");
        context.register_table(*name, Arc::new(EmptyTable::new(columns))).expect("a new table");
    }
    context
}

#[tokio::test]
async fn datafusion_plans_what_is_folded() {
    let context = planner();
    for sql in [
        "SELECT b.ID, A.* FROM c.s.a JOIN b ON a.ID = B.id",
        "SELECT C.S.A.ID FROM `c.s`.a WHERE `c.s`.a.id = 1",
        "SELECT sum(total) AS TOTAL FROM t GROUP BY ID HAVING sum(TOTAL) > 1 ORDER BY sum(TOTAL)",
        "WITH t AS (SELECT 1 AS x) SELECT x FROM (WITH t AS (SELECT 2 AS X) SELECT T.x FROM t) AS i",
        "WITH RECURSIVE N AS (SELECT 1 AS Xy UNION ALL SELECT XY + 1 FROM n WHERE n.xy < 3) SELECT xy FROM n",
        "WITH a AS (SELECT 1 AS x), b AS (WITH a AS (SELECT x + 1 AS x FROM A) SELECT * FROM a) SELECT X FROM B",
        "SELECT sum(ID) OVER win FROM t WINDOW Win AS (PARTITION BY NAME)",
        "SELECT ID FROM (t JOIN b USING (Id)) WHERE T.ID > 1",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM b WHERE Y = TOTAL AND b.ID = T.ID)",
        "SELECT count(*) AS Cnt FROM t GROUP BY NAME ORDER BY cnt",
        "SELECT column1 FROM (VALUES (1), (2)) AS v ORDER BY V.COLUMN1",
    ] {
        let (statement, _) = folded(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let folded = statement.to_string();
        let statement = PlannerStatement::Statement(Box::new(statement));
        let plan = context.state().statement_to_plan(statement).await;
        plan.unwrap_or_else(|error| panic!("{sql}\n{folded}\n{error}"));
    }
}

#[test]
fn deep_statements_fit_a_thread() {
    let mut query = "SELECT ID FROM t".to_string();
    for _ in 0..60 {
        query = format!("SELECT ID FROM t WHERE id IN ({query})");
    }
    let union = vec!["SELECT ID FROM t"; 250].join(" UNION ALL ");
    for sql in [query, union] {
        let mut parser = Parser::new(&MySqlDialect {}).with_recursion_limit(200);
        parser = parser.try_with_sql(&sql).expect("tokens");
        let mut statement = parser.parse_statement().expect("valid SQL");
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
            fold_relations(&mut statement).expect("no ambiguity");
            fold_columns(&mut statement, &columns).expect("no ambiguity");
            assert!(!statement.to_string().contains("ID"));
        });
        thread.expect("a thread").join().expect("enough stack");
    }
}
