//! Which calls a predicate makes, and what is left of their answers.

use super::peer::{Peer, Reply, exception, result, texts};
use super::{FRAMED, metastore};
use crate::hive::thrift::Writer;
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::{
    Count, Domain, ErrorKind, FileFormat, Metastore, Predicate, Range, TableDefinition, Value,
};
use std::sync::Arc;

fn table() -> TableDefinition {
    let field = |name| Field::new(name, DataType::Utf8, true);
    TableDefinition {
        schema_name: "sales".into(),
        name: "orders".into(),
        columns: Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            field("day"),
            field("city"),
        ])),
        partition_columns: 2,
        location: "/orders".into(),
        format: FileFormat::Parquet,
        columns_by: Default::default(),
        compression: None,
        options: Default::default(),
    }
}

fn predicate(column: &str, texts: &[&str]) -> Predicate {
    let exactly = |text: &&str| Range::exactly(Value::Text((*text).to_owned()));
    let domain = Domain { ranges: texts.iter().map(exactly).collect(), nulls: false };
    Predicate::from([(column.to_owned(), domain)])
}

/// Fields of `Partition`: 1 values, 6 storage with 2 location and 3 input format, 7 parameters.
fn partition(day: &str, city: &str) -> Writer {
    const PARQUET: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
    let location = format!("file:/orders/{day}/{city}");
    Writer::default()
        .texts(1, &[day.to_owned(), city.to_owned()])
        .structure(6, |storage| storage.text(2, &location).text(3, PARQUET))
        .text_map(7, &[("numRows", "12"), ("totalSize", "345")])
}

fn partitions(found: &[(&str, &str)]) -> Reply {
    let found = found.iter().map(|(day, city)| partition(day, city)).collect();
    result(Writer::default().structures(0, found))
}

const MONDAY: &str = "2024-01-01";
const NAMES: [&str; 3] =
    ["day=2024-01-01/city=Oslo", "day=2024-01-01/city=Rome", "day=2024-01-02/city=Oslo"];

/// A metastore that answers every question of partitions but those that it refuses.
async fn peer(refused: &'static [&'static str]) -> Peer {
    Peer::open(move |method| match method {
        method if refused.contains(&method) => exception(true, "not supported"),
        "get_partition_names" => texts(&NAMES),
        "get_partition_names_ps" => texts(&NAMES[..2]),
        "get_partitions_by_names" => partitions(&[(MONDAY, "Oslo"), (MONDAY, "Rome")]),
        // One too many: what a collation takes for equal.
        "get_partitions_by_filter" => {
            partitions(&[(MONDAY, "Oslo"), (MONDAY, "Rome"), (MONDAY, "rome")])
        }
        other => exception(false, other),
    })
    .await
}

async fn cities(peer: &Peer, predicate: &Predicate) -> Vec<Value> {
    let metastore = metastore(peer.port, &[FRAMED]);
    let found = metastore.partitions(&table(), predicate).await.expect("partitions");
    found.expect("known").into_iter().map(|mut found| found.values.remove(1)).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[tokio::test]
async fn equality_asks_for_the_names_of_those_that_match() {
    for (refused, methods) in [
        (&[][..], &["get_partition_names_ps", "get_partitions_by_names"][..]),
        (
            &["get_partition_names_ps"],
            &["get_partition_names_ps", "get_partition_names", "get_partitions_by_names"],
        ),
    ] {
        let peer = peer(refused).await;
        let found = cities(&peer, &predicate("day", &[MONDAY])).await;
        assert_eq!(found, [text("Oslo"), text("Rome")]);
        assert_eq!(peer.methods(), methods);
    }
}

#[tokio::test]
async fn a_set_is_a_filter() {
    for (refused, methods) in [
        (&[][..], &["get_partitions_by_filter"][..]),
        (
            &["get_partitions_by_filter"],
            &["get_partitions_by_filter", "get_partition_names", "get_partitions_by_names"],
        ),
    ] {
        let peer = peer(refused).await;
        let found = cities(&peer, &predicate("city", &["Oslo", "Rome"])).await;
        assert_eq!(found, [text("Oslo"), text("Rome")]);
        assert_eq!(peer.methods(), methods);
        let filter = peer.calls.lock()[0].1.clone();
        assert!(filter.contains(r#"(city = "Oslo" or city = "Rome")"#), "{filter}");
    }
}

#[tokio::test]
async fn only_names_that_match_are_asked_for() {
    let peer = peer(&[]).await;
    let not_sure = Domain { nulls: true, ..predicate("day", &[MONDAY]).remove("day").expect("it") };
    cities(&peer, &Predicate::from([("day".to_owned(), not_sure)])).await;
    assert_eq!(peer.methods(), ["get_partition_names", "get_partitions_by_names"]);
    let names = peer.calls.lock()[1].1.clone();
    assert!(names.contains(NAMES[0]) && names.contains(NAMES[1]), "{names}");
    assert!(!names.contains(NAMES[2]), "{names}");
}

#[tokio::test]
async fn partitions_tell_what_they_hold() {
    let peer = peer(&[]).await;
    let metastore = metastore(peer.port, &[FRAMED]);
    let found = metastore.partitions(&table(), &Predicate::new()).await.expect("partitions");
    let statistics = found.expect("known")[0].statistics.clone().expect("statistics");
    assert_eq!((statistics.rows, statistics.bytes), (Count::Estimate(12), Count::Estimate(345)));
}

#[tokio::test]
async fn too_many_are_refused_by_the_tables_name() {
    for predicate in [Predicate::new(), predicate("city", &["Oslo", "Rome"])] {
        let peer = peer(&[]).await;
        let metastore = metastore(peer.port, &[FRAMED, ("partitions_max", "1")]);
        let error = metastore.partitions(&table(), &predicate).await.expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        for named in ["`sales.orders`", "`partitions_max`", "`warehouse`"] {
            assert!(error.message().contains(named), "{error}");
        }
    }
}

/// Fields of `Table`: 1 name, 2 database, 7 storage with 1 columns, 9 parameters.
fn stored_table(parameters: &[(&str, &str)]) -> Reply {
    const PARQUET: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
    let column = Writer::default().text(1, "id").text(2, "bigint");
    result(Writer::default().structure(0, |answer| {
        answer.structure(1, |table| {
            let storage = |storage: Writer| {
                storage.structures(1, vec![column]).text(2, "file:/t").text(3, PARQUET)
            };
            table.text(1, "t").text(2, "s").structure(7, storage).text_map(9, parameters)
        })
    }))
}

/// Of column `id`, `longStats`: 4 distinct values.
fn column_statistics() -> Reply {
    let data = |data: Writer| data.structure(2, |long| long.int64(3, 0).int64(4, 4));
    let column = Writer::default().text(1, "id").text(2, "bigint").structure(3, data);
    result(Writer::default().structure(0, |answer| answer.structures(1, vec![column])))
}

#[tokio::test]
async fn columns_are_asked_for_where_rows_are_known() {
    for (parameters, is_asked, is_refused) in [
        (&[("numRows", "9")][..], true, false),
        (&[("numRows", "9")], true, true),
        (&[("numRows", "-1"), ("totalSize", "7")], false, false),
        (
            &[
                ("spark.sql.statistics.numRows", "9"),
                ("spark.sql.statistics.colStats.id.version", "2"),
                ("spark.sql.statistics.colStats.id.distinctCount", "4"),
            ],
            false,
            false,
        ),
    ] {
        let peer = Peer::open(move |method| match method {
            "get_table_req" => stored_table(parameters),
            _ if is_refused => exception(true, "no such statistics"),
            _ => column_statistics(),
        })
        .await;
        let metastore = metastore(peer.port, &[FRAMED]);
        let table = metastore
            .table("s", "t")
            .await
            .expect("answered")
            .expect("there")
            .into_table()
            .expect("a table");
        let found = metastore.statistics(&table).await.expect("answered").expect("statistics");
        let is_called = peer.methods().contains(&"get_table_statistics_req".to_owned());
        assert_eq!(is_called, is_asked, "{parameters:?}");
        let is_counted = found.rows == Count::Estimate(9);
        assert_eq!(is_counted, parameters[0].1 == "9");
        let distinct = found.columns.first().map(|column| column.distinct);
        let expected = (is_counted && !is_refused).then_some(Count::Estimate(4));
        assert_eq!(distinct, expected, "{parameters:?}");
    }
}
