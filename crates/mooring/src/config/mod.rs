//! The configuration: defaults < `mooring.toml` < environment < flags.
//!
//! One table, [`SETTINGS`], says which settings exist. Every layer becomes a value of one flat
//! map from key to value and origin ([`Values`]), checked against that table; the typed
//! [`Config`] is then read from the map. Neither knows what a setting is used for.

mod catalogs;
mod cluster_secret;
mod effective;
mod environment;
mod error;
mod fields;
mod file;
mod kind;
mod memory;
mod origin;
mod secret;
mod secret_file;
mod setting;
mod settings;
mod show;
mod typed;
mod values;

pub(crate) use cluster_secret::{MissingSecret, cluster_secret};
pub(crate) use error::ConfigError;
pub(crate) use kind::check_host_port;
pub(crate) use secret::resolve_secret;
pub(crate) use secret_file::SecretFile;
pub(crate) use show::show;
pub(crate) use typed::{Config, Log, LogFormat};
pub(crate) use values::{Flag, Sources, Values};

use settings::SETTINGS;
