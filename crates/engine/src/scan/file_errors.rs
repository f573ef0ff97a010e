//! Names the file in every error of a scan: DataFusion's readers tell the row or the page, but not
//! where it stands.

use crate::error::{from_datafusion, to_datafusion};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion_datasource::PartitionedFile;
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::StreamExt;
use futures::stream::BoxStream;
use mooring_spi::{Error, ErrorKind};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct NamingMorselizer {
    inner: Box<dyn Morselizer>,
    /// The store's root as a user writes it: `s3://bucket/` or `/`.
    root: String,
}

impl NamingMorselizer {
    pub fn new(inner: Box<dyn Morselizer>, store_address: &str) -> Self {
        let root = match store_address.split_once('+') {
            Some((_, root)) => root,
            None => store_address,
        };
        Self { inner, root: root.strip_prefix("file://").unwrap_or(root).to_string() }
    }
}

impl Morselizer for NamingMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let mut name = format!("{}{}", self.root, file.object_meta.location);
        if let Some(range) = file.range.as_ref().filter(|range| range.start > 0) {
            name = format!("{name} (from byte {})", range.start);
        }
        let name: Arc<str> = name.into();
        let inner = self.inner.plan_file(file).map_err(|error| named(&name, &error))?;
        Ok(Box::new(NamingPlanner { inner, name }))
    }
}

#[derive(Debug)]
struct NamingPlanner {
    inner: Box<dyn MorselPlanner>,
    name: Arc<str>,
}

impl MorselPlanner for NamingPlanner {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let name = self.name;
        let Some(mut plan) = self.inner.plan().map_err(|error| named(&name, &error))? else {
            return Ok(None);
        };
        let morsels = plan
            .take_morsels()
            .into_iter()
            .map(|inner| Box::new(NamingMorsel { inner, name: name.clone() }) as Box<dyn Morsel>);
        let planners = plan.take_ready_planners().into_iter().map(|inner| {
            Box::new(NamingPlanner { inner, name: name.clone() }) as Box<dyn MorselPlanner>
        });
        let mut wrapped =
            MorselPlan::new().with_morsels(morsels.collect()).with_planners(planners.collect());
        if let Some(pending) = plan.take_pending_planner() {
            wrapped.set_pending_planner(async move {
                let inner = pending.await.map_err(|error| named(&name, &error))?;
                Ok(Box::new(NamingPlanner { inner, name }) as Box<dyn MorselPlanner>)
            });
        }
        Ok(Some(wrapped))
    }
}

#[derive(Debug)]
struct NamingMorsel {
    inner: Box<dyn Morsel>,
    name: Arc<str>,
}

impl Morsel for NamingMorsel {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let name = self.name;
        let batches = self.inner.into_stream();
        batches.map(move |batch| batch.map_err(|error| named(&name, &error))).boxed()
    }
}

fn named(name: &str, error: &DataFusionError) -> DataFusionError {
    let error = from_datafusion(error);
    let kind = match error.kind() {
        // A value that does not fit is here a defect of the file, not of the statement.
        ErrorKind::InvalidValue | ErrorKind::Internal => ErrorKind::CorruptData,
        kind => kind,
    };
    if error.message().contains(name) {
        return to_datafusion(Error::new(kind, error.message()));
    }
    to_datafusion(Error::new(kind, format!("`{name}`: {}", error.message())))
}
