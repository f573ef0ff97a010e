//! Names the column in the error of a value that is none of its table's type: a file may have another type than
//! its table, which DataFusion's adapters cast. The file's name is added outside, see `file_errors.rs`.

use crate::error::{from_datafusion, to_datafusion};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};
use mooring_spi::{Error, ErrorKind};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The adapters of another factory, whose casts of a file's columns name the column when they fail.
#[derive(Debug)]
pub(super) struct ColumnNamingAdapters<F>(pub F);

impl<F: PhysicalExprAdapterFactory> PhysicalExprAdapterFactory for ColumnNamingAdapters<F> {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let inner = self.0.create(Arc::clone(&table), Arc::clone(&file))?;
        let is_cast = |column: &FieldRef| match file.field_with_name(column.name()) {
            Ok(stored) => stored.data_type() != column.data_type(),
            Err(_) => false,
        };
        match table.fields().iter().any(is_cast) {
            true => Ok(Arc::new(ColumnNamingAdapter { inner, table, file })),
            false => Ok(inner),
        }
    }
}

#[derive(Debug)]
struct ColumnNamingAdapter {
    inner: Arc<dyn PhysicalExprAdapter>,
    table: SchemaRef,
    file: SchemaRef,
}

impl PhysicalExprAdapter for ColumnNamingAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        // Types that are never cast; the message has the column.
        let expr = self.inner.rewrite(expr).map_err(|error| unfit(None, &error))?;
        let is_condition =
            expr.data_type(&self.file).map_or(true, |data_type| data_type == DataType::Boolean);
        let name = |expr: Arc<dyn PhysicalExpr>| {
            Ok(match self.cast_column(&expr, is_condition) {
                Some(column) => {
                    let named: Arc<dyn PhysicalExpr> = Arc::new(NamedCast { cast: expr, column });
                    Transformed::new(named, true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(expr),
            })
        };
        expr.transform_down(name).data()
    }
}

impl ColumnNamingAdapter {
    /// The column that the expression casts to its type in the table. Row groups and pages are left out by
    /// conditions with plain casts alone, and by none between text and other values. A path into a structure
    /// is looked for behind a plain cast, too.
    fn cast_column(&self, expr: &Arc<dyn PhysicalExpr>, is_condition: bool) -> Option<String> {
        let cast = expr.downcast_ref::<CastExpr>()?;
        let column = cast.expr().downcast_ref::<Column>()?;
        let stored = self.file.field_with_name(column.name()).ok()?.data_type();
        let declared = self.table.field_with_name(column.name()).ok()?.data_type();
        let is_adapters = stored != declared && cast.cast_type() == declared;
        let is_pruned_by = is_condition && stored.is_string() == declared.is_string();
        let is_named = is_adapters && !is_pruned_by && !stored.is_nested();
        is_named.then(|| column.name().to_owned())
    }
}

/// A cast of a column of a file. It is made when a file is opened, and crosses to no other node.
#[derive(Debug, Eq)]
struct NamedCast {
    cast: Arc<dyn PhysicalExpr>,
    column: String,
}

// By hand: `derive` moves out of the cast.
impl PartialEq for NamedCast {
    fn eq(&self, other: &Self) -> bool {
        self.cast.eq(&other.cast) && self.column == other.column
    }
}

impl Hash for NamedCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cast.hash(state);
        self.column.hash(state);
    }
}

impl fmt::Display for NamedCast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cast.fmt(f)
    }
}

impl PhysicalExpr for NamedCast {
    fn data_type(&self, input_schema: &Schema) -> Result<DataType> {
        self.cast.data_type(input_schema)
    }

    fn nullable(&self, input_schema: &Schema) -> Result<bool> {
        self.cast.nullable(input_schema)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.cast.return_field(input_schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.cast.evaluate(batch).map_err(|error| unfit(Some(&self.column), &error))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.cast]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match <[_; 1]>::try_from(children) {
            Ok([cast]) => Ok(Arc::new(Self { cast, column: self.column.clone() })),
            Err(_) => internal_err!("a column has one cast"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cast.fmt_sql(f)
    }
}

/// A value, or a type, that the table's type cannot hold is a defect of the file.
fn unfit(column: Option<&str>, error: &DataFusionError) -> DataFusionError {
    let error = from_datafusion(error);
    if error.kind() != ErrorKind::InvalidValue {
        return to_datafusion(error);
    }
    let message = match column {
        Some(column) => format!("column `{column}`: {}", error.message()),
        None => error.message().to_owned(),
    };
    to_datafusion(Error::new(ErrorKind::CorruptData, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
    use datafusion::arrow::datatypes::Field;
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{BinaryExpr, lit};
    use datafusion::physical_expr_adapter::DefaultPhysicalExprAdapterFactory;

    fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
        let field =
            |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
        Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
    }

    fn table() -> SchemaRef {
        let columns = [("id", DataType::Int32), ("n", DataType::Int32), ("s", DataType::Utf8)];
        schema(&columns)
    }

    /// `id` is text, and `n` a longer number.
    fn file() -> RecordBatch {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec!["7", "seven"])),
            Arc::new(Int64Array::from(vec![7, 3_000_000_000])),
            Arc::new(StringArray::from(vec!["7", "x"])),
        ];
        let stored = [("id", DataType::Utf8), ("n", DataType::Int64), ("s", DataType::Utf8)];
        RecordBatch::try_new(schema(&stored), columns).expect("a batch")
    }

    fn column(name: &str) -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new_with_schema(name, &table()).expect(name))
    }

    fn adapted(expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let adapters = ColumnNamingAdapters(DefaultPhysicalExprAdapterFactory);
        adapters.create(table(), file().schema())?.rewrite(expr)
    }

    #[test]
    fn a_value_that_does_not_fit_names_its_column() {
        for (name, value) in [("id", "seven"), ("n", "3000000000")] {
            let expr = adapted(column(name)).expect("an expression");
            let fits = expr.evaluate(&file().slice(0, 1)).expect("a value");
            assert_eq!(fits.data_type(), DataType::Int32);
            let error = from_datafusion(&expr.evaluate(&file()).expect_err("no number"));
            assert_eq!(error.kind(), ErrorKind::CorruptData);
            let message = error.message();
            assert!(message.starts_with(&format!("column `{name}`: ")), "{message}");
            assert!(message.contains(value), "{message}");
        }
    }

    #[test]
    fn a_cast_of_the_query_is_its_own() {
        let cast: Arc<dyn PhysicalExpr> =
            Arc::new(CastExpr::new(column("s"), DataType::Int32, None));
        let expr = adapted(cast).expect("an expression");
        let error = from_datafusion(&expr.evaluate(&file()).expect_err("no number"));
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(!error.message().contains("column"), "{error}");
    }

    #[test]
    fn conditions_that_leave_out_row_groups_have_plain_casts() {
        for (name, is_plain) in [("n", true), ("id", false)] {
            let condition = BinaryExpr::new(column(name), Operator::Gt, lit(5_i32));
            let of_file = adapted(Arc::new(condition)).expect("an expression");
            let compared = of_file.downcast_ref::<BinaryExpr>().expect("a comparison");
            assert_eq!(compared.left().is::<CastExpr>(), is_plain, "{name}");
        }
    }

    #[test]
    fn a_type_that_is_never_cast_names_its_column() {
        let adapters = ColumnNamingAdapters(DefaultPhysicalExprAdapterFactory);
        let stored = schema(&[("id", DataType::Date32), ("n", DataType::Boolean)]);
        let declared = schema(&[("id", DataType::Boolean), ("n", DataType::Date32)]);
        let adapter = adapters.create(Arc::clone(&declared), stored).expect("an adapter");
        let expr = Arc::new(Column::new_with_schema("id", &declared).expect("a column"));
        let error = from_datafusion(&adapter.rewrite(expr).expect_err("no cast"));
        assert_eq!(error.kind(), ErrorKind::CorruptData);
        assert!(error.message().contains("'id'"), "{error}");
    }
}
