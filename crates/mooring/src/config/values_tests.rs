use super::*;
use crate::config::{Config, LogFormat};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// The layers of a test: a working folder, a file in it, variables and flags.
struct Layers {
    folder: TempDir,
    sources: Sources,
}

impl Layers {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
        Self { folder, sources }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(self, text: &str) -> Self {
        std::fs::write(self.path("mooring.toml"), text).expect("a file");
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.push((name.into(), value.into()));
        self
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        let flag = Flag { name: "--set", key: key.to_owned(), value: value.to_owned() };
        self.sources.flags.push(flag);
        self
    }

    fn load(&self) -> Values {
        Values::load(&self.sources).map_err(|error| error.to_string()).expect("right values")
    }

    fn error(&self) -> String {
        Values::load(&self.sources).err().expect("an error").to_string()
    }

    fn config(&self) -> Config {
        Config::from_values(&self.load()).expect("a configuration")
    }
}

#[test]
fn every_layer_wins_over_the_one_below() {
    let key = "engine.batch_size_rows";
    let layers = Layers::new();
    assert_eq!(layers.config().engine.batch_size_rows, 16384);
    assert_eq!(layers.load().get(key).expect("set").origin, Origin::Default);

    let layers = layers.file("[engine]\nbatch_size_rows = 1\n");
    assert_eq!(layers.config().engine.batch_size_rows, 1);
    let origin = Origin::File(layers.path("mooring.toml"));
    assert_eq!(layers.load().get(key).expect("set").origin, origin);

    let layers = layers.variable("MOORING__ENGINE__BATCH_SIZE_ROWS", "2");
    assert_eq!(layers.config().engine.batch_size_rows, 2);

    let layers = layers.set(key, "3").set(key, "4");
    assert_eq!(layers.config().engine.batch_size_rows, 4);
    assert_eq!(layers.load().get(key).expect("set").origin, Origin::Flag("--set".to_owned()));
}

#[test]
fn values_become_typed_fields() {
    let config = Layers::new()
        .file(
            "coordinator.mysql.listen = \"0.0.0.0:3306\"\n\
             coordinator.mysql.wait_timeout_s = 7\n\
             lake.s3_path_style = true\n",
        )
        .variable("MOORING__COORDINATOR__SHUTDOWN_TIMEOUT_MS", "5")
        .variable("MOORING__LOG__FORMAT", "json")
        .config();
    assert_eq!(config.coordinator.mysql.listen.to_string(), "0.0.0.0:3306");
    assert_eq!(config.coordinator.mysql.wait_timeout, Duration::from_secs(7));
    assert_eq!(config.coordinator.shutdown_timeout, Duration::from_millis(5));
    assert_eq!(config.lake.s3_path_style, Some(true));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn a_named_file_is_read_instead_of_the_one_in_the_folder() {
    let mut layers = Layers::new().file("no = \"TOML that we know\"");
    let named = layers.path("named.toml");
    std::fs::write(&named, "[log]\nfilter = \"debug\"\n").expect("a file");
    layers.sources.file = Some(named);
    assert_eq!(layers.config().log.filter, "debug");

    layers.sources.file = Some(layers.path("missing.toml"));
    assert!(layers.error().contains("missing.toml"));
}

#[test]
fn an_unknown_key_is_named_with_its_origin_and_the_nearest() {
    let error = Layers::new().file("[coordinator.mysql]\nlistn = \"127.0.0.1:1\"\n").error();
    assert!(error.starts_with("file `") && error.contains("mooring.toml"), "{error}");
    assert!(error.contains("`coordinator.mysql.listn`"), "{error}");
    assert!(error.ends_with("`coordinator.mysql.listen`"), "{error}");

    let error = Layers::new().variable("MOORING__LOG__FILTR", "info").error();
    assert!(error.contains("environment variable `MOORING__LOG__FILTR`"), "{error}");
    assert!(error.ends_with("`log.filter`"), "{error}");

    let error = Layers::new().set("worker.heartbeat", "1").error();
    assert!(error.starts_with("flag `--set`"), "{error}");
    assert!(error.ends_with("`worker.heartbeat_ms`"), "{error}");
}

#[test]
fn an_unknown_section_and_a_section_with_a_value_are_named() {
    let error = Layers::new().file("[coordinator.mysqll]\nlisten = 1\n").error();
    assert!(error.contains("`coordinator.mysqll`"), "{error}");
    let error = Layers::new().file("coordinator = 1\n").error();
    assert!(error.contains("section `coordinator`"), "{error}");
    let error = Layers::new().file("[log.filter]\nlevel = \"info\"\n").error();
    assert!(error.contains("sets `log.filter` to a table"), "{error}");
}

#[test]
fn a_wrong_value_is_named_with_what_is_expected() {
    let error = Layers::new().file("[engine]\nbatch_size_rows = \"many\"\n").error();
    assert!(error.contains("`engine.batch_size_rows`"), "{error}");
    assert!(error.contains("text `\"many\"`"), "{error}");
    assert!(error.contains("expected an integer from 1 to"), "{error}");

    let error = Layers::new().variable("MOORING__ENGINE__BATCH_SIZE_ROWS", "0").error();
    assert!(error.contains("environment variable"), "{error}");
    assert!(error.contains("the integer `0`"), "{error}");

    let error = Layers::new().set("coordinator.http.listen", "8080").error();
    assert!(error.contains("`IP:PORT`"), "{error}");
    let error = Layers::new().set("log.format", "xml").error();
    assert!(error.contains("`text` or `json`"), "{error}");
}

#[test]
fn no_error_shows_a_secret() {
    let error = Layers::new().file("[lake]\ns3_secret_key = [\"hidden-word\"]\n").error();
    assert!(error.contains("`lake.s3_secret_key`") && !error.contains("hidden-word"), "{error}");
    let error = Layers::new().file("[lake]\ns3_secret_key = hidden-word\n").error();
    assert!(error.contains("line 2") && !error.contains("hidden-word"), "{error}");
}

#[test]
fn only_two_underscores_make_a_variable_ours() {
    let layers = Layers::new()
        .variable("MOORING_SERVICE_HOST", "10.0.0.1")
        .variable("MOORING_PORT_3307_TCP__ADDR", "10.0.0.1")
        .variable("HOME", "/root")
        .variable("MOORING__COORDINATOR__QUERIES__RUNNING_MAX", "9");
    assert_eq!(layers.config().coordinator.queries.running_max, 9);
}

#[test]
fn a_list_is_separated_by_commas() {
    let name = "MOORING__WORKER__COORDINATORS";
    let list = |text: &str| Layers::new().variable(name, text).config().worker.coordinators;
    assert_eq!(list("a:1"), ["a:1"]);
    assert_eq!(list("a:1, b:2 ,"), ["a:1", "b:2"]);
    assert!(list("").is_empty());

    let file = Layers::new().file("[worker]\ncoordinators = [\"a:1\", \"b:2\"]\n");
    assert_eq!(file.config().worker.coordinators, ["a:1", "b:2"]);
    let error = Layers::new().variable(name, "a:1,b").error();
    assert!(error.contains("a list of addresses `HOST:PORT`"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let mut layers = Layers::new();
    layers.sources.environment =
        vec![("MOORING__LOG__FILTER".into(), OsString::from_vec(vec![0xff]))];
    assert!(layers.error().contains("`MOORING__LOG__FILTER` is not UTF-8"));
}

#[test]
fn a_working_folder_without_a_file_is_fine() {
    let layers = Layers::new();
    assert!(!Path::new(&layers.path("mooring.toml")).exists());
    assert_eq!(layers.config().log.filter, "info");
}
