//! How our nodes cross to a worker. A file scan is DataFusion's own form of the wrapped scan plus what
//! that form loses (the format's description, the compression, the e-tags, what fits expressions to files), a
//! split scan is its specification, and a node that only passes rows on has hardly more than its input. A new connector
//! never touches this file.

use crate::distribute::SliceBatchesExec;
use crate::error::to_datafusion;
use crate::facts::{ForgetExec, Forgotten};
use crate::scan::{
    MooringFileSource, OwnSource, Reading, SplitExec, SplitScanSpec, parquet_reader, stock_carrier,
    stock_compression,
};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::{Result, Statistics, internal_datafusion_err};
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::{PhysicalExprNode, PhysicalPlanNode, proto_error};
use mooring_spi::{CatalogKey, Error, FileFormat, Predicate, Split};
use prost::Message;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct MooringCodec;

#[derive(Clone, PartialEq, prost::Message)]
struct NodeProto {
    #[prost(oneof = "NodeKindProto", tags = "1, 2, 3, 4")]
    kind: Option<NodeKindProto>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum NodeKindProto {
    #[prost(message, boxed, tag = "1")]
    Files(Box<FilesProto>),
    #[prost(message, tag = "2")]
    Splits(SplitsProto),
    #[prost(message, tag = "3")]
    SliceBatches(SliceBatchesProto),
    #[prost(message, tag = "4")]
    Forget(ForgetProto),
}

#[derive(Clone, PartialEq, prost::Message)]
struct SliceBatchesProto {}

#[derive(Clone, PartialEq, prost::Message)]
struct ForgetProto {
    /// `Forgotten::name`
    #[prost(string, tag = "1")]
    forgotten: String,
    /// `Forgotten::column`
    #[prost(uint64, optional, tag = "2")]
    column: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FilesProto {
    /// DataFusion's form of the wrapped scan.
    #[prost(message, optional, tag = "1")]
    scan: Option<PhysicalPlanNode>,
    /// `Reading` as JSON.
    #[prost(string, tag = "2")]
    reading: String,
    /// One per file, in the order of the groups; empty for none.
    #[prost(string, repeated, tag = "3")]
    e_tags: Vec<String>,
    /// DataFusion's form cuts it to 32 bits.
    #[prost(uint64, optional, tag = "4")]
    limit: Option<u64>,
    /// By which a source of our own leaves out parts of files, over the table's columns. DataFusion's form has
    /// that of Parquet.
    #[prost(message, optional, tag = "5")]
    predicate: Option<PhysicalExprNode>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SplitsProto {
    #[prost(uint64, tag = "1")]
    catalog_id: u64,
    #[prost(uint64, tag = "2")]
    catalog_version: u64,
    #[prost(string, tag = "3")]
    table: String,
    #[prost(message, optional, tag = "4")]
    schema: Option<datafusion_proto::protobuf::Schema>,
    /// `spi::Predicate` as JSON.
    #[prost(string, tag = "5")]
    predicate: String,
    /// The groups of `spi::Split` as JSON.
    #[prost(string, tag = "6")]
    groups: String,
    #[prost(bool, tag = "7")]
    statements: bool,
    /// `SplitExec::key_filters`
    #[prost(message, repeated, tag = "8")]
    key_filters: Vec<PhysicalExprNode>,
}

impl PhysicalExtensionCodec for MooringCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let node = NodeProto::decode(buf).map_err(|error| proto_error(error.to_string()))?;
        match node.kind {
            Some(NodeKindProto::Files(files)) => self.decode_files(*files, ctx, proto_converter),
            Some(NodeKindProto::Splits(splits)) => self.decode_splits(splits, ctx, proto_converter),
            Some(NodeKindProto::SliceBatches(_)) => match inputs {
                [input] => Ok(Arc::new(SliceBatchesExec::new(input.clone()))),
                _ => Err(proto_error("SliceBatchesExec has one input")),
            },
            Some(NodeKindProto::Forget(node)) => {
                let column = node.column.and_then(|column| usize::try_from(column).ok());
                match (inputs, Forgotten::named(&node.forgotten, column)) {
                    ([input], Some(forgotten)) => {
                        Ok(Arc::new(ForgetExec::try_new(input.clone(), forgotten)?))
                    }
                    _ => Err(proto_error("ForgetExec has one input and says what it forgets")),
                }
            }
            None => Err(proto_error("a node of a kind that this version does not know")),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let kind = if let Some((config, source)) = file_scan(node.as_ref()) {
            NodeKindProto::Files(Box::new(self.encode_files(config, source, proto_converter)?))
        } else if let Some(splits) = node.downcast_ref::<SplitExec>() {
            NodeKindProto::Splits(self.encode_splits(splits, proto_converter)?)
        } else if node.is::<SliceBatchesExec>() {
            NodeKindProto::SliceBatches(SliceBatchesProto {})
        } else if let Some(node) = node.downcast_ref::<ForgetExec>() {
            let forgotten = node.forgotten();
            let column = forgotten.column().map(|column| column as u64);
            NodeKindProto::Forget(ForgetProto { forgotten: forgotten.name().to_owned(), column })
        } else {
            return Err(internal_datafusion_err!("{} has no form to cross in", node.name()));
        };
        NodeProto { kind: Some(kind) }.encode(buf).map_err(|error| proto_error(error.to_string()))
    }
}

/// The scan and our source, if `node` is a file scan over it.
pub(crate) fn file_scan(node: &dyn ExecutionPlan) -> Option<(&FileScanConfig, &MooringFileSource)> {
    let config =
        node.downcast_ref::<DataSourceExec>()?.data_source().downcast_ref::<FileScanConfig>()?;
    let source = config.file_source().downcast_ref::<MooringFileSource>()?;
    Some((config, source))
}

impl MooringCodec {
    fn encode_splits(
        &self,
        scan: &SplitExec,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<SplitsProto> {
        let filters = scan.key_filters.iter();
        let key_filters =
            filters.map(|filter| proto_converter.physical_expr_to_proto(filter, self));
        let spec = &scan.spec;
        Ok(SplitsProto {
            catalog_id: spec.catalog.id,
            catalog_version: spec.catalog.version,
            table: spec.table.clone(),
            schema: Some(spec.schema.as_ref().try_into()?),
            predicate: to_json(&spec.predicate)?,
            groups: to_json(&spec.groups)?,
            statements: spec.statements,
            key_filters: key_filters.collect::<Result<_>>()?,
        })
    }

    fn decode_splits(
        &self,
        splits: SplitsProto,
        ctx: &TaskContext,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = splits.schema.ok_or_else(|| proto_error("a split scan without schema"))?;
        let schema: Schema = (&schema).try_into()?;
        let schema = Arc::new(schema);
        let decode_context = PhysicalPlanDecodeContext::new(ctx, self);
        let filters = splits.key_filters.iter();
        let key_filters = filters
            .map(|filter| proto_converter.proto_to_physical_expr(filter, &schema, &decode_context));
        let key_filters = key_filters.collect::<Result<_>>()?;
        let predicate: Predicate = from_json(&splits.predicate)?;
        let groups: Vec<Vec<Split>> = from_json(&splits.groups)?;
        let spec = SplitScanSpec {
            catalog: CatalogKey { id: splits.catalog_id, version: splits.catalog_version },
            table: splits.table,
            schema: schema.clone(),
            predicate,
            groups,
            statements: splits.statements,
        };
        let statistics = Arc::new(Statistics::new_unknown(&schema));
        Ok(Arc::new(SplitExec::new(spec, statistics).with_key_filters(key_filters)))
    }

    fn encode_files(
        &self,
        config: &FileScanConfig,
        source: &MooringFileSource,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<FilesProto> {
        let mut stock = config.clone();
        stock.file_source = stock_carrier(&source.inner)?;
        let stock: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(stock);
        let e_tags = config
            .file_groups
            .iter()
            .flat_map(|group| group.files())
            .map(|file| file.object_meta.e_tag.clone().unwrap_or_default());
        let predicate = source.inner.downcast_ref::<OwnSource>().and_then(FileSource::filter);
        let predicate =
            predicate.map(|predicate| proto_converter.physical_expr_to_proto(&predicate, self));
        Ok(FilesProto {
            scan: Some(proto_converter.execution_plan_to_proto(&stock, self)?),
            reading: to_json(&source.reading)?,
            e_tags: e_tags.collect(),
            limit: config.limit.map(|limit| limit as u64),
            predicate: predicate.transpose()?,
        })
    }

    fn decode_files(
        &self,
        files: FilesProto,
        ctx: &TaskContext,
        proto_converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let reading: Reading = from_json(&files.reading)?;
        let node = files.scan.ok_or_else(|| proto_error("a file scan without its scan"))?;
        let decode_context = PhysicalPlanDecodeContext::new(ctx, self);
        let stock = proto_converter.proto_to_execution_plan(&node, &decode_context)?;
        let config = stock
            .downcast_ref::<DataSourceExec>()
            .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>())
            .ok_or_else(|| proto_error("a file scan that wraps no file scan"))?;
        let mut e_tags = files.e_tags.into_iter();
        let groups = config.file_groups.iter().map(|group| {
            let files = group.files().iter().cloned().map(|mut file| {
                file.object_meta.e_tag = e_tags.next().filter(|tag| !tag.is_empty());
                file
            });
            FileGroup::new(files.collect())
        });
        let table = config.file_source().table_schema().table_schema();
        let predicate = files.predicate.map(|predicate| {
            proto_converter.proto_to_physical_expr(&predicate, table, &decode_context)
        });
        let inner = worker_source(&reading, config, predicate.transpose()?, ctx)?;
        let compression = stock_compression(&reading)?;
        let expr_adapter = reading.expr_adapter();
        let source: Arc<dyn FileSource> = Arc::new(MooringFileSource::new(inner, reading));
        let limit = files.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let config = FileScanConfigBuilder::from(config.clone())
            .with_file_groups(groups.collect())
            .with_file_compression_type(compression)
            .with_source(source)
            .with_limit(limit)
            .with_expr_adapter(expr_adapter)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// The source that DataFusion's decoder made, with what it does not know: for Parquet our reader, in place
/// of one whose footers are known by path alone; or the one of our own that it stands for.
fn worker_source(
    reading: &Reading,
    config: &FileScanConfig,
    predicate: Option<Arc<dyn PhysicalExpr>>,
    ctx: &TaskContext,
) -> Result<Arc<dyn FileSource>> {
    let source = config.file_source();
    if let Some(parquet) = source.downcast_ref::<ParquetSource>() {
        let columns = source.table_schema().file_schema();
        let (config, address) = (ctx.session_config(), &config.object_store_url);
        let reader = parquet_reader(config, address, columns, reading)?;
        return Ok(Arc::new(parquet.clone().with_parquet_file_reader_factory(reader)));
    }
    match &reading.format {
        FileFormat::Csv(_) | FileFormat::Json | FileFormat::Parquet => Ok(source.clone()),
        FileFormat::Orc
        | FileFormat::Avro
        | FileFormat::HiveText(_)
        | FileFormat::HiveCsv(_)
        | FileFormat::HiveJson(_) => {
            let own = OwnSource::new(reading.clone(), source.table_schema().clone())
                .with_predicate(predicate);
            let projected = match source.projection() {
                Some(projection) => own.try_pushdown_projection(projection)?,
                None => None,
            };
            Ok(projected.unwrap_or_else(|| Arc::new(own)))
        }
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        to_datafusion(Error::internal("a scan cannot be written as JSON").with_cause(error))
    })
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        to_datafusion(Error::internal("a scan cannot be read from JSON").with_cause(error))
    })
}
