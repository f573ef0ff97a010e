//! Through SQL, over values as files have them: some with the spaces of their type and some without. What is
//! expected follows from Apache Spark's "Data Types" (`CharType`); what is longer than its type is cut as in
//! Hive.

use super::super::{analyzer_rules, functions};
use crate::catalogs::{Catalog, CatalogOrigin};
use crate::table::MooringTable;
use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use mooring_spi::{
    CHARACTER_LENGTH, CatalogDefinition, CatalogKey, Connector, PADDED_LENGTH, Result,
    STORED_UNPADDED, Scan, ScanRequest, SchemaTable, Table, TableKind, TableStatistics,
    TableSummary,
};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// The rows of one table.
#[derive(Debug)]
struct Stored(RecordBatch);

#[async_trait]
impl Connector for Stored {
    async fn schemas(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn tables(&self, _schema: &str) -> Result<Vec<TableSummary>> {
        Ok(Vec::new())
    }

    async fn resolve(&self, _tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        Ok(Vec::new())
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        Ok(Scan::Rows(vec![self.0.project(request.projection).expect("columns")]))
    }
}

fn text_field(name: &str, declared: &[(&str, &str)]) -> Field {
    let declared = declared.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Field::new(name, DataType::Utf8, true).with_metadata(declared.collect())
}

fn stored_char(name: &str, length: &str) -> Field {
    text_field(name, &[(PADDED_LENGTH, length), (STORED_UNPADDED, "true")])
}

fn context(config: SessionConfig) -> SessionContext {
    let mut config = config.with_target_partitions(1);
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    config.options_mut().execution.parquet.schema_force_view_types = false;
    let mut builder = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_analyzer_rules(analyzer_rules());
    builder.scalar_functions().get_or_insert_default().extend(functions());
    SessionContext::new_with_state(builder.build())
}

fn register(context: &SessionContext, name: &str, columns: Vec<(Field, &[Option<&str>])>) {
    let rows = i64::try_from(columns[0].1.len()).expect("a small number");
    let mut fields = vec![Field::new("id", DataType::Int64, false)];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(1..=rows))];
    for (field, values) in columns {
        fields.push(field);
        arrays.push(Arc::new(StringArray::from(values.to_vec())));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays).expect("a batch");
    let definition = CatalogDefinition {
        key: CatalogKey { id: 1, version: 1 },
        name: "stored".to_owned(),
        kind: "test".to_owned(),
        properties: BTreeMap::new(),
    };
    let catalog = Arc::new(Catalog {
        definition,
        origin: CatalogOrigin::BuiltIn,
        connector: Arc::new(Stored(batch)),
    });
    let table = Table {
        name: SchemaTable::new("s", name),
        kind: TableKind::Table,
        schema,
        statistics: TableStatistics::default(),
        handle: String::new(),
        view: None,
    };
    let table = Arc::new(MooringTable::new(catalog, table));
    context.register_table(name, table).expect("registered");
}

/// `c` and `w` come from files; `p` has its spaces, as a partition's value does.
fn tables() -> SessionContext {
    let context = context(SessionConfig::new());
    let columns: Vec<(Field, &[Option<&str>])> = vec![
        (
            stored_char("c", "5"),
            &[Some("ab"), Some("ab   "), Some("abcdefg"), Some("zwölf"), Some(""), None],
        ),
        (
            stored_char("w", "8"),
            &[Some("ab"), Some("abc     "), Some("abcde"), None, Some(""), None],
        ),
        (
            text_field("v", &[(CHARACTER_LENGTH, "5")]),
            &[Some("ab"), Some("ab   "), Some("abcde"), None, Some(""), None],
        ),
        (
            text_field("p", &[(PADDED_LENGTH, "3")]),
            &[Some("x  "), Some("y  "), Some("x  "), None, Some("   "), None],
        ),
    ];
    register(&context, "t", columns);
    register(&context, "n", vec![(stored_char("c", "5"), &[Some("7"), Some("12 ")])]);
    context
}

/// Rows apart by ` / `, values by `|`.
async fn rows(context: &SessionContext, sql: &str) -> String {
    let found = async { context.sql(sql).await?.collect().await };
    let batches = found.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut lines = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let value = |column: &ArrayRef| array_value_to_string(column, row).expect("text");
            lines.push(batch.columns().iter().map(value).collect::<Vec<_>>().join("|"));
        }
    }
    lines.join(" / ")
}

#[tokio::test]
async fn values_have_as_many_characters_as_their_type() {
    let tables = tables();
    for (sql, expected) in [
        (
            "SELECT c, w FROM t WHERE id < 4 ORDER BY id",
            "ab   |ab       / ab   |abc      / abcde|abcde   ",
        ),
        ("SELECT concat('<', c, '>') FROM t WHERE id = 5", "<     >"),
        ("SELECT character_length(c) FROM t WHERE id = 4", "5"),
        ("SELECT count(c), count(*), min(c), max(c) FROM t", "5|6|     |zwölf"),
        (
            "SELECT c, count(*) FROM t WHERE c IS NOT NULL GROUP BY c ORDER BY c",
            "     |1 / ab   |2 / abcde|1 / zwölf|1",
        ),
        ("SELECT DISTINCT u.x FROM (SELECT c AS x FROM t) u WHERE u.x = 'ab'", "ab   "),
        ("SELECT c, max(id) FROM t GROUP BY c HAVING c = 'ab'", "ab   |2"),
    ] {
        assert_eq!(rows(&tables, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn spaces_at_the_end_do_not_count() {
    let tables = tables();
    for (condition, expected) in [
        ("c = 'ab'", "1 / 2"),
        ("'ab        ' = c", "1 / 2"),
        ("c = 'abcdefg'", ""),
        ("c = ''", "5"),
        ("c <> 'ab'", "3 / 4 / 5"),
        ("c IS NOT DISTINCT FROM 'ab'", "1 / 2"),
        ("c IN ('ab', 'zwölf ', NULL)", "1 / 2 / 4"),
        ("c NOT IN ('ab', '')", "3 / 4"),
        ("c < 'abc'", "1 / 2 / 5"),
        ("c > 'ab'", "3 / 4"),
        ("c > 'abcdefg'", "4"),
        // A tabulator comes before a space.
        ("c >= 'ab\t'", "1 / 2 / 3 / 4"),
        ("c > 'ab   \t'", "1 / 2 / 3 / 4"),
        ("c BETWEEN 'ab' AND 'abz'", "1 / 2 / 3"),
        ("c NOT BETWEEN 'ab' AND 'ab   \t'", "1 / 2 / 3 / 4 / 5"),
        ("c = concat('a', 'b')", "1 / 2"),
        ("c = concat('ab', '         ')", "1 / 2"),
        ("c > concat('ab   ', '\t')", "1 / 2 / 3 / 4"),
        ("c BETWEEN concat('a', 'b') AND 'abz'", "1 / 2 / 3"),
        ("CASE c WHEN 'ab' THEN true ELSE false END", "1 / 2"),
        ("nullif(c, 'ab') IS NULL", "1 / 2 / 6"),
        ("nullif('ab', c) IS NULL", "1 / 2"),
        ("nullif('ab', c) = 'ab'", "3 / 4 / 5 / 6"),
        ("p = 'x'", "1 / 3"),
        ("p < 'x '", "5"),
    ] {
        let sql = format!("SELECT id FROM t WHERE {condition} ORDER BY id");
        assert_eq!(rows(&tables, &sql).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn columns_of_two_lengths_compare() {
    let tables = tables();
    for (condition, expected) in [
        ("c = w", "1 / 3 / 5"),
        ("c < w", "2"),
        ("c IN (w, 'zwölf')", "1 / 3 / 4 / 5"),
        ("nullif(c, w) IS NULL", "1 / 3 / 5 / 6"),
        ("nullif(w, c) IS NULL", "1 / 3 / 4 / 5 / 6"),
        ("character_length(nullif(c, w)) = 5", "2 / 4"),
        ("(SELECT count(*) FROM t AS o WHERE o.c = t.w) > 0", "1 / 3 / 5"),
        ("(SELECT count(*) FROM t AS o WHERE t.w = o.c) = 2", "1"),
        ("(SELECT count(*) FROM t AS o WHERE o.w = t.c) > 0", "1 / 2 / 3 / 5"),
        ("'ab' IN (w, c)", "1 / 2"),
        ("CASE c WHEN 'ab' THEN true WHEN w THEN true ELSE false END", "1 / 2 / 3 / 5"),
        ("c IN (SELECT w FROM t)", "1 / 2 / 3 / 5"),
        ("w IN (SELECT c FROM t)", "1 / 3 / 5"),
        ("EXISTS (SELECT 1 FROM t AS o WHERE o.w = t.c AND o.id = t.id)", "1 / 3 / 5"),
        ("EXISTS (SELECT 1 FROM t AS o WHERE o.id = t.id AND t.c = 'ab')", "1 / 2"),
        // Texts count their spaces, and so do patterns and functions.
        ("c = v", "2 / 3"),
        ("c LIKE 'ab'", ""),
        ("c LIKE 'ab%'", "1 / 2 / 3"),
        ("upper(c) = 'AB'", ""),
    ] {
        let sql = format!("SELECT id FROM t WHERE {condition} ORDER BY id");
        assert_eq!(rows(&tables, &sql).await, expected, "{condition}");
    }
    for (join, expected) in [
        ("t AS a JOIN t AS b ON a.c = b.w", "4"),
        ("t AS a JOIN t AS b ON a.c = b.c", "7"),
        ("(SELECT c AS k FROM t) AS a JOIN (SELECT w AS k FROM t) AS b USING (k)", "4"),
        ("t AS a LEFT JOIN t AS b ON a.c = b.w", "6"),
        ("t AS a LEFT JOIN t AS b ON a.c = b.w WHERE b.w IS NULL", "2"),
        ("t AS a LEFT JOIN n AS b ON a.id = b.id WHERE b.c = '7'", "1"),
        ("t AS a LEFT JOIN n AS b ON a.id = b.id WHERE b.c IS NULL", "4"),
        ("(SELECT c FROM t INTERSECT SELECT w FROM t) AS u", "4"),
        ("(SELECT c FROM t EXCEPT SELECT w FROM t) AS u WHERE c = 'zwölf'", "1"),
        ("(SELECT c FROM t EXCEPT SELECT w FROM t) AS u", "1"),
    ] {
        assert_eq!(
            rows(&tables, &format!("SELECT count(*) FROM {join}")).await,
            expected,
            "{join}"
        );
    }
}

#[tokio::test]
async fn what_is_made_of_such_a_column_is_text() {
    let tables = tables();
    for (relation, condition, expected) in [
        ("SELECT c AS x FROM t UNION ALL SELECT c FROM n", "x = 'ab'", "2"),
        ("SELECT c AS x FROM t UNION ALL SELECT v FROM t", "x = 'ab'", "1"),
        ("SELECT CAST(CAST(c AS BIGINT) AS VARCHAR) AS x FROM n", "x = '7'", "1"),
        ("SELECT concat(c, '') AS x FROM n", "x = '7'", "0"),
        // Texts, each with the spaces of its own type.
        ("SELECT c AS x FROM t UNION SELECT w FROM t", "true", "9"),
        ("SELECT v AS x FROM t UNION SELECT c FROM t", "x IS NOT NULL", "6"),
        ("SELECT c AS x FROM t UNION ALL SELECT w FROM t", "x = 'ab'", "0"),
    ] {
        let sql = format!("SELECT count(*) FROM ({relation}) AS u WHERE {condition}");
        assert_eq!(rows(&tables, &sql).await, expected, "{sql}");
    }
    let recursive = "WITH RECURSIVE r AS (SELECT c, 1 AS i FROM n WHERE c = '7' UNION ALL \
                     SELECT '7', i + 1 FROM r WHERE i < 2) SELECT count(*) FROM r WHERE c = '7'";
    assert_eq!(rows(&tables, recursive).await, "1");
}

#[tokio::test]
async fn numbers_have_no_spaces() {
    let tables = tables();
    assert_eq!(rows(&tables, "SELECT id FROM n WHERE c = 7").await, "1");
    assert_eq!(rows(&tables, "SELECT max(CAST(c AS BIGINT)) FROM n").await, "12");
}

#[tokio::test]
async fn casts_that_come_with_arguments_see_no_spaces() {
    let tables = tables();
    register(&tables, "d", vec![(stored_char("c", "12"), &[Some("2024-01-01"), None])]);
    for (expression, expected) in [
        ("max(date_part('year', c))", "2024"),
        ("count(CASE WHEN date_part('month', c) = 1 THEN 1 END)", "1"),
    ] {
        let sql = format!("SELECT {expression} FROM d");
        assert_eq!(rows(&tables, &sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn keys_that_are_no_columns_are_not_those_of_using() {
    let tables = tables();
    let sql =
        "SELECT * FROM (SELECT c AS k FROM t) AS a JOIN (SELECT w AS k FROM t) AS b USING (k)";
    let (state, plan) = tables.sql(sql).await.expect("a plan").into_parts();
    let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
    assert!(analyzed.expect("analyzed").using_columns().expect("columns").is_empty());
}

/// A condition on what a file holds names the function, one on a partition's value does not.
#[tokio::test]
async fn columns_stay_as_they_are_where_constants_can_change() {
    let tables = tables();
    let plan = async |sql: &str| {
        let plan = tables.sql(sql).await.expect(sql).into_optimized_plan().expect(sql);
        plan.display_indent().to_string()
    };
    let of_file = plan("SELECT id FROM t WHERE c = 'ab'").await;
    assert!(of_file.contains("char_padded(t.c, Int64(5)) = Utf8(\"ab   \")"), "{of_file}");
    let of_partition = plan("SELECT id FROM t WHERE p = 'x'").await;
    assert!(of_partition.contains("t.p = Utf8(\"x  \")"), "{of_partition}");
    let of_none = plan("SELECT v FROM t WHERE v = 'x'").await;
    assert!(of_none.contains("t.v = Utf8(\"x\")"), "{of_none}");
    assert!(!of_none.contains("char_padded"), "{of_none}");
}

/// The type of a parameter is asked for before its value is known.
#[tokio::test]
async fn parameters_are_filled_when_they_come() {
    let tables = tables();
    let plan = tables.sql("SELECT id FROM t WHERE c = $1").await.expect("a plan");
    let (state, plan) = plan.into_parts();
    let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
    let analyzed = analyzed.expect("analyzed").display_indent().to_string();
    assert!(analyzed.contains("space_filled($1, Int64(5))"), "{analyzed}");
}

const NUMBERED: usize = 1_000;

/// A file of `k000` to `k999`, with all that can prune.
async fn parquet() -> SessionContext {
    let names = StringArray::from_iter_values((0..NUMBERED).map(|number| format!("k{number:03}")));
    let schema = Arc::new(Schema::new(vec![Field::new("c", DataType::Utf8, true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(names)]).expect("a batch");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_data_page_row_count_limit(10)
        .set_write_batch_size(10)
        .set_bloom_filter_enabled(true)
        .build();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, schema, Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");

    let mut config = SessionConfig::new();
    config.options_mut().execution.parquet.pushdown_filters = true;
    config.options_mut().execution.collect_statistics = true;
    let context = context(config);
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    store.put(&Path::from("f.parquet"), file.into()).await.expect("put");
    let root = Url::parse("memory://files/").expect("a URL");
    context.runtime_env().register_object_store(&root, store);
    let options = ParquetReadOptions::default();
    context.register_parquet("stored", "memory://files/f.parquet", options).await.expect("a table");
    context
}

/// As a scan of a table has it at once above its files.
const PADDED: &str = "(SELECT char_padded(c, 6) AS c FROM stored)";

#[tokio::test]
async fn files_are_not_pruned_by_what_they_do_not_hold() {
    let files = parquet().await;
    for (sql, expected) in [
        ("SELECT c FROM {f} AS f WHERE c = 'k500  '", "k500  "),
        ("SELECT c FROM {f} AS f WHERE c = 'k500'", ""),
        ("SELECT c FROM {f} AS f WHERE c IN ('k007  ', 'k993  ') ORDER BY c", "k007   / k993  "),
        ("SELECT count(*) FROM {f} AS f WHERE c <= 'k009  '", "10"),
        ("SELECT count(*) FROM {f} AS f WHERE c > 'k989  ' AND c IS NOT NULL", "10"),
        ("SELECT count(*) FROM {f} AS f WHERE c LIKE 'k00%  '", "10"),
        ("SELECT min(c), max(c), count(c), count(*) FROM {f} AS f", "k000  |k999  |1000|1000"),
        ("SELECT max(c) FROM {f} AS f WHERE c < 'k500  '", "k499  "),
        ("SELECT c FROM {f} AS f ORDER BY c DESC LIMIT 2", "k999   / k998  "),
        ("SELECT c FROM {f} AS f ORDER BY c LIMIT 1", "k000  "),
        ("SELECT count(*) FROM {f} AS a JOIN {f} AS b ON a.c = b.c WHERE b.c = 'k007  '", "1"),
        (
            "SELECT count(*) FROM {f} AS f WHERE c IN (SELECT c FROM {f} AS g WHERE c < 'k003  ')",
            "3",
        ),
    ] {
        let sql = sql.replace("{f}", PADDED);
        assert_eq!(rows(&files, &sql).await, expected, "{sql}");
    }
}
