//! What DataFusion knows of rows (constants, equal columns, orders, keys) decides which sorts it leaves out and how it
//! groups. DataFusion 55.2 goes on knowing some of it where it is no longer true:
//!
//! - After an outer join the columns of a side that may be missing keep their constants, though they may be NULL now.
//!   So do columns that equal what is worked out of others (`a = coalesce(b, 0)`).
//! - After a hash join of rows ordered by `b` with a build side ordered by `a` the rows are taken to be ordered by
//!   `b, a`. They are where `b` is unique: each row finds its matches in their order, but the next row begins anew.
//! - After grouping sets the columns keep their constants, their equality and their order, though some are NULL.
//! - A projection and an aggregate take the places of columns below for the places above: where column 0 was a key,
//!   the new column 0 is one.
//! - `min`, `max` and `count` over windows are taken to grow or shrink with the rows, with NULL at the wrong end, and
//!   over frames that move, too.
//!
//! A rule puts a node in the way of such facts: it passes rows on as they are, and knows less of them.

mod forget;
mod rule;
#[cfg(test)]
mod tests;

pub(crate) use forget::{ForgetExec, Forgotten};
pub(crate) use rule::ForgetFalseFacts;
