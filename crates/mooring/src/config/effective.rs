//! What holds where a setting leaves the choice to Mooring (empty or 0).

use super::Config;
use super::memory::machine_memory_bytes;
use std::path::PathBuf;
use std::thread::available_parallelism;

const MEMORY_SHARE_PERCENT: u64 = 80;

/// Where neither `/proc` nor a control group says how much memory there is (not Linux).
const MEMORY_LIMIT_FALLBACK_BYTES: u64 = 4 << 30;

impl Config {
    pub(crate) fn target_partitions(&self) -> usize {
        match self.engine.target_partitions {
            0 => available_parallelism().map_or(1, usize::from),
            partitions => partitions,
        }
    }

    /// Reads a few small files of `/proc` and `/sys` where the setting is 0.
    pub(crate) fn memory_limit_bytes(&self) -> u64 {
        match self.engine.memory_limit_bytes {
            0 => machine_memory_bytes()
                .map_or(MEMORY_LIMIT_FALLBACK_BYTES, |bytes| bytes / 100 * MEMORY_SHARE_PERCENT),
            bytes => bytes,
        }
    }

    pub(crate) fn spill_folder(&self) -> PathBuf {
        self.engine.spill_folder.clone().unwrap_or_else(|| self.state.folder.join("spill"))
    }

    /// A folder or an `s3://` URL.
    pub(crate) fn warehouse(&self) -> String {
        self.lake
            .warehouse
            .clone()
            .unwrap_or_else(|| self.state.folder.join("warehouse").to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::Values;
    use super::*;

    #[test]
    fn the_choice_is_ours_only_where_it_was_left_to_us() {
        let values = Values::defaults().expect("right defaults");
        let mut config = Config::from_values(&values).expect("a configuration");
        config.state.folder = "/data".into();
        assert_eq!(config.spill_folder(), PathBuf::from("/data/spill"));
        assert_eq!(config.warehouse(), "/data/warehouse");
        assert!(config.target_partitions() > 0 && config.memory_limit_bytes() > 0);

        config.engine.spill_folder = Some("/fast".into());
        config.lake.warehouse = Some("s3://bucket/path".to_owned());
        config.engine.target_partitions = 3;
        config.engine.memory_limit_bytes = 5;
        assert_eq!(config.spill_folder(), PathBuf::from("/fast"));
        assert_eq!(config.warehouse(), "s3://bucket/path");
        assert_eq!(config.target_partitions(), 3);
        assert_eq!(config.memory_limit_bytes(), 5);
    }
}
