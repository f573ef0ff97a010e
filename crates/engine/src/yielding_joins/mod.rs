//! Joins that give their thread back. One batch of input can become thousands of output, and a join that looks
//! for pairs which hardly ever meet its condition looks on, within one poll, until it has a batch of them. A task
//! that does not return from a poll cannot be ended: a query that was cancelled would compute on for hours, and
//! its scans would keep their connections.
//!
//! DataFusion makes its leaves cooperative. Here every join is made so, and where it has a condition, each
//! poll is a turn of a bounded number of evaluations. The evaluation after the last one fails instead; what is
//! above the join takes that error for "not yet", and polls again. Nested-loop and hash joins evaluate before they
//! change anything, so the next turn begins with the pairs at which the last one ended (`tests.rs` holds
//! them to that, for every kind of join). Sort-merge joins do not, and are not planned here. A hash join without a
//! condition has no turns: it outputs the pairs it meets, but for semi, anti and mark joins on keys with very many rows.

mod condition;
mod node;
mod rule;
#[cfg(test)]
mod tests;

pub(crate) use node::{YieldingJoinExec, yielding_join};
pub(crate) use rule::YieldInJoins;
