//! What a connector does whose source works on relations itself.

use super::{Expression, Relation};
use crate::{Result, SplitScan};
use async_trait::async_trait;
use std::fmt::{self, Debug};

/// Why a source does not do something: what `EXPLAIN` shows beside the operator that stayed behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported(pub String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug)]
pub struct PushDownRequest<'a> {
    pub relation: &'a Relation,
    /// The names of the batches' columns, as many as the relation has.
    pub names: &'a [String],
    /// Whether a plan depends on the number of rows, so that asking the source about it pays.
    pub needs_estimate: bool,
}

/// The part of a connector that takes relations of several tables of its source.
#[async_trait]
pub trait PushDown: Send + Sync + Debug {
    /// Whether the source does the outermost operator exactly so; its inputs were asked about before.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn supports(&self, relation: &Relation) -> std::result::Result<(), Unsupported>;

    /// Whether the source computes the expression over the rows of `inputs` exactly so. The engine asks about each
    /// condition of a filter, so that some may go and others stay.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn supports_expression(
        &self,
        expression: &Expression,
        inputs: &[&Relation],
    ) -> std::result::Result<(), Unsupported>;

    /// The statement that makes a supported relation's rows. A split's label is that statement. It is opened with
    /// a predicate by the request's names: what became known at run time, such as the keys of a join.
    ///
    /// # Errors
    /// As [`crate::Connector::scan`].
    async fn scan(&self, request: PushDownRequest<'_>) -> Result<SplitScan>;
}
