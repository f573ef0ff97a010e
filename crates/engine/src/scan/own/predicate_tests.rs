//! Conditions get into a scan, are shown there and come to a worker with it.

use super::OwnSource;
use crate::codec::{MooringCodec, file_scan};
use crate::scan::MooringFileSource;
use crate::scan::reading::{Pruned, Reading};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::TaskContext;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_plan::filter_pushdown::PushedDown;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion_datasource::PartitionedFile;
use datafusion_proto::physical_plan::{DefaultPhysicalProtoConverter, PhysicalExtensionCodec};
use mooring_spi::{ColumnMatch, Compression, FileFormat, TimeZone};
use std::sync::Arc;

/// A table of the column `id` and the partition column `year`.
fn source(format: FileFormat) -> MooringFileSource {
    let pruned = Pruned { files: 1, files_total: 1, partitions: 0, partitions_total: None };
    let reading = Reading {
        format,
        columns_by: ColumnMatch::Name,
        parquet_time_zone: TimeZone::default(),
        compression: Compression::None,
        lengths: Vec::new(),
        missing: Vec::new(),
        pruned,
    };
    let columns = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let year = Arc::new(Field::new("year", DataType::Int32, true));
    let table = TableSchema::builder(columns).with_table_partition_cols(vec![year]).build();
    MooringFileSource::new(Arc::new(OwnSource::new(reading.clone(), table)), reading)
}

fn conditions() -> Vec<Arc<dyn PhysicalExpr>> {
    let is = |column: Column, value: Literal| {
        Arc::new(BinaryExpr::new(Arc::new(column), Operator::Eq, Arc::new(value))) as _
    };
    vec![
        is(Column::new("id", 0), Literal::new(7_i64.into())),
        is(Column::new("year", 1), Literal::new(2024_i32.into())),
    ]
}

/// With the conditions in it that it takes.
fn scan(format: FileFormat) -> Arc<dyn ExecutionPlan> {
    let source = source(format);
    let pushed = source.try_pushdown_filters(conditions(), &ConfigOptions::new()).unwrap();
    assert!(pushed.filters.iter().all(|pushed| matches!(pushed, PushedDown::No)));
    let source = pushed.updated_node.unwrap_or_else(|| Arc::new(source));
    let files = FileGroup::new(vec![PartitionedFile::new("a", 10)]);
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source);
    DataSourceExec::from_data_source(config.with_file_groups(vec![files]).build())
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

const SHOWN: &str = "predicate=id@0 = 7 AND year@1 = 2024";

#[test]
fn a_worker_has_the_conditions_of_its_scan() {
    let plan = scan(FileFormat::Orc);
    assert!(shown(&plan).contains(SHOWN), "{}", shown(&plan));
    let (codec, converter) = (MooringCodec, DefaultPhysicalProtoConverter {});
    let mut form = Vec::new();
    codec.try_encode(plan, &mut form, &converter).unwrap();
    let decoded = codec.try_decode(&form, &[], &TaskContext::default(), &converter).unwrap();
    assert!(shown(&decoded).contains(SHOWN), "{}", shown(&decoded));
    let (_, source) = file_scan(decoded.as_ref()).unwrap();
    assert!(source.filter().is_some());
}

#[test]
fn formats_that_say_nothing_of_their_parts_take_no_conditions() {
    let plan = scan(FileFormat::Avro);
    assert!(!shown(&plan).contains("predicate"), "{}", shown(&plan));
}
