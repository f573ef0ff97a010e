//! Identifiers without regard to case: each one of a statement is put into the case in which
//! DataFusion, which compares exactly, finds what it means. An exact match wins, and an identifier
//! that matches two names in other cases only is an error that names both.
//!
//! It takes two passes, because the tables of a statement are known only once it is clear which of
//! its names are common table expressions:
//!
//! 1. [`fold_relations`] resolves the names after FROM and JOIN and says which tables there are.
//! 2. [`fold_columns`] resolves all others, with the columns of those tables.
//!
//! What the second pass cannot know (the columns of a table function, the fields of a struct) stays
//! as it is written.

mod columns;
mod expressions;
mod queries;
mod relations;
mod scope;
mod selects;

pub(crate) use queries::fold_columns;
pub(crate) use relations::fold_relations;

#[cfg(test)]
mod tests;
