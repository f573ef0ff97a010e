//! The text of each operator, literals by property, and the agreement of databases with the reference.

mod agreement;
mod build;
mod clients;
mod fixture;
mod generator;
mod literals;
mod mysql_columns;
mod random;
mod text;
