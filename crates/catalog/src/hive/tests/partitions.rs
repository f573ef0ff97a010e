//! Which calls a predicate makes, and what is left of their answers.

use super::peer::{Peer, Reply, exception, result, texts};
use super::{FRAMED, HiveMetastore, metastore};
use crate::hive::thrift::Writer;
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::{
    ColumnProjection, Count, Domain, ErrorKind, FileFormat, IntegerProjection, LocationPart,
    Metastore, PartitionProjection, Predicate, Range, TableDefinition, Value,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
        partition_projection: None,
        may_be_absent: false,
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
async fn what_a_metastore_refuses_is_not_asked_again() {
    for (refused, predicate) in [
        (&["get_partition_names_ps"], predicate("day", &[MONDAY])),
        (&["get_partitions_by_filter"], predicate("city", &["Oslo", "Rome"])),
    ] {
        let peer = peer(refused).await;
        let metastore = metastore(peer.port, &[FRAMED]);
        let other = TableDefinition { name: "other".into(), ..table() };
        for table in [&table(), &table(), &other] {
            metastore.partitions(table, &predicate).await.expect("partitions");
        }
        let [names, whole] = ["get_partition_names", "get_partitions_by_names"];
        let methods = [refused[0], names, whole, names, whole, refused[0], names, whole];
        assert_eq!(peer.methods(), methods);
    }
}

#[tokio::test]
async fn an_outage_of_its_database_is_no_refusal() {
    let peer = Peer::open(|method| match method {
        "get_partitions_by_filter" => exception(true, "Communications link failure"),
        "get_partition_names" => texts(&[]),
        other => exception(false, other),
    })
    .await;
    let metastore = metastore(peer.port, &[FRAMED]);
    for _ in 0..2 {
        let found = metastore.partitions(&table(), &predicate("city", &["Oslo", "Rome"])).await;
        assert_eq!(found.expect("partitions"), Some(Vec::new()));
    }
    let both = ["get_partitions_by_filter", "get_partition_names"];
    assert_eq!(peer.methods(), [both, both].concat());
}

/// A metastore of one table with so many partitions, one of each day. It answers by names those that come
/// after what it answers to a filter.
async fn peer_of_days(count: usize) -> Peer {
    const FILTERED: usize = 1_001;
    let calls = AtomicUsize::new(0);
    Peer::open(move |method| {
        let days = |from: usize, length: usize| {
            let days: Vec<String> =
                (from..count.min(from + length)).map(|day| day.to_string()).collect();
            let days: Vec<_> = days.iter().map(|day| (day.as_str(), "Oslo")).collect();
            partitions(&days)
        };
        match method {
            "get_partitions_by_filter" => days(0, FILTERED),
            "get_partition_names" => {
                let names: Vec<String> =
                    (0..count).map(|day| format!("day={day}/city=Oslo")).collect();
                texts(&names.iter().map(String::as_str).collect::<Vec<_>>())
            }
            "get_partitions_by_names" => {
                days(FILTERED + calls.fetch_add(1, Ordering::Relaxed) * 1_000, 1_000)
            }
            other => exception(false, other),
        }
    })
    .await
}

#[tokio::test]
async fn what_a_filter_has_brought_is_not_asked_for_again() {
    for (count, by_names) in [(1_000, None), (1_001, Some(0)), (2_001, Some(1)), (3_100, Some(3))] {
        let peer = peer_of_days(count).await;
        let metastore = metastore(peer.port, &[FRAMED]);
        let found = metastore.partitions(&table(), &predicate("city", &["Oslo", "Rome"])).await;
        let found = found.expect("partitions").expect("known");
        let locations: HashSet<_> = found.iter().map(|found| &found.location).collect();
        assert_eq!((found.len(), locations.len()), (count, count));
        let mut methods = vec!["get_partitions_by_filter"];
        if let Some(calls) = by_names {
            methods.push("get_partition_names");
            methods.extend(vec!["get_partitions_by_names"; calls]);
        }
        assert_eq!(peer.methods(), methods);
        // With the calls for the table and for its statistics.
        assert!(2 + methods.len() <= 3 + count.div_ceil(1_000), "{methods:?}");
    }
}

/// What one query asks, and the methods that it calls.
async fn query(peer: &Peer, metastore: &HiveMetastore) -> Vec<String> {
    let before = peer.methods().len();
    let found = metastore.table("sales", "orders").await.expect("answered").expect("there");
    let table = found.into_table().expect("a table");
    let statistics = metastore.statistics(&table).await.expect("answered").expect("statistics");
    assert_eq!(statistics.columns[0].distinct, Count::Estimate(4));
    let found = metastore.partitions(&table, &predicate("city", &["Oslo", "Rome"])).await;
    assert_eq!(found.expect("partitions").expect("known").len(), 2);
    peer.methods().split_off(before)
}

#[tokio::test]
async fn a_refusal_is_risked_only_where_it_is_not_a_call_too_many() {
    let [defined, filter] = ["get_table_req", "get_partitions_by_filter"];
    let [names, whole] = ["get_partition_names", "get_partitions_by_names"];
    for (is_refused, second, third) in [
        (true, &[defined, filter, names, whole][..], &[defined, names, whole][..]),
        (false, &[defined, filter], &[defined, filter]),
    ] {
        let peer = Peer::open(move |method| match method {
            "get_table_req" => stored_orders(),
            "get_table_statistics_req" => column_statistics(),
            "get_partitions_by_filter" if is_refused => exception(true, "not supported"),
            "get_partition_names" => texts(&NAMES[..2]),
            _ => partitions(&[(MONDAY, "Oslo"), (MONDAY, "Rome")]),
        })
        .await;
        let metastore = metastore(peer.port, &[FRAMED]);
        let first = [defined, "get_table_statistics_req", names, whole];
        for expected in [&first[..], second, third, third] {
            let methods = query(&peer, &metastore).await;
            assert_eq!(methods, expected);
            // Two partitions match.
            assert!(methods.len() <= 3 + 1);
        }
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
async fn all_partitions_are_counted_where_the_metastore_does() {
    for is_refused in [false, true] {
        let peer = Peer::open(move |_| match is_refused {
            true => exception(true, "not supported"),
            false => result(Writer::default().int64(0, 10_000)),
        })
        .await;
        let count = metastore(peer.port, &[FRAMED]).partitions_total(&table()).await;
        assert_eq!(count.expect("an answer"), (!is_refused).then_some(10_000));
        assert_eq!(peer.methods(), ["get_num_partitions_by_filter"]);
    }
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

#[tokio::test]
async fn projected_partitions_are_asked_of_nobody() {
    let days = IntegerProjection { min: 1, max: 9, interval: 1, digits: Some(2) };
    let projection = PartitionProjection {
        columns: vec![
            ColumnProjection::Integers(days),
            ColumnProjection::Enumerated(vec!["Oslo".into(), "Rome".into()]),
        ],
        location: vec![
            LocationPart::Text("file:/orders/".into()),
            LocationPart::Value(0),
            LocationPart::Value(1),
        ],
    };
    let projected = TableDefinition { partition_projection: Some(projection), ..table() };
    let peer = peer(&[]).await;
    let metastore = metastore(peer.port, &[FRAMED, ("partitions_max", "17")]);
    let found = metastore.partitions(&projected, &predicate("day", &["07"])).await;
    let locations: Vec<String> =
        found.expect("partitions").expect("known").into_iter().map(|it| it.location).collect();
    assert_eq!(locations, ["/orders/07Oslo", "/orders/07Rome"]);
    let error = metastore.partitions(&projected, &Predicate::new()).await.expect_err("18 of them");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.message().contains("`partitions_max`"), "{error}");
    assert_eq!(metastore.statistics(&projected).await.expect("answered"), None);
    assert_eq!(metastore.partitions_total(&projected).await.expect("answered"), None);
    assert!(peer.methods().is_empty());
}

/// Fields of `Table`: 1 name, 2 database, 7 storage with 1 columns, 8 partition columns, 9 parameters.
fn stored(
    (schema, name): (&str, &str),
    partition_columns: &[&str],
    parameters: &[(&str, &str)],
) -> Reply {
    const PARQUET: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
    let column = |name: &str, hive_type| Writer::default().text(1, name).text(2, hive_type);
    let partition_columns = partition_columns.iter().map(|name| column(name, "string")).collect();
    result(Writer::default().structure(0, |answer| {
        answer.structure(1, |table| {
            let storage = |storage: Writer| {
                storage
                    .structures(1, vec![column("id", "bigint")])
                    .text(2, "file:/t")
                    .text(3, PARQUET)
            };
            table
                .text(1, name)
                .text(2, schema)
                .structure(7, storage)
                .structures(8, partition_columns)
                .text_map(9, parameters)
        })
    }))
}

fn stored_table(parameters: &[(&str, &str)]) -> Reply {
    stored(("s", "t"), &[], parameters)
}

/// The table of [`table`], whose rows somebody has counted.
fn stored_orders() -> Reply {
    stored(("sales", "orders"), &["day", "city"], &[("numRows", "9")])
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
