//! Why there is no figure.

use arrow::error::ArrowError;
use arrow_flight::error::FlightError;
use parquet::errors::ParquetError;
use std::io;

pub type Result<T> = std::result::Result<T, Failure>;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Transport(#[from] tonic::transport::Error),
    #[error("{}: {}", .0.code(), .0.message())]
    Refused(#[from] tonic::Status),
    #[error("{0}")]
    Flight(#[from] FlightError),
    #[error("{0}")]
    Unexpected(String),
}

pub fn unexpected(what: impl Into<String>) -> Failure {
    Failure::Unexpected(what.into())
}
