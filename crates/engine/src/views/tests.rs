//! Expected values are those that the manuals of Trino, Spark and Hive give for their dialects.

mod characters;

use super::inline;
use crate::catalogs::{Catalog, CatalogOrigin, Catalogs};
use crate::error::from_datafusion;
use crate::functions::{analyzer_rules, functions};
use crate::identifiers::{fold_columns, fold_relations};
use crate::snapshot::{CurrentNames, Snapshot, SnapshotCatalogs, TableSources};
use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as PlannerStatement;
use mooring_spi::{
    CatalogDefinition, CatalogKey, Connector, Error, ErrorKind, PADDED_LENGTH, Result, Scan,
    ScanRequest, SchemaTable, Table, TableKind, TableStatistics, TableSummary, ViewColumns,
    ViewDefinition, ViewDialect, fold,
};
use sqlparser::ast::Statement;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeMap;
use std::sync::Arc;

const HIVE: ViewDialect = ViewDialect::Hive;
const PRESTO: ViewDialect = ViewDialect::Presto;
const SPARK: ViewDialect = ViewDialect::Spark { ansi: false };
const ANSI: ViewDialect = ViewDialect::Spark { ansi: true };

/// The table `shop.t`, whose `code` is a `char(5)`, and views in the schema `shop`.
#[derive(Debug)]
struct Shop {
    views: Vec<ViewDefinition>,
}

fn batch() -> RecordBatch {
    let amounts = Decimal128Array::from(vec![Some(150), Some(-225), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("name", Arc::new(StringArray::from(vec![Some("Änne"), Some("Bob "), None]))),
        ("price", Arc::new(Float64Array::from(vec![Some(1.5), Some(0.0), None]))),
        ("amount", Arc::new(amounts.with_precision_and_scale(10, 2).expect("decimals"))),
        // 2024-02-29, 1970-01-01
        ("day", Arc::new(Date32Array::from(vec![Some(19_782), Some(0), None]))),
        ("code", Arc::new(StringArray::from(vec![Some("ab   "), Some("abcde"), None]))),
    ];
    let field = |(name, column): &(&str, ArrayRef)| {
        let field = Field::new(*name, column.data_type().clone(), true);
        let is_char = *name == "code";
        let padded = is_char.then(|| (PADDED_LENGTH.to_owned(), "5".to_owned()));
        field.with_metadata(padded.into_iter().collect())
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(schema), columns).expect("a batch")
}

#[async_trait]
impl Connector for Shop {
    async fn schemas(&self) -> Result<Vec<String>> {
        Ok(vec!["shop".to_owned()])
    }

    async fn tables(&self, _schema: &str) -> Result<Vec<TableSummary>> {
        Ok(Vec::new())
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        Ok(tables.iter().map(|wanted| self.table(wanted)).collect())
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        let projected = batch().project(request.projection).expect("columns");
        Ok(Scan::Rows(vec![projected]))
    }
}

impl Shop {
    fn table(&self, wanted: &SchemaTable) -> Option<Table> {
        if fold(&wanted.schema) != "shop" {
            return None;
        }
        let table = |name: &str, schema: SchemaRef, view: Option<ViewDefinition>| Table {
            name: SchemaTable::new("shop", name),
            kind: if view.is_some() { TableKind::View } else { TableKind::Table },
            schema,
            statistics: TableStatistics::default(),
            handle: String::new(),
            view: view.map(Arc::new),
        };
        if fold(&wanted.table) == "t" {
            return Some(table("t", batch().schema(), None));
        }
        let view = self.views.iter().find(|view| view.name == fold(&wanted.table))?;
        Some(table(&view.name, view.columns.clone(), Some(view.clone())))
    }
}

/// A view with columns `name type`, separated by semicolons.
fn view(name: &str, dialect: ViewDialect, columns: &str, sql: &str) -> ViewDefinition {
    let column = |column: &str| {
        let (name, data_type) = column.trim().split_once(' ').expect("a name and a type");
        let data_type: DataType = data_type.parse().expect("a type of Arrow's");
        Field::new(name, data_type, true)
    };
    let columns: Vec<Field> = columns.split(';').map(column).collect();
    ViewDefinition {
        schema_name: "shop".to_owned(),
        name: name.to_owned(),
        columns: Arc::new(Schema::new(columns)),
        sql: sql.to_owned(),
        dialect,
        default_schema: "shop".to_owned(),
        own_catalogs: vec!["awsdatacatalog".to_owned()],
        columns_by: match dialect {
            ViewDialect::Presto => ViewColumns::PositionAndName,
            ViewDialect::Hive | ViewDialect::Spark { .. } => ViewColumns::Position,
        },
    }
}

async fn state_of(snapshot: &Arc<Snapshot>) -> SessionState {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_default_catalog_and_schema("elsewhere", "nowhere")
        .with_create_default_catalog_and_schema(false);
    let parser = &mut config.options_mut().sql_parser;
    parser.enable_ident_normalization = false;
    parser.parse_float_as_decimal = true;
    parser.map_string_types_to_utf8view = false;
    parser.default_null_ordering = "nulls_min".to_owned();
    let mut builder = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_analyzer_rules(analyzer_rules());
    builder.scalar_functions().get_or_insert_default().extend(functions());
    let mut state = builder.build();
    state.register_catalog_list(Arc::new(SnapshotCatalogs(snapshot.clone())));
    state
}

/// The rows of a query of the session's, and its plan.
async fn run(views: &[ViewDefinition], sql: &str) -> Result<(String, String)> {
    let catalogs = Catalogs::new(Vec::new());
    let definition = |name: &str, id| CatalogDefinition {
        key: CatalogKey { id, version: 1 },
        name: name.to_owned(),
        kind: "test".to_owned(),
        properties: BTreeMap::new(),
    };
    let shop = Arc::new(Shop { views: views.to_vec() });
    catalogs.insert(Catalog {
        origin: CatalogOrigin::BuiltIn,
        definition: definition("lakes", 1),
        connector: shop.clone(),
    });
    let session_tables = Arc::new(Catalog {
        origin: CatalogOrigin::BuiltIn,
        definition: definition("def", 0),
        connector: shop,
    });
    let sources =
        TableSources { catalogs: &catalogs, session_tables: &session_tables, viewer: None };
    let current = CurrentNames { catalog: "elsewhere".to_owned(), schema: None };

    let mut statement = Parser::parse_sql(&MySqlDialect {}, sql).expect("valid SQL").remove(0);
    let references = fold_relations(&mut statement)?;
    let snapshot = Arc::new(Snapshot::resolve(&references, &sources, &current).await?);
    let state = state_of(&snapshot).await;
    let plans = snapshot.views().plan(&snapshot, &state).await?;
    fold_columns(&mut statement, &|table| snapshot.schema(table))?;
    let planned = async {
        let statement: Box<Statement> = Box::new(statement);
        let plan = state.statement_to_plan(PlannerStatement::Statement(statement)).await?;
        let plan = state.create_physical_plan(&inline(plan, &plans)?).await?;
        let text = displayable(plan.as_ref()).indent(false).to_string();
        Ok((collect(plan, state.task_ctx()).await?, text))
    };
    let planned: datafusion::common::Result<_> = planned.await;
    let (batches, plan) = planned.map_err(|error| from_datafusion(&error))?;
    let rows = pretty_format_batches(&batches).expect("text").to_string();
    let cells = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        cells.join("|")
    };
    let lines: Vec<String> =
        rows.lines().filter(|line| line.starts_with('|')).skip(1).map(cells).collect();
    Ok((lines.join(" / "), plan))
}

async fn rows(views: &[ViewDefinition], sql: &str) -> String {
    run(views, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).0
}

/// The first row of a view's only column.
async fn value(dialect: ViewDialect, data_type: &str, expression: &str) -> String {
    let sql = format!("SELECT {expression} AS x FROM t WHERE id = 1");
    let views = [view("v", dialect, &format!("x {data_type}"), &sql)];
    rows(&views, "SELECT x FROM lakes.shop.v").await
}

async fn refusal(views: &[ViewDefinition], sql: &str) -> Error {
    match run(views, sql).await {
        Err(error) => error,
        Ok((rows, _)) => panic!("{sql}: {rows}"),
    }
}

#[tokio::test]
async fn a_view_stands_for_its_query() {
    let views = [
        view("v", PRESTO, "id Int64; name Utf8", "SELECT \"id\", NAME FROM awsdatacatalog.shop.t"),
        view("renamed", HIVE, "a Int64; b Utf8", "SELECT `t`.`id`, `t`.`name` FROM `shop`.`t`"),
        view(
            "nested",
            SPARK,
            "total Int64",
            "SELECT sum(a) FROM renamed AS r WHERE a == 1 OR b = \"Bob \"",
        ),
        view(
            "grouped",
            PRESTO,
            "n Int64",
            "WITH x AS (SELECT id FROM t UNION ALL SELECT id FROM v) SELECT count(*) AS n FROM x",
        ),
    ];
    assert_eq!(rows(&views, "SELECT ID, v.Name FROM lakes.shop.V WHERE id < 2").await, "1|Änne");
    assert_eq!(rows(&views, "SELECT b FROM lakes.shop.renamed x WHERE x.A = 1").await, "Änne");
    assert_eq!(rows(&views, "SELECT total FROM lakes.shop.nested").await, "3");
    assert_eq!(rows(&views, "SELECT n FROM lakes.shop.grouped").await, "6");
    let twice = "SELECT x.id FROM lakes.shop.v x JOIN lakes.shop.v y ON x.id = y.id \
                 WHERE x.id IN (SELECT a FROM lakes.shop.renamed WHERE a > 2)";
    assert_eq!(rows(&views, twice).await, "3");
}

#[tokio::test]
async fn filters_reach_the_tables_of_a_view() {
    let views = [view("v", HIVE, "a Int64; b Utf8", "SELECT id, name FROM t")];
    let (_, plan) = run(&views, "SELECT b FROM lakes.shop.v WHERE a = 2").await.expect("a plan");
    // The condition is on the table's own column, below everything that the view does.
    assert!(plan.contains("FilterExec: id@0 = 2"), "{plan}");
}

#[tokio::test]
async fn operators_mean_what_they_do_in_the_dialect() {
    for (dialect, data_type, expression, expected) in [
        (PRESTO, "Utf8", "name || '-' || 'x'", "Änne-x"),
        (SPARK, "Utf8", "concat(name, NULL)", ""),
        (PRESTO, "Int64", "length(name)", "4"),
        (PRESTO, "Float64", "price / 2", "0.75"),
        (HIVE, "Float64", "id / 2", "0.5"),
        (HIVE, "Float64", "id / (id - 1)", ""),
        (ANSI, "Float64", "id / 4", "0.25"),
        (PRESTO, "Int64", "id % 2", "1"),
        (PRESTO, "Int64", "year(day)", "2024"),
        (SPARK, "Int32", "if(day = '2024-02-29', month(day), 0)", "2"),
        (PRESTO, "Utf8", "substr(name, 2, 2)", "nn"),
        (HIVE, "Utf8", "nvl(NULL, upper(name))", "ÄNNE"),
        (PRESTO, "Boolean", "name = 'ÄNNE'", "false"),
        (PRESTO, "Decimal128(12, 2)", "amount * 2", "3.00"),
        (PRESTO, "Utf8", "CAST(amount AS varchar)", "1.50"),
        (PRESTO, "Boolean", "day BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'", "true"),
        (PRESTO, "Utf8", "CASE WHEN name LIKE 'Ä%' THEN 'a' END", "a"),
    ] {
        assert_eq!(value(dialect, data_type, expression).await, expected, "{expression}");
    }
    // Averages of whole numbers are doubles, and of decimals they have four digits more in Spark.
    let averages = [
        view("p", PRESTO, "x Float64", "SELECT avg(id) AS x FROM t WHERE id < 3"),
        view("s", SPARK, "x Decimal128(14, 6)", "SELECT avg(amount) FROM t"),
    ];
    assert_eq!(rows(&averages, "SELECT x FROM lakes.shop.p").await, "1.5");
    assert_eq!(rows(&averages, "SELECT x FROM lakes.shop.s").await, "-0.375000");
}

#[tokio::test]
async fn nulls_are_sorted_as_in_the_dialect() {
    let sql = "SELECT id AS x FROM t ORDER BY price LIMIT 1";
    let views = [view("p", PRESTO, "x Int64", sql), view("s", SPARK, "x Int64", sql)];
    assert_eq!(rows(&views, "SELECT x FROM lakes.shop.p").await, "2");
    assert_eq!(rows(&views, "SELECT x FROM lakes.shop.s").await, "3");
    let hive = [view("v", HIVE, "x Int64", sql)];
    let error = refusal(&hive, "SELECT x FROM lakes.shop.v").await;
    assert!(error.message().contains("NULLS FIRST"), "{error}");
}

#[tokio::test]
async fn what_means_something_else_is_refused_by_name() {
    for (dialect, expression, named) in [
        (PRESTO, "approx_distinct(id)", "approx_distinct"),
        (PRESTO, "id / 2", "/"),
        (PRESTO, "amount / 2", "/"),
        (SPARK, "amount / 2", "/"),
        (PRESTO, "price / price", "/"),
        (ANSI, "id / id", "/"),
        (PRESTO, "avg(amount)", "avg"),
        (PRESTO, "CAST(price AS bigint)", "Int64"),
        (PRESTO, "CAST(name AS varchar(3))", "VARCHAR(3)"),
        (SPARK, "CAST(name AS int)", "Int32"),
        (SPARK, "id = '1'", "="),
        (SPARK, "id || name", "||"),
        (PRESTO, "trim(name)", "TRIM"),
        (PRESTO, "name LIKE 'a\\_b'", "LIKE"),
        (PRESTO, "substr(name, -2)", "SUBSTR"),
        (PRESTO, "date_trunc('month', day)", "date_trunc"),
        (PRESTO, "rank() OVER (ORDER BY id)", "rank"),
        (PRESTO, "1e3", "1e3"),
        (SPARK, "1.5D", "1.5D"),
        (SPARK, "'a\\nb'", "backslash"),
        (PRESTO, "count(*) FILTER (WHERE id > 1)", "FILTER"),
        (PRESTO, "@@version", "@"),
    ] {
        let sql = format!("SELECT {expression} AS x FROM t");
        let error =
            refusal(&[view("v", dialect, "x Int64", &sql)], "SELECT x FROM lakes.shop.v").await;
        assert!(error.message().contains("`lakes.shop.v`"), "{expression}: {error}");
        assert!(error.message().contains(named), "{expression}: {error}");
    }
}

#[tokio::test]
async fn clauses_that_are_not_known_are_refused() {
    for sql in [
        "SELECT id AS x FROM t TABLESAMPLE BERNOULLI (10)",
        "SELECT id AS x FROM t EXCEPT SELECT 1",
        "SELECT id AS x FROM t NATURAL JOIN t AS u",
        "SELECT x FROM UNNEST(ARRAY[1]) AS u(x)",
        "WITH RECURSIVE x AS (SELECT 1 AS x) SELECT x FROM x",
        "SELECT id AS x FROM t GROUP BY ROLLUP (id)",
        "SELECT id AS x FROM t FOR UPDATE",
        "SELECT table_name AS x FROM information_schema.tables",
        "SELECT id AS x FROM mysql2.shop.t",
        "SELECT id AS x FROM t; SELECT 2",
        "INSERT INTO t VALUES (1)",
        "",
    ] {
        let error =
            refusal(&[view("v", PRESTO, "x Int64", sql)], "SELECT x FROM lakes.shop.v").await;
        assert!(error.message().contains("`lakes.shop.v`"), "{sql}: {error}");
        let kinds = [ErrorKind::Unsupported, ErrorKind::SyntaxError];
        assert!(kinds.contains(&error.kind()), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_definition_that_does_not_fit_its_tables_is_an_error() {
    for (dialect, columns, sql, why) in [
        (PRESTO, "id Int64", "SELECT id, name FROM t", "1 columns and its text gives 2"),
        (PRESTO, "id Int64", "SELECT id AS other FROM t", "`other`"),
        (HIVE, "id Int64; b Utf8", "SELECT id FROM t", "2 columns and its text gives 1"),
        (HIVE, "id Int64", "SELECT name FROM t", "Utf8"),
        (HIVE, "id Int64", "SELECT price FROM t", "Float64"),
        (HIVE, "id Int64", "SELECT gone FROM t", "gone"),
        (HIVE, "id Int64", "SELECT id FROM gone", "gone"),
    ] {
        let error =
            refusal(&[view("v", dialect, columns, sql)], "SELECT * FROM lakes.shop.v").await;
        assert!(error.message().contains(why), "{sql}: {error}");
    }
}

#[tokio::test]
async fn columns_of_spark_are_found_by_their_names() {
    let named = |names: &[&str], sql: &str| ViewDefinition {
        columns_by: ViewColumns::Names(names.iter().map(|name| (*name).to_owned()).collect()),
        ..view("v", SPARK, "a Int64; b Utf8", sql)
    };
    let of = |view| async move { rows(&[view], "SELECT a, b FROM lakes.shop.v WHERE a = 1").await };
    // The table has more columns by now, and they stand in another order.
    assert_eq!(of(named(&["ID", "Name"], "SELECT * FROM t")).await, "1|Änne");
    // An expression has no name that both know.
    assert_eq!(of(named(&["id", "upper(name)"], "SELECT id, upper(name) FROM t")).await, "1|ÄNNE");
    let views = [named(&["id", "gone"], "SELECT * FROM t")];
    let error = refusal(&views, "SELECT * FROM lakes.shop.v").await;
    assert!(error.message().contains("its text gives 6"), "{error}");
    let views = [named(&["upper(name)", "id"], "SELECT id, upper(name) FROM t")];
    let error = refusal(&views, "SELECT * FROM lakes.shop.v").await;
    assert!(error.message().contains("another place"), "{error}");
}

#[tokio::test]
async fn a_view_that_reads_itself_is_refused_with_its_chain() {
    let views = [
        view("a", HIVE, "x Int64", "SELECT x FROM b"),
        view("b", HIVE, "x Int64", "SELECT x FROM (SELECT x FROM C) AS c"),
        view("c", HIVE, "x Int64", "SELECT x FROM shop.B"),
    ];
    let error = refusal(&views, "SELECT x FROM lakes.shop.a").await;
    assert_eq!(error.kind(), ErrorKind::InvalidQuery);
    assert!(error.message().contains("`lakes.shop.b` → `lakes.shop.c`"), "{error}");
}

#[tokio::test]
async fn depth_and_size_are_bounded() {
    let chain = |length: usize, sources: &dyn Fn(usize) -> String| -> Vec<ViewDefinition> {
        let name = |level: usize| format!("v{level}");
        (0..length).map(|level| view(&name(level), HIVE, "x Int64", &sources(level))).collect()
    };
    let plain = |level: usize| match level {
        0 => "SELECT id AS x FROM t".to_owned(),
        _ => format!("SELECT x FROM v{}", level - 1),
    };
    let views = chain(17, &plain);
    assert_eq!(rows(&views, "SELECT x FROM lakes.shop.v15 WHERE x = 1").await, "1");
    let error = refusal(&views, "SELECT x FROM lakes.shop.v16").await;
    assert!(error.message().contains("16 levels"), "{error}");

    let doubled = |level: usize| match level {
        0 => "SELECT id AS x FROM t".to_owned(),
        _ => format!("SELECT a.x FROM v{0} AS a JOIN v{0} AS b ON a.x = b.x", level - 1),
    };
    let error = refusal(&chain(12, &doubled), "SELECT x FROM lakes.shop.v11").await;
    assert!(error.message().contains("1000 tables"), "{error}");

    let long = format!("SELECT id + {} AS x FROM t", "1 + ".repeat(1_000) + "1");
    let error = refusal(&chain(1, &|_| long.clone()), "SELECT x FROM lakes.shop.v0").await;
    assert!(error.message().contains("1000 operators"), "{error}");
}
