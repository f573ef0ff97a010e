//! The generated tables against the connector contract and against dbgen's own output.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use mooring_connectors::conformance::{self, Subject};
use mooring_connectors::tpch::{ScaleFactor, TablePart, TpchConnector, TpchReader, TpchTable};
use mooring_spi::{
    Connector, Count, OpenRequest, Predicate, SchemaTable, Split, SplitReader, Value,
};
use std::collections::HashSet;

#[tokio::test]
async fn every_table_keeps_the_connector_contract() {
    for tables in TpchTable::ALL.chunks(2) {
        let names = [0, 1].map(|at| SchemaTable::new("tiny", tables[at].name()));
        let subject = Subject {
            connector: &TpchConnector,
            reader: Some(&TpchReader),
            tables: [&names[0], &names[1]],
        };
        conformance::check(subject).await.expect("the contract holds");
    }
}

async fn rows_of(part: TablePart, schema: SchemaRef) -> RecordBatch {
    let split = Split {
        payload: serde_json::to_string(&part).expect("a payload"),
        label: part.to_string(),
        size_bytes: 0,
    };
    let request = OpenRequest {
        split,
        schema: schema.clone(),
        predicate: Predicate::new(),
        batch_size_rows: 777,
        lease: None,
        query_id: String::new(),
    };
    let stream = TpchReader.open(request).await.expect("a stream");
    let batches: Vec<RecordBatch> = stream.try_collect().await.expect("batches");
    concat_batches(&schema, &batches).expect("one batch")
}

async fn whole(table: TpchTable, part_count: u32) -> RecordBatch {
    let mut batches = Vec::new();
    for part in TablePart::all(table, ScaleFactor::TINY, part_count) {
        let batch = rows_of(part, table.schema()).await;
        assert_eq!(batch.num_rows() as u64, part.rows(), "{part}");
        batches.push(batch);
    }
    concat_batches(&table.schema(), &batches).expect("one batch")
}

#[tokio::test]
async fn parts_together_are_the_whole_table_in_its_order() {
    for table in TpchTable::ALL {
        let one = whole(table, 1).await;
        assert_eq!(Count::Exact(one.num_rows() as u64), table.rows(ScaleFactor::TINY), "{table}");
        assert_eq!(whole(table, 7).await, one, "{table}");
    }
}

fn line(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default();
    let text = |column: &arrow::array::ArrayRef| {
        ArrayFormatter::try_new(column, &options).expect("a formatter").value(row).to_string()
    };
    batch.columns().iter().map(text).collect::<Vec<_>>().join("|")
}

/// The first line is that of `lineitem.tbl` as the TPC's dbgen writes it with `-s 0.01`. The last
/// is from the dbgen in DuckDB 1.5.5, whose other columns are the TPC's and whose comments are not.
#[tokio::test]
async fn lineitem_begins_and_ends_as_dbgens() {
    let rows = whole(TpchTable::Lineitem, 1).await;
    assert_eq!(
        line(&rows, 0),
        "1|1552|93|1|17.00|24710.35|0.04|0.02|N|O|1996-03-13|1996-02-12|1996-03-22|\
         DELIVER IN PERSON|TRUCK|egular courts above the"
    );
    let last = line(&rows, rows.num_rows() - 1);
    assert!(
        last.starts_with(
            "60000|836|3|6|45.00|78157.35|0.04|0.08|N|O|1995-07-23|1995-07-17|1995-07-24|\
             DELIVER IN PERSON|TRUCK|"
        ),
        "{last}"
    );
}

#[tokio::test]
async fn columns_are_the_same_without_comments() {
    for table in TpchTable::ALL {
        let columns: Vec<usize> = (0..table.schema().fields().len() - 1).collect();
        let schema = SchemaRef::new(table.schema().project(&columns).expect("a projection"));
        let part = TablePart::new(table, ScaleFactor::TINY, 1, 1).expect("a part");
        let expected = whole(table, 1).await.project(&columns).expect("a projection");
        assert_eq!(rows_of(part, schema).await, expected, "{table}");
    }
}

/// Exact statistics must be: the engine may answer queries from them.
#[tokio::test]
async fn key_statistics_are_true_at_tiny() {
    for table in TpchTable::ALL {
        let rows = whole(table, 1).await;
        let name = SchemaTable::new("tiny", table.name());
        let resolved = TpchConnector.resolve(&[name]).await.expect("resolved").remove(0);
        let statistics = resolved.expect("the table").statistics;
        for (column, known) in statistics.columns.iter().enumerate() {
            let name = rows.schema().field(column).name().clone();
            let mut lines = HashSet::new();
            let formatter = ArrayFormatter::try_new(rows.column(column), &FormatOptions::default());
            let formatter = formatter.expect("a formatter");
            for row in 0..rows.num_rows() {
                lines.insert(formatter.value(row).to_string());
            }
            if let Count::Exact(distinct) = known.distinct {
                assert_eq!(lines.len() as u64, distinct, "{name}");
            }
            if let (Some(Value::Int(min)), Some(Value::Int(max))) = (&known.min, &known.max) {
                let found: Vec<i64> = match rows.column(column).as_primitive_opt::<Int64Type>() {
                    Some(keys) => keys.values().to_vec(),
                    None => lines.iter().map(|line| line.parse().expect("a number")).collect(),
                };
                assert_eq!(found.iter().min(), Some(min), "{name}");
                assert_eq!(found.iter().max(), Some(max), "{name}");
            }
        }
        let Count::Estimate(bytes) = statistics.bytes else { panic!("bytes are estimated") };
        let taken: usize =
            rows.columns().iter().map(|column| column.get_buffer_memory_size()).sum();
        // Buffers are rounded up, most of all those of the two small tables.
        let ratio = taken as f64 / bytes as f64;
        assert!(rows.num_rows() < 100 || (0.8..1.4).contains(&ratio), "{table}: {ratio}");
    }
}
