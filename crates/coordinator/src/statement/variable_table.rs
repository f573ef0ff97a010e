//! The system variables: what clients of MySQL 8.0 ask for and set, and Mooring's own.
//!
//! Gathered from what clients send (connectors of MySQL and MariaDB, DBeaver, DataGrip, Metabase,
//! sqlx and others); names, defaults and ranges are those of the MySQL 8.0 reference manual,
//! section 5.1.8, unless Mooring differs.

use super::sql_mode;
use super::variable_value::VariableValue;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Where a variable lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Of the server only.
    Global,
    /// The server's value is where a session begins.
    Session,
}

/// What a variable takes; with its default.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Bool(bool),
    Int {
        default: i64,
        min: i64,
        max: i64,
    },
    UInt(u64),
    Text(&'static str),
    /// One of the words, or its position.
    Enum {
        default: &'static str,
        words: &'static [&'static str],
    },
    SqlMode(&'static str),
    TimeZone(&'static str),
    CharacterSet(&'static str),
    /// Also NULL: results are sent as they are.
    NullableCharacterSet(&'static str),
    Collation(&'static str),
}

#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) level: Level,
    pub(super) read_only: bool,
    pub(super) kind: Kind,
}

impl Definition {
    pub(super) fn default_value(&self) -> VariableValue {
        match self.kind {
            Kind::Bool(on) => VariableValue::Bool(on),
            Kind::Int { default, .. } => VariableValue::Int(default),
            Kind::UInt(default) => VariableValue::UInt(default),
            Kind::Text(default)
            | Kind::Enum { default, .. }
            | Kind::SqlMode(default)
            | Kind::TimeZone(default)
            | Kind::CharacterSet(default)
            | Kind::NullableCharacterSet(default)
            | Kind::Collation(default) => VariableValue::text(default),
        }
    }
}

/// The definition of a variable, by any of its names.
pub(super) fn definition(name: &str) -> Option<&'static Definition> {
    let by_name = |name: &str| BY_NAME.get(name).copied();
    // Mooring's own code asks by the exact name, several times per statement.
    by_name(name).or_else(|| by_name(&name.to_ascii_lowercase()))
}

static BY_NAME: LazyLock<HashMap<&str, &Definition>> = LazyLock::new(|| {
    let named: HashMap<&str, &Definition> =
        TABLE.iter().map(|definition| (definition.name, definition)).collect();
    let aliases = ALIASES.iter().filter_map(|(alias, name)| Some((*alias, *named.get(name)?)));
    let aliases: Vec<_> = aliases.collect();
    named.into_iter().chain(aliases).collect()
});

/// Names of MySQL 5.7 that some clients still use.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("storage_engine", "default_storage_engine"),
    ("tx_isolation", "transaction_isolation"),
    ("tx_read_only", "transaction_read_only"),
];

const fn session(name: &'static str, kind: Kind) -> Definition {
    Definition { name, level: Level::Session, read_only: false, kind }
}

const fn global(name: &'static str, kind: Kind) -> Definition {
    Definition { name, level: Level::Global, read_only: false, kind }
}

const fn fixed(name: &'static str, kind: Kind) -> Definition {
    Definition { name, level: Level::Global, read_only: true, kind }
}

/// A session's value that its client cannot set.
const fn fixed_session(name: &'static str, kind: Kind) -> Definition {
    Definition { name, level: Level::Session, read_only: true, kind }
}

const fn int(default: i64, min: i64, max: i64) -> Kind {
    Kind::Int { default, min, max }
}

const fn word(default: &'static str, words: &'static [&'static str]) -> Kind {
    Kind::Enum { default, words }
}

const YEAR_SECONDS: i64 = 31_536_000;
const ISOLATION_LEVELS: &[&str] =
    &["READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"];

/// In the order of their names.
pub(super) const TABLE: &[Definition] = &[
    fixed("admin_address", Kind::Text("")),
    fixed("authentication_policy", Kind::Text("*,,")),
    session("auto_increment_increment", int(1, 1, 65_535)),
    session("auto_increment_offset", int(1, 1, 65_535)),
    session("autocommit", Kind::Bool(true)),
    global("automatic_sp_privileges", Kind::Bool(true)),
    global("back_log", int(151, 1, 65_535)),
    fixed("basedir", Kind::Text("/")),
    session("batch_size", int(16_384, 1, 1_048_576)),
    session("big_tables", Kind::Bool(false)),
    fixed("bind_address", Kind::Text("127.0.0.1")),
    session("block_encryption_mode", Kind::Text("aes-128-ecb")),
    session("broadcast_join_bytes_max", int(33_554_432, 0, i64::MAX)),
    session("bulk_insert_buffer_size", int(8_388_608, 0, i64::MAX)),
    session("character_set_client", Kind::CharacterSet("utf8mb4")),
    session("character_set_connection", Kind::CharacterSet("utf8mb4")),
    session("character_set_database", Kind::CharacterSet("utf8mb4")),
    session("character_set_filesystem", Kind::CharacterSet("binary")),
    session("character_set_results", Kind::NullableCharacterSet("utf8mb4")),
    session("character_set_server", Kind::CharacterSet("utf8mb4")),
    fixed("character_set_system", Kind::Text("utf8mb3")),
    fixed("character_sets_dir", Kind::Text("/")),
    session("collation_connection", Kind::Collation("utf8mb4_bin")),
    session("collation_database", Kind::Collation("utf8mb4_bin")),
    session("collation_server", Kind::Collation("utf8mb4_bin")),
    session("completion_type", word("NO_CHAIN", &["NO_CHAIN", "CHAIN", "RELEASE"])),
    global("connect_timeout", int(10, 2, YEAR_SECONDS)),
    session("cte_max_recursion_depth", int(1000, 0, 4_294_967_295)),
    fixed("datadir", Kind::Text("/")),
    fixed("default_authentication_plugin", Kind::Text("caching_sha2_password")),
    session("default_collation_for_utf8mb4", Kind::Collation("utf8mb4_bin")),
    session("default_storage_engine", Kind::Text("MOORING")),
    session("default_tmp_storage_engine", Kind::Text("MOORING")),
    session("default_week_format", int(0, 0, 7)),
    global("disabled_storage_engines", Kind::Text("")),
    session("distributed_bytes_per_partition", int(16_777_216, 1, i64::MAX)),
    fixed_session("div_precision_increment", int(4, 0, 30)),
    session("dynamic_filter_wait_ms", int(20_000, 0, 600_000)),
    session("end_markers_in_json", Kind::Bool(false)),
    fixed_session("error_count", int(0, 0, i64::MAX)),
    global("event_scheduler", word("OFF", &["OFF", "ON", "DISABLED"])),
    session("explicit_defaults_for_timestamp", Kind::Bool(true)),
    fixed_session("external_user", Kind::Text("")),
    global("flush", Kind::Bool(false)),
    session("foreign_key_checks", Kind::Bool(true)),
    fixed("ft_max_word_len", int(84, 10, 84)),
    fixed("ft_min_word_len", int(4, 1, 82)),
    global("general_log", Kind::Bool(false)),
    session("group_concat_max_len", int(1024, 4, i64::MAX)),
    global("gtid_mode", word("OFF", &["OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"])),
    fixed("have_compress", Kind::Text("NO")),
    fixed("have_dynamic_loading", Kind::Text("NO")),
    fixed("have_geometry", Kind::Text("NO")),
    fixed("have_openssl", Kind::Text("DISABLED")),
    fixed("have_profiling", Kind::Text("NO")),
    fixed("have_query_cache", Kind::Text("NO")),
    fixed("have_ssl", Kind::Text("DISABLED")),
    fixed("have_statement_timeout", Kind::Text("YES")),
    fixed("have_symlink", Kind::Text("DISABLED")),
    fixed("hostname", Kind::Text("localhost")),
    session("identity", int(0, 0, i64::MAX)),
    session("information_schema_stats_expiry", int(86_400, 0, YEAR_SECONDS)),
    global("init_connect", Kind::Text("")),
    global("innodb_buffer_pool_size", int(134_217_728, 5_242_880, i64::MAX)),
    global("innodb_default_row_format", word("dynamic", &["redundant", "compact", "dynamic"])),
    session("innodb_lock_wait_timeout", int(50, 1, 1_073_741_824)),
    fixed("innodb_page_size", int(16_384, 4096, 65_536)),
    fixed("innodb_read_only", Kind::Bool(false)),
    fixed("innodb_version", Kind::Text("8.0.36")),
    session("insert_id", int(0, 0, i64::MAX)),
    session("interactive_timeout", int(28_800, 1, YEAR_SECONDS)),
    session("join_buffer_size", int(262_144, 128, i64::MAX)),
    global("key_buffer_size", int(8_388_608, 0, i64::MAX)),
    session("last_insert_id", int(0, 0, i64::MAX)),
    session("lc_messages", Kind::Text("en_US")),
    session("lc_time_names", Kind::Text("en_US")),
    fixed("license", Kind::Text("Apache-2.0")),
    global("local_infile", Kind::Bool(false)),
    session("lock_wait_timeout", int(YEAR_SECONDS, 1, YEAR_SECONDS)),
    fixed("log_bin", Kind::Bool(false)),
    global("log_bin_trust_function_creators", Kind::Bool(false)),
    session("long_query_time", Kind::Text("10.000000")),
    session("low_priority_updates", Kind::Bool(false)),
    fixed("lower_case_file_system", Kind::Bool(false)),
    fixed("lower_case_table_names", int(0, 0, 2)),
    global("mandatory_roles", Kind::Text("")),
    fixed_session("max_allowed_packet", int(67_108_864, 1024, 1_073_741_824)),
    global("max_connect_errors", int(100, 1, i64::MAX)),
    fixed("max_connections", int(151, 1, 100_000)),
    session("max_error_count", int(1024, 0, 65_535)),
    session("max_execution_time", int(0, 0, 4_294_967_295)),
    session("max_heap_table_size", int(16_777_216, 16_384, i64::MAX)),
    session("max_join_size", Kind::UInt(u64::MAX)),
    session("max_length_for_sort_data", int(4096, 4, 8_388_608)),
    session("max_points_in_geometry", int(65_536, 3, 1_048_576)),
    global("max_prepared_stmt_count", int(16_382, 0, 4_194_304)),
    session("max_seeks_for_key", int(i64::MAX, 1, i64::MAX)),
    session("max_sort_length", int(1024, 4, 8_388_608)),
    session("max_sp_recursion_depth", int(0, 0, 255)),
    session("max_user_connections", int(0, 0, 4_294_967_295)),
    session("min_examined_row_limit", int(0, 0, i64::MAX)),
    session("net_buffer_length", int(16_384, 1024, 1_048_576)),
    session("net_read_timeout", int(30, 1, YEAR_SECONDS)),
    session("net_retry_count", int(10, 1, i64::MAX)),
    session("net_write_timeout", int(60, 1, YEAR_SECONDS)),
    session("old_alter_table", Kind::Bool(false)),
    session("optimizer_search_depth", int(62, 0, 62)),
    session("optimizer_switch", Kind::Text("")),
    global("partial_revokes", Kind::Bool(false)),
    fixed("performance_schema", Kind::Bool(true)),
    fixed("pid_file", Kind::Text("")),
    fixed("plugin_dir", Kind::Text("/")),
    fixed("port", int(3307, 0, 65_535)),
    session("preload_buffer_size", int(32_768, 1024, 1_073_741_824)),
    session("print_identified_with_as_hex", Kind::Bool(false)),
    session("profiling", Kind::Bool(false)),
    session("profiling_history_size", int(15, 0, 100)),
    fixed("protocol_version", int(10, 10, 10)),
    fixed_session("proxy_user", Kind::Text("")),
    session("pseudo_slave_mode", Kind::Bool(false)),
    session("pseudo_thread_id", int(0, 0, i64::MAX)),
    session("pushdown", Kind::Bool(true)),
    session("pushdown_verify", Kind::Bool(false)),
    session("query_alloc_block_size", int(8192, 1024, 4_294_966_272)),
    global("query_cache_size", int(0, 0, 0)),
    session("query_cache_type", word("OFF", &["OFF", "ON", "DEMAND"])),
    session("query_prealloc_size", int(8192, 8192, i64::MAX)),
    session("range_optimizer_max_mem_size", int(8_388_608, 0, i64::MAX)),
    session("read_buffer_size", int(131_072, 8192, 2_147_479_552)),
    global("read_only", Kind::Bool(false)),
    session("read_rnd_buffer_size", int(262_144, 1, 2_147_483_647)),
    fixed("require_secure_transport", Kind::Bool(false)),
    session("resultset_metadata", word("FULL", &["FULL", "NONE"])),
    session("secondary_engine_cost_threshold", Kind::Text("100000.000000")),
    fixed("secure_file_priv", Kind::Text("")),
    fixed("server_id", int(1, 0, 4_294_967_295)),
    fixed("server_uuid", Kind::Text("00000000-0000-0000-0000-000000000000")),
    session("session_track_gtids", word("OFF", &["OFF", "OWN_GTID", "ALL_GTIDS"])),
    session("session_track_schema", Kind::Bool(true)),
    session("session_track_state_change", Kind::Bool(false)),
    session(
        "session_track_system_variables",
        Kind::Text(
            "time_zone,autocommit,character_set_client,character_set_results,character_set_connection",
        ),
    ),
    session("session_track_transaction_info", word("OFF", &["OFF", "STATE", "CHARACTERISTICS"])),
    session("show_create_table_verbosity", Kind::Bool(false)),
    session("show_old_temporals", Kind::Bool(false)),
    fixed("skip_external_locking", Kind::Bool(true)),
    fixed("skip_name_resolve", Kind::Bool(true)),
    fixed("skip_networking", Kind::Bool(false)),
    fixed("skip_show_database", Kind::Bool(false)),
    global("slow_query_log", Kind::Bool(false)),
    fixed("socket", Kind::Text("")),
    session("sort_buffer_size", int(262_144, 32_768, i64::MAX)),
    session("sql_auto_is_null", Kind::Bool(false)),
    session("sql_big_selects", Kind::Bool(true)),
    session("sql_buffer_result", Kind::Bool(false)),
    session("sql_generate_invisible_primary_key", Kind::Bool(false)),
    session("sql_log_bin", Kind::Bool(true)),
    session("sql_log_off", Kind::Bool(false)),
    session("sql_mode", Kind::SqlMode(sql_mode::DEFAULT)),
    session("sql_notes", Kind::Bool(true)),
    session("sql_quote_show_create", Kind::Bool(true)),
    session("sql_require_primary_key", Kind::Bool(false)),
    session("sql_safe_updates", Kind::Bool(false)),
    session("sql_select_limit", Kind::UInt(u64::MAX)),
    session("sql_warnings", Kind::Bool(false)),
    fixed("ssl_ca", Kind::Text("")),
    fixed("ssl_cert", Kind::Text("")),
    fixed("ssl_key", Kind::Text("")),
    global("stored_program_cache", int(256, 16, 524_288)),
    global("super_read_only", Kind::Bool(false)),
    fixed("system_time_zone", Kind::Text("UTC")),
    global("table_definition_cache", int(2000, 400, 524_288)),
    global("table_open_cache", int(4000, 1, 524_288)),
    session("target_partitions", int(1, 1, 65_536)),
    global("thread_cache_size", int(9, 0, 16_384)),
    fixed("thread_handling", Kind::Text("one-thread-per-connection")),
    fixed("thread_stack", int(1_048_576, 131_072, i64::MAX)),
    session("time_zone", Kind::TimeZone("SYSTEM")),
    global("tls_version", Kind::Text("TLSv1.2,TLSv1.3")),
    session("tmp_table_size", int(16_777_216, 1024, i64::MAX)),
    fixed("tmpdir", Kind::Text("/tmp")),
    session("transaction_alloc_block_size", int(8192, 1024, 131_072)),
    session("transaction_isolation", word("REPEATABLE-READ", ISOLATION_LEVELS)),
    session("transaction_prealloc_size", int(4096, 1024, 131_072)),
    session("transaction_read_only", Kind::Bool(false)),
    session("unique_checks", Kind::Bool(true)),
    session("updatable_views_with_limit", Kind::Bool(true)),
    session("use_secondary_engine", word("ON", &["OFF", "ON", "FORCED"])),
    fixed("version", Kind::Text(crate::mysql::SERVER_VERSION)),
    fixed("version_comment", Kind::Text(concat!("Mooring ", env!("CARGO_PKG_VERSION")))),
    fixed("version_compile_machine", Kind::Text(std::env::consts::ARCH)),
    fixed("version_compile_os", Kind::Text(std::env::consts::OS)),
    fixed("version_compile_zlib", Kind::Text("1.2.13")),
    session("wait_timeout", int(28_800, 1, YEAR_SECONDS)),
    fixed_session("warning_count", int(0, 0, i64::MAX)),
    session("windowing_use_high_precision", Kind::Bool(true)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_there_once() {
        let names: BTreeSet<&str> = TABLE.iter().map(|definition| definition.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for (alias, target) in ALIASES {
            assert!(!names.contains(alias), "{alias}");
            assert!(names.contains(target), "{target}");
        }
    }

    #[test]
    fn defaults_are_in_range() {
        for definition in TABLE {
            if let Kind::Int { default, min, max } = definition.kind {
                assert!((min..=max).contains(&default), "{}", definition.name);
            }
            if let Kind::Enum { default, words } = definition.kind {
                assert!(words.contains(&default), "{}", definition.name);
            }
        }
    }
}
