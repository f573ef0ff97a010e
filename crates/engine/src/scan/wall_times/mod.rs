//! Instants of Parquet files in columns that have wall time: 96-bit timestamps, and those of 64 bits that are
//! adjusted to UTC. Hive and Spark make them from wall time, by the zone of the writer; so it takes a
//! zone to read them, too.
//!
//! The footer that a reader sees says which zone that is for its file, and its Arrow types tell instants from
//! wall time ([`InstantFooters`]). The adapter of expressions puts wall time in the place of such columns, before
//! any other cast ([`WallTimeAdapters`]). Statistics, page indexes and bloom filters know nothing of the
//! expression, so that they leave no row out.
//!
//! Where the zone is UTC, files are read without any of this, but for the types of 96-bit timestamps in lists.

mod adapter;
mod arrays;
mod expression;
mod footer;

pub(super) use adapter::WallTimeAdapters;
pub(super) use footer::InstantFooters;

#[cfg(test)]
mod tests;
