//! How a connector's answer becomes a physical plan: files by one file source of our own, splits by
//! one leaf node, rows by DataFusion's memory scan.

mod awaited_keys;
mod column_names;
mod evolved_columns;
mod counted;
mod file_errors;
mod file_source;
mod files;
mod filters_by_name;
mod footers;
mod give_way;
mod key_filters;
mod own;
mod reading;
mod shown_footers;
mod shown_statements;
mod splits;
mod traced_keys;
mod untold_keys;
mod wall_times;

pub(crate) use awaited_keys::{AwaitKeys, with_awaited_keys};
pub(crate) use file_source::{MooringFileSource, inner_source, stock_carrier};
pub(crate) use files::FilesRequest;
pub(crate) use files::{files_plan, stock_compression};
pub(crate) use filters_by_name::FiltersByName;
pub(crate) use footers::{FooterCaches, parquet_reader};
pub(crate) use own::OwnSource;
pub(crate) use reading::Reading;
pub(crate) use shown_statements::whole_statements;
pub(crate) use splits::{SplitExec, SplitScanSpec, SplitsRequest, deal, split_plan};
pub(crate) use traced_keys::{TracedKeys, names_are_different};
pub(crate) use untold_keys::UntoldKeys;
