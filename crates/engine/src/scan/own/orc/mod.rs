//! ORC, read stripe by stripe: a range of a file has the stripes that begin in it.
//!
//! orc-rust decodes rows well and trusts the file in all else: over hostile bytes it panics, overflows its stack
//! or takes memory without bound, which ends the process. So files are read, unpacked and checked here, and
//! orc-rust gets to see what is left: [`CleanFile`].

mod cursor;
mod error;
mod wire;
mod chunks;
mod types;
mod tail;
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

use super::conform::Places;
use super::stored::StoredFile;
use super::{Wanted, guarded, opened};
use crate::error::to_datafusion;
use clean_file::CleanFile;
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
}

impl OrcOpener {
    pub fn new(store: Arc<dyn ObjectStore>, wanted: Wanted) -> Self {
        Self { store, wanted: Arc::new(wanted) }
    }
}

impl FileOpener for OrcOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let wanted = self.wanted.clone();
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
            let mut tail = Tail::read(&stored).await.map_err(to_datafusion)?;
            tail.stripes = chosen(tail.stripes, file.range.as_ref());
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

/// The stripes that are read: all that begin in the range. Those whose statistics rule the predicate out would be
/// left out here too.
fn chosen(stripes: Vec<Stripe>, range: Option<&FileRange>) -> Vec<Stripe> {
    let Some(range) = range else { return stripes };
    let start = u64::try_from(range.start).unwrap_or_default();
    let end = u64::try_from(range.end).unwrap_or(u64::MAX);
    stripes.into_iter().filter(|stripe| (start..end).contains(&stripe.offset)).collect()
}
