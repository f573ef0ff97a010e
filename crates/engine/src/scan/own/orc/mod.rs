//! ORC, read stripe by stripe: a range of a file has the stripes that begin in it, without those that can have no
//! row of the scan's conditions.
//!
//! orc-rust decodes rows well and trusts the file in all else: over hostile bytes it panics, overflows its stack
//! or takes memory without bound, which ends the process. So files are read, unpacked and checked here, and
//! orc-rust gets to see what is left: [`CleanFile`].

mod cursor;
mod error;
mod wire;
mod chunks;
mod types;
mod statistics;
mod tail;
mod bounds;
mod conditions;
mod stripe_footer;
mod zone;
mod byte_runs;
mod packed;
mod runs;
mod window;
mod columns;
mod clean_file;
mod timestamps;

#[cfg(test)]
mod test_files;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod timestamp_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod statistics_tests;
#[cfg(test)]
mod conditions_tests;
#[cfg(test)]
mod random_conditions_tests;

use super::conform::Places;
use super::stored::StoredFile;
use super::{Wanted, guarded, opened};
use crate::error::to_datafusion;
use clean_file::CleanFile;
pub(super) use conditions::Conditions;
use conditions::Given;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion_datasource::{FileRange, PartitionedFile};
use error::reported;
use futures::StreamExt;
use object_store::ObjectStore;
use orc_rust::ArrowReaderBuilder;
use orc_rust::schema::TimestampPrecision;
use std::sync::Arc;
use tail::{Stripe, Tail};
use timestamps::{with_decimals, with_microseconds};

pub(super) struct OrcOpener {
    store: Arc<dyn ObjectStore>,
    wanted: Arc<Wanted>,
    conditions: Arc<Conditions>,
}

impl OrcOpener {
    pub fn new(store: Arc<dyn ObjectStore>, wanted: Wanted, conditions: Conditions) -> Self {
        Self { store, wanted: Arc::new(wanted), conditions: Arc::new(conditions) }
    }
}

impl FileOpener for OrcOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (wanted, conditions) = (self.wanted.clone(), self.conditions.clone());
        let stored = StoredFile {
            store: self.store.clone(),
            path: file.object_meta.location.clone(),
            size_bytes: file.object_meta.size,
        };
        Ok(Box::pin(opened(async move {
            // Hive writes a file of no bytes where it has no rows.
            if stored.size_bytes == 0 {
                return Ok(futures::stream::empty().boxed());
            }
            let predicate = conditions.now();
            let tail = Tail::read(&stored, predicate.is_some()).await;
            let mut tail = tail.map_err(to_datafusion)?;
            let places = chosen(&tail.stripes, file.range.as_ref());
            let given = Given { wanted: &wanted, partition_values: &file.partition_values };
            let left = conditions.left(predicate.as_deref(), &tail, places, given).await;
            let left = left.map_err(to_datafusion)?;
            tail.stripes = left.iter().filter_map(|at| tail.stripes.get(*at).cloned()).collect();
            let names: Vec<&str> = tail.types.root().names.iter().map(String::as_str).collect();
            let places = Places::find(&wanted, &names)?;
            let clean = CleanFile::new(stored, tail, &places.to_read(), wanted.batch_rows)
                .map_err(to_datafusion)?;
            let mut builder = ArrowReaderBuilder::try_new_async(clean)
                .await
                .map_err(|error| to_datafusion(reported(&error)))?
                .with_batch_size(wanted.batch_rows)
                .with_timestamp_precision(TimestampPrecision::Microsecond);
            let schema = builder.schema();
            let decimals = with_decimals(&schema);
            let has_timestamps = decimals.is_some();
            if let Some(decimals) = decimals {
                builder = builder.with_schema(decimals);
            }
            let rows = builder.build_async().map(move |batch| {
                let batch = batch.map_err(|error| to_datafusion(reported(&error)))?;
                match has_timestamps {
                    true => places.conform(&wanted, &with_microseconds(&batch, &schema)?),
                    false => places.conform(&wanted, &batch),
                }
            });
            Ok(guarded(rows))
        })))
    }
}

/// The places of the stripes that begin in the range.
fn chosen(stripes: &[Stripe], range: Option<&FileRange>) -> Vec<usize> {
    let Some(range) = range else { return (0..stripes.len()).collect() };
    let start = u64::try_from(range.start).unwrap_or_default();
    let end = u64::try_from(range.end).unwrap_or(u64::MAX);
    let begins = |at: &usize| (start..end).contains(&stripes[*at].offset);
    (0..stripes.len()).filter(begins).collect()
}
