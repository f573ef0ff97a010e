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
    /// Lines before the first record of a file that is read from its start.
    header_lines: usize,
}

/// Where an error happened.
#[derive(Debug)]
struct Place {
    name: String,
    header_lines: usize,
}

impl NamingMorselizer {
    pub fn new(inner: Box<dyn Morselizer>, store_address: &str, header_lines: usize) -> Self {
        let root = match store_address.split_once('+') {
            Some((_, root)) => root,
            None => store_address,
        };
        let root = root.strip_prefix("file://").unwrap_or(root).to_string();
        Self { inner, root, header_lines }
    }
}

impl Morselizer for NamingMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let mut place = Place {
            name: format!("{}{}", self.root, file.object_meta.location),
            header_lines: self.header_lines,
        };
        if let Some(range) = file.range.as_ref().filter(|range| range.start > 0) {
            place.name = format!("{} (from byte {})", place.name, range.start);
            place.header_lines = 0;
        }
        let name = Arc::new(place);
        let inner = self.inner.plan_file(file).map_err(|error| named(&name, &error))?;
        Ok(Box::new(NamingPlanner { inner, name }))
    }
}

#[derive(Debug)]
struct NamingPlanner {
    inner: Box<dyn MorselPlanner>,
    name: Arc<Place>,
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
    name: Arc<Place>,
}

impl Morsel for NamingMorsel {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let name = self.name;
        let batches = self.inner.into_stream();
        batches.map(move |batch| batch.map_err(|error| named(&name, &error))).boxed()
    }
}

fn named(place: &Place, error: &DataFusionError) -> DataFusionError {
    let Place { name, header_lines } = place;
    let header_lines = *header_lines;
    let is_readers = is_readers(error);
    let error = from_datafusion(error);
    if let Some(message) = csv_value(error.message(), header_lines) {
        return to_datafusion(Error::new(ErrorKind::CorruptData, format!("`{name}`: {message}")));
    }
    match error.kind() {
        ErrorKind::CorruptData
        | ErrorKind::LocationNotFound
        | ErrorKind::FileChanged
        | ErrorKind::AccessDenied
        | ErrorKind::SourceUnavailable => {
            to_datafusion(Error::new(error.kind(), format!("`{name}`: {}", error.message())))
        }
        ErrorKind::Unsupported | ErrorKind::LimitExceeded if is_readers => {
            to_datafusion(Error::new(error.kind(), format!("`{name}`: {}", error.message())))
        }
        // A filter or a projection that the reader evaluates failed: not the file's defect.
        _ => to_datafusion(error),
    }
}

/// Whether an error is one of ours that nothing has wrapped, as our own readers give them. DataFusion's errors of
/// these kinds may be a filter's.
fn is_readers(error: &DataFusionError) -> bool {
    matches!(error, DataFusionError::External(inner) if inner.is::<Error>())
}

/// arrow-csv's "Error while parsing value 'x' as type 'Int32' for column 1 at line 3. Row data: …",
/// which counts records without the header's, as a message that counts the file's lines.
fn csv_value(message: &str, header_lines: usize) -> Option<String> {
    let (_, value) = message.split_once("Error while parsing value ")?;
    let (value, place) = value.split_once(" at line ")?;
    let (line, rest) = place.split_once('.')?;
    let line: usize = line.parse().ok()?;
    let row = rest.trim_start().strip_prefix("Row data: ").unwrap_or(rest);
    Some(format!("line {}: cannot read {value}; the row is {row}", line + header_lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_forms_that_a_reader_does_not_read_name_the_file() {
        let place = Place { name: "/t/a.orc".to_owned(), header_lines: 0 };
        for kind in [ErrorKind::LimitExceeded, ErrorKind::Unsupported, ErrorKind::CorruptData] {
            let error = named(&place, &to_datafusion(Error::new(kind, "it is large")));
            assert_eq!(from_datafusion(&error).message(), "`/t/a.orc`: it is large");
        }
        let filter = DataFusionError::NotImplemented("a function".to_owned());
        assert_eq!(from_datafusion(&named(&place, &filter)).message(), "a function");
    }
}
