//! Puts wall time in the place of a file's instants, in every expression that the file's reader computes.

use super::arrays::with_wall_time;
use super::expression::WallTimeExpr;
use super::footer::WALL_TIME_ZONE;
use crate::error::to_datafusion;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use mooring_spi::{Error, ErrorKind, TimeZone};
use std::sync::Arc;

/// DataFusion's own adapters, and in front of them wall time for files whose footers have its zone.
#[derive(Debug)]
pub(in crate::scan) struct WallTimeAdapters;

impl PhysicalExprAdapterFactory for WallTimeAdapters {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let stock = DefaultPhysicalExprAdapterFactory;
        let Some(name) = file.metadata().get(WALL_TIME_ZONE) else {
            return stock.create(table, file);
        };
        let zone = TimeZone::parse(name).ok_or_else(|| {
            to_datafusion(Error::new(
                ErrorKind::CorruptData,
                format!(
                    "`{WALL_TIME_ZONE}` is `{name}`; expected a name of the IANA database or an offset \
                     from UTC"
                ),
            ))
        })?;
        let shown = Arc::new(shown_schema(&file, &table));
        let inner = stock.create(table, Arc::clone(&shown))?;
        Ok(Arc::new(WallTimeAdapter { inner, file, shown, zone }))
    }
}

/// The file's columns as they are after their instants became wall time.
fn shown_schema(file: &Schema, table: &Schema) -> Schema {
    let shown = file.fields().iter().map(|field| match table.field_with_name(field.name()) {
        Ok(column) => {
            let data_type = with_wall_time(field.data_type(), column.data_type());
            Arc::new(field.as_ref().clone().with_data_type(data_type))
        }
        Err(_) => Arc::clone(field),
    });
    let shown: Vec<FieldRef> = shown.collect();
    Schema::new_with_metadata(shown, file.metadata().clone())
}

#[derive(Debug)]
struct WallTimeAdapter {
    /// From the table's columns to `shown`.
    inner: Arc<dyn PhysicalExprAdapter>,
    file: SchemaRef,
    /// The same columns in the same places.
    shown: SchemaRef,
    zone: TimeZone,
}

impl PhysicalExprAdapter for WallTimeAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        self.inner.rewrite(expr)?.transform_down(|expr| self.over_file(expr)).data()
    }
}

impl WallTimeAdapter {
    /// An expression over `shown` as one over the file.
    fn over_file(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
        let in_file = match self.field_of_structure(&expr)? {
            Some(field) => field,
            None if expr.is::<Column>() => Arc::clone(&expr),
            None => return Ok(Transformed::no(expr)),
        };
        let shown = expr.return_field(&self.shown)?;
        if in_file.data_type(&self.file)? == *shown.data_type() {
            return Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump));
        }
        let expr = Arc::new(WallTimeExpr::new(in_file, shown, self.zone));
        Ok(Transformed::new(expr, true, TreeNodeRecursion::Jump))
    }

    /// A path into a structure, over the file. The reader knows such paths: it reads their columns only,
    /// and filters by no other expression over a structure.
    fn field_of_structure(
        &self,
        expr: &Arc<dyn PhysicalExpr>,
    ) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(path) = ScalarFunctionExpr::try_downcast_func::<GetFieldFunc>(expr.as_ref())
        else {
            return Ok(None);
        };
        let Some(column) = path.args().first().filter(|input| input.is::<Column>()) else {
            return Ok(None);
        };
        // A key is looked for in the map that is shown.
        if !matches!(column.data_type(&self.file)?, DataType::Struct(_)) {
            return Ok(None);
        }
        Ok(Some(Arc::new(ScalarFunctionExpr::try_new(
            Arc::new(path.fun().clone()),
            path.args().to_vec(),
            &self.file,
            Arc::new(path.config_options().clone()),
        )?)))
    }
}
