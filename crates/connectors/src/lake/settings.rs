//! Bounds of what a connector over files reads and keeps, and how it reads.

use mooring_spi::{Error, ErrorKind, Result, TimeZone};
use mooring_storage::LIST_FILES_MAX;
use std::collections::BTreeMap;

/// The properties that every catalog over files has beside those of its metastore and its storage.
pub const LAKE_PROPERTIES: &[&str] = &[PARQUET_TIME_ZONE];

const PARQUET_TIME_ZONE: &str = "parquet_time_zone";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LakeSettings {
    /// Every footer of a table with at most this many files is read when a query names it; of
    /// larger tables a few.
    pub footers_max_files: usize,
    /// How many columns the footers that are kept have in all, about 150 bytes each.
    pub footer_cache_columns: u64,
    /// How many files the snapshots that are kept have in all, about 300 bytes each.
    pub snapshot_cache_files: u64,
    /// A table with more files is refused.
    pub list_max_files: usize,
    /// As [`mooring_spi::FileScan::parquet_time_zone`].
    pub parquet_time_zone: TimeZone,
}

impl Default for LakeSettings {
    fn default() -> Self {
        Self {
            footers_max_files: 64,
            footer_cache_columns: 500_000,
            snapshot_cache_files: 500_000,
            list_max_files: LIST_FILES_MAX,
            parquet_time_zone: TimeZone::Utc,
        }
    }
}

impl LakeSettings {
    /// The same with what a catalog's [`LAKE_PROPERTIES`] say.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub fn with_properties(self, properties: &BTreeMap<String, String>) -> Result<Self> {
        let Some(name) = properties.get(PARQUET_TIME_ZONE) else { return Ok(self) };
        let parquet_time_zone = TimeZone::parse(name).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "`{PARQUET_TIME_ZONE}` is `{name}`; expected a name of the IANA database, such as \
                     `Europe/Berlin`"
                ),
            )
        })?;
        Ok(Self { parquet_time_zone, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(zone: Option<&str>) -> Result<LakeSettings> {
        let pairs = zone.map(|zone| (PARQUET_TIME_ZONE.to_owned(), zone.to_owned()));
        LakeSettings::default().with_properties(&pairs.into_iter().collect())
    }

    #[test]
    fn the_zone_is_one_of_the_database() {
        assert_eq!(read(None).expect("settings"), LakeSettings::default());
        let settings = read(Some("Asia/Tokyo")).expect("settings");
        assert_eq!(settings.parquet_time_zone.to_string(), "Asia/Tokyo");
        for wrong in ["", "Mars/Base", "asia/tokyo"] {
            let error = read(Some(wrong)).expect_err(wrong);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains("`parquet_time_zone` is"), "{error}");
        }
    }
}
