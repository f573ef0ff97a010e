//! The text of each operator, literals by property, and the agreement of databases with the reference.

mod agreement;
mod build;
mod client_values;
mod clients;
mod exercised;
mod fixture;
mod generator;
mod joins;
mod keys;
mod literals;
mod mysql_columns;
mod random;
mod reading;
mod text;
