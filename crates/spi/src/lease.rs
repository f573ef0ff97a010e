//! What a query holds at a source while it runs, so that all of its scans read one state: a database
//! snapshot that is exported, for example.

use crate::Result;
use async_trait::async_trait;
use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What a scan needs of its query's lease.
#[derive(Debug, Clone)]
pub struct ScanLease {
    /// The same for all scans of the catalog.
    pub source: Arc<dyn LeaseSource>,
    /// What must not change below the scan (its tables, for example), in words of the source.
    pub needs: Vec<String>,
}

/// Opens leases of one catalog.
#[async_trait]
pub trait LeaseSource: Send + Sync + fmt::Debug {
    /// Called on the coordinator when a query starts whose scans have to agree. One lease serves all scans
    /// of the catalog in one attempt at the query; `needs` are those of all of them.
    ///
    /// # Errors
    /// What the source answers.
    async fn open(&self, needs: &BTreeSet<String>) -> Result<Lease>;
}

/// A lease that is held until it is dropped.
pub struct Lease {
    /// What readers say to the source to read under the lease: visible ASCII without commas. It is no secret.
    pub token: String,
    _guard: Box<dyn Any + Send>,
}

impl Lease {
    /// `guard`: dropping it gives the lease back.
    pub fn new(token: String, guard: impl Any + Send) -> Self {
        Self { token, _guard: Box::new(guard) }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("token", &self.token).finish_non_exhaustive()
    }
}
