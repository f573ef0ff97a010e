//! A file that is written here, read as DataFusion's reader does it.

use super::WallTimeAdapters;
use super::arrays::to_wall_time;
use super::footer::{WALL_TIME_ZONE, with_instants};
use bytes::Bytes;
use chrono::NaiveDateTime;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, TimestampMicrosecondArray, TimestampSecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Field, Fields, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::can_expr_be_pushed_down_with_schemas;
use datafusion::functions::core::get_field;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, lit};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use mooring_spi::TimeZone;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::Int96;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// All but `wall` are instants; the list is as Hive writes it.
const MESSAGE: &str = "message m {
    optional int96 at;
    optional int64 adjusted (TIMESTAMP(MILLIS,true));
    optional int64 wall (TIMESTAMP(MICROS,false));
    optional group place { optional int96 at; }
    optional group many (LIST) { repeated group bag { optional int96 array_element; } }
}";
const NOON: &str = "2024-07-01T12:00:00";
const NOON_IN_TOKYO: &str = "2024-07-01T21:00:00";

/// Microseconds since 1970.
fn micros(text: &str) -> i64 {
    text.parse::<NaiveDateTime>().expect(text).and_utc().timestamp_micros()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::parse(name).expect(name)
}

fn int96(micros: i64) -> Int96 {
    const DAY: i64 = 86_400_000_000;
    let (day, nanos) = (micros.div_euclid(DAY) + 2_440_588, micros.rem_euclid(DAY) * 1_000);
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, day as u32);
    value
}

/// A row that has `at` in every column, twice in the list, and a row of nulls.
fn written(at: &str, created_by: &str, writer_zone: Option<&str>) -> Bytes {
    let at = micros(at);
    let pair = |zone: &str| KeyValue::new("writer.time.zone".to_owned(), zone.to_owned());
    let properties = WriterProperties::builder()
        .set_created_by(created_by.to_owned())
        .set_key_value_metadata(writer_zone.map(|zone| vec![pair(zone)]))
        .build();
    let schema = Arc::new(parse_message_type(MESSAGE).expect("a schema"));
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let mut place = 0;
    while let Some(mut column) = group.next_column().expect("a column") {
        // The definition level of a value is how many optional or repeated fields its path has.
        match (column.untyped(), place) {
            (ColumnWriter::Int64ColumnWriter(column), 1) => {
                column.write_batch(&[at.div_euclid(1_000)], Some(&[1, 0]), None)
            }
            (ColumnWriter::Int64ColumnWriter(column), _) => {
                column.write_batch(&[at], Some(&[1, 0]), None)
            }
            (ColumnWriter::Int96ColumnWriter(column), 4) => column.write_batch(
                &[int96(at), int96(at)],
                Some(&[3, 2, 3, 0]),
                Some(&[0, 1, 1, 0]),
            ),
            (ColumnWriter::Int96ColumnWriter(column), place) => {
                column.write_batch(&[int96(at)], Some(&[if place == 3 { 2 } else { 1 }, 0]), None)
            }
            _ => panic!("a column of another type"),
        }
        .expect("values");
        column.close().expect("a whole column");
        place += 1;
    }
    group.close().expect("a whole row group");
    writer.into_inner().expect("a whole file").into()
}

fn footer(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new().parse_and_finish(file).expect("a footer")
}

/// The rows as the reader has them, with the schema of its footer.
fn read(file: &Bytes, zone: TimeZone) -> (RecordBatch, SchemaRef) {
    let metadata = footer(file);
    let metadata = with_instants(&metadata, zone).expect("a zone").unwrap_or(metadata);
    let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new());
    let metadata = metadata.expect("types");
    let schema = Arc::clone(metadata.schema());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
    let batch = reader.build().expect("a reader").next().expect("a batch").expect("rows");
    (batch, schema)
}

fn timestamp(zone: Option<&str>) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into))
}

/// The table's columns, with wall time where `zone` is none.
fn table(zone: Option<&str>) -> SchemaRef {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let place = Fields::from(vec![field("at", timestamp(zone))]);
    let item = Arc::new(field("item", timestamp(zone)));
    Arc::new(Schema::new(vec![
        field("at", timestamp(zone)),
        field("adjusted", timestamp(zone)),
        field("wall", timestamp(zone)),
        field("place", DataType::Struct(place)),
        field("many", DataType::List(item)),
    ]))
}

fn column(table: &Schema, name: &str) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new_with_schema(name, table).expect(name))
}

fn at_of_place(table: &Schema) -> Arc<dyn PhysicalExpr> {
    let arguments = vec![column(table, "place"), lit("at")];
    let path = ScalarFunctionExpr::try_new(get_field(), arguments, table, Arc::default());
    Arc::new(path.expect("a path"))
}

fn adapted(
    expr: Arc<dyn PhysicalExpr>,
    table: &SchemaRef,
    file: &SchemaRef,
) -> Arc<dyn PhysicalExpr> {
    let adapter = WallTimeAdapters.create(Arc::clone(table), Arc::clone(file)).expect("an adapter");
    adapter.rewrite(expr).expect("an expression")
}

/// What a column of the table has.
fn values(file: &Bytes, zone: TimeZone, table: &SchemaRef, name: &str) -> ArrayRef {
    let (batch, schema) = read(file, zone);
    let expr = adapted(column(table, name), table, &schema);
    let values = expr.evaluate(&batch).expect("values").into_array(batch.num_rows());
    let values = values.expect("an array");
    assert_eq!(values.data_type(), table.field_with_name(name).expect(name).data_type());
    values
}

/// The timestamps in an array, at any depth.
fn moments(array: &ArrayRef) -> Vec<Option<i64>> {
    match array.data_type() {
        DataType::Struct(_) => moments(array.as_struct().column(0)),
        DataType::List(_) => moments(array.as_list::<i32>().values()),
        _ => array.as_primitive::<TimestampMicrosecondType>().iter().collect(),
    }
}

#[test]
fn instants_are_wall_time_at_every_depth() {
    let file = written(NOON, "parquet-mr version 1.10.0", Some("Asia/Tokyo"));
    let table = table(None);
    let (noon, moved) = (Some(micros(NOON)), Some(micros(NOON_IN_TOKYO)));
    for (name, expected) in [
        ("at", vec![moved, None]),
        ("adjusted", vec![moved, None]),
        ("wall", vec![noon, None]),
        ("place", vec![moved, None]),
        ("many", vec![moved, None, moved]),
    ] {
        // What the file says goes before what the catalog says.
        let values = values(&file, zone("America/New_York"), &table, name);
        assert_eq!(moments(&values), expected, "{name}");
    }
    let places = values(&file, TimeZone::Utc, &table, "place");
    assert!(places.is_valid(0) && places.is_null(1));
}

#[test]
fn the_zone_is_the_files_then_the_catalogs() {
    let (spark, impala) = ("parquet-mr version 1.12.3", "impala version 4.1.0 (build 0)");
    let (noon, table) = (micros(NOON), table(None));
    for (created_by, said, otherwise, expected) in [
        (spark, None, "UTC", NOON),
        (spark, None, "Europe/Berlin", "2024-07-01T14:00:00"),
        (spark, Some("Asia/Tokyo"), "UTC", NOON_IN_TOKYO),
        (spark, Some("GMT+09:00"), "UTC", NOON_IN_TOKYO),
        (spark, Some("UTC"), "Europe/Berlin", NOON),
        (impala, None, "Europe/Berlin", NOON),
        (impala, Some("Asia/Tokyo"), "Europe/Berlin", NOON),
    ] {
        let file = written(NOON, created_by, said);
        let values = values(&file, zone(otherwise), &table, "at");
        let shown = moments(&values)[0].expect("a value");
        assert_eq!(shown - noon, micros(expected) - noon, "{created_by} {said:?} {otherwise}");
    }
    let file = written(NOON, spark, Some("Mars/Base"));
    let error = with_instants(&footer(&file), TimeZone::Utc).expect_err("no such zone").to_string();
    assert!(error.contains("`writer.time.zone`") && error.contains("`Mars/Base`"), "{error}");
}

#[test]
fn instants_of_the_table_stay_instants() {
    let file = written(NOON, "parquet-mr version 1.12.3", Some("Asia/Tokyo"));
    let table = table(Some("UTC"));
    for name in ["at", "adjusted", "wall", "place", "many"] {
        let values = values(&file, TimeZone::Utc, &table, name);
        assert_eq!(moments(&values)[0], Some(micros(NOON)), "{name}");
    }
}

/// DataFusion's own types make nanoseconds of it, which wrap around.
#[test]
fn far_timestamps_in_lists_are_whole() {
    let far = "9999-12-31T00:00:00";
    let file = written(far, "parquet-mr version 1.10.0", None);
    let values = values(&file, TimeZone::Utc, &table(None), "many");
    assert_eq!(moments(&values), [Some(micros(far)), None, Some(micros(far))]);
}

#[test]
fn files_of_utc_and_of_wall_time_are_read_as_they_are() {
    let message = "message m { optional int96 a; optional int64 b (TIMESTAMP(MICROS,true)); }";
    for (message, zone_name) in [
        (message, "UTC"),
        // DataFusion finds it there.
        ("message m { optional group place { optional int96 at; } }", "UTC"),
        ("message m { optional int64 a (TIMESTAMP(MICROS,false)); }", "Asia/Tokyo"),
    ] {
        let schema = Arc::new(parse_message_type(message).expect(message));
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default());
        let file: Bytes = writer.expect("a writer").into_inner().expect("a file").into();
        let marked = with_instants(&footer(&file), zone(zone_name)).expect("read");
        assert!(marked.is_none(), "{message}");
    }
}

/// A file of one column `at` and one row, as Arrow's writer has it.
fn written_by_arrow(schema: Schema, at: ArrayRef, pairs: Option<Vec<KeyValue>>) -> Bytes {
    let schema = Arc::new(schema);
    let properties = WriterProperties::builder().set_key_value_metadata(pairs).build();
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![at]).expect("a batch");
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.into_inner().expect("a whole file").into()
}

#[test]
fn instants_of_seconds_are_told_by_the_arrow_schema() {
    let seconds = TimestampSecondArray::from(vec![micros(NOON) / 1_000_000]).with_timezone("UTC");
    let schema = Schema::new(vec![Field::new("at", seconds.data_type().clone(), true)]);
    let file = written_by_arrow(schema, Arc::new(seconds), None);
    for (name, expected) in [("Asia/Tokyo", NOON_IN_TOKYO), ("UTC", NOON)] {
        let values = values(&file, zone(name), &table(None), "at");
        assert_eq!(moments(&values), [Some(micros(expected))], "{name}");
    }
}

/// Neither in its footer nor in the Arrow schema there.
#[test]
fn no_file_names_the_zone_itself() {
    let column = || Schema::new(vec![Field::new("at", timestamp(None), true)]);
    let forged = || (WALL_TIME_ZONE.to_owned(), "Mars/Base".to_owned());
    let pairs = vec![KeyValue::new(forged().0, forged().1)];
    let inside = column().with_metadata([forged()].into());
    for (schema, pairs) in [(column(), Some(pairs)), (inside, None)] {
        let at = Arc::new(TimestampMicrosecondArray::from(vec![micros(NOON)]));
        let file = written_by_arrow(schema, at, pairs);
        for name in ["UTC", "Asia/Tokyo"] {
            let (_, schema) = read(&file, zone(name));
            assert!(!schema.metadata().contains_key(WALL_TIME_ZONE), "{schema:?}");
            let values = values(&file, zone(name), &table(None), "at");
            assert_eq!(moments(&values), [Some(micros(NOON))], "{name}");
        }
    }
}

#[test]
fn statistics_leave_no_row_out() {
    let table = table(None);
    let noon = ScalarValue::TimestampMicrosecond(Some(micros(NOON)), None);
    for (said, leaves_out) in [(None, true), (Some("Asia/Tokyo"), false)] {
        let (_, schema) = read(&written(NOON, "parquet-mr", said), TimeZone::Utc);
        let later = BinaryExpr::new(column(&table, "adjusted"), Operator::Gt, lit(noon.clone()));
        let later = adapted(Arc::new(later), &table, &schema);
        let pruning = PruningPredicateBuilder::new().with_file_schema(schema).try_build(later);
        let pruning = pruning.expect("a predicate");
        assert_eq!(!pruning.always_true(), leaves_out, "{said:?}");
    }
}

/// A filter that the reader was given and cannot apply would be lost.
#[test]
fn paths_into_structures_are_filters_still() {
    let table = table(None);
    let (batch, schema) = read(&written(NOON, "parquet-mr", Some("Asia/Tokyo")), TimeZone::Utc);
    let wanted = ScalarValue::TimestampMicrosecond(Some(micros(NOON_IN_TOKYO)), None);
    let equal = BinaryExpr::new(at_of_place(&table), Operator::Eq, lit(wanted));
    let equal = adapted(Arc::new(equal), &table, &schema);
    assert!(can_expr_be_pushed_down_with_schemas(&equal, &schema), "{equal}");
    let found = equal.evaluate(&batch).expect("evaluated").into_array(2).expect("an array");
    let found: Vec<Option<bool>> = found.as_boolean().iter().collect();
    assert_eq!(found, [Some(true), None]);
}

#[test]
fn the_footer_names_the_zone_once() {
    let file = written(NOON, "parquet-mr", Some("Asia/Tokyo"));
    let marked = with_instants(&footer(&file), TimeZone::Utc).expect("read").expect("marked");
    let again = with_instants(&marked, TimeZone::Utc).expect("read").expect("marked");
    let pairs = again.file_metadata().key_value_metadata().expect("pairs").clone();
    let zones: Vec<KeyValue> =
        pairs.into_iter().filter(|pair| pair.key == WALL_TIME_ZONE).collect();
    assert_eq!(zones, [KeyValue::new(WALL_TIME_ZONE.to_owned(), "Asia/Tokyo".to_owned())]);
}

/// Python's `zoneinfo` says the same of these.
#[test]
fn wall_time_follows_the_zones_rules() {
    for (name, instant, expected) in [
        ("America/New_York", "2024-03-10T06:59:59.999999", "2024-03-10T01:59:59.999999"),
        ("America/New_York", "2024-03-10T07:00:00", "2024-03-10T03:00:00"),
        ("America/New_York", "2024-11-03T05:30:00", "2024-11-03T01:30:00"),
        ("America/New_York", "2024-11-03T06:30:00", "2024-11-03T01:30:00"),
        ("America/New_York", "1850-01-01T00:00:00", "1849-12-31T19:03:58"),
        ("Asia/Tokyo", "1969-12-31T23:59:59.999999", "1970-01-01T08:59:59.999999"),
        ("+05:30", "2024-07-01T20:00:00", "2024-07-02T01:30:00"),
    ] {
        let instants = TimestampMicrosecondArray::from(vec![Some(micros(instant)), None]);
        let instants: ArrayRef = Arc::new(instants.with_timezone("UTC"));
        let shown = to_wall_time(&instants, &timestamp(None), zone(name)).expect(instant);
        assert_eq!(moments(&shown), [Some(micros(expected)), None], "{name} {instant}");
    }
    let beyond: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX]).with_timezone("UTC"));
    let error = to_wall_time(&beyond, &timestamp(None), zone("Asia/Tokyo")).expect_err("no date");
    assert!(error.to_string().contains("beyond all dates"), "{error}");
}
