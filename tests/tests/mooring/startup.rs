//! A start that cannot succeed ends with one clear error, never with a half-started server.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use mooring_tests::{Cluster, ClusterBuilder, mooring_command, run_to_end};

#[tokio::test]
async fn the_last_line_of_output_tells_how_to_connect() {
    let mut cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let port = cluster.mysql_address().rsplit(':').next().unwrap().to_owned();
    let log = cluster.coordinator().unwrap().log();
    let line = format!("connect with: mysql -h127.0.0.1 -P{port} -uroot");
    assert!(log.lines().any(|logged| logged == line), "`{line}` is not in\n{log}");
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let builder =
        Cluster::one_node().unwrap().setting("coordinator.mysql.listen", address.as_str());
    assert_fails_naming(&builder, &[&address]).await;
}

#[tokio::test]
async fn an_unknown_key_in_the_environment() {
    let builder = Cluster::one_node().unwrap().setting("coordinator.mysql.listn", "127.0.0.1:0");
    assert_fails_naming(&builder, &["listn", "coordinator.mysql.listen"]).await;
}

#[tokio::test]
async fn an_unknown_key_in_the_configuration_file() {
    let builder = Cluster::one_node().unwrap();
    let file = builder.folder().join("mooring.toml");
    fs::write(file, "[coordinator.mysql]\nlistn = \"127.0.0.1:0\"\n").unwrap();
    assert_fails_naming(&builder, &["coordinator.mysql.listn", "coordinator.mysql.listen"]).await;
}

#[tokio::test]
async fn a_state_folder_of_a_newer_version() {
    let cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let builder = cluster.stop().await.unwrap();
    add_migration_of_the_future(&builder.state_folder()).await;
    assert_fails_naming(&builder, &["newer"]).await;
}

/// The all-in-one process ends with a failure and one error, which holds each of `names`.
async fn assert_fails_naming(builder: &ClusterBuilder, names: &[&str]) {
    let command = mooring_command(builder.folder(), &[], &builder.coordinator_settings());
    let (status, printed) = run_to_end(command.unwrap()).await.unwrap();
    assert!(!status.success(), "it succeeded:\n{printed}");
    assert!(!printed.contains("panicked"), "{printed}");
    let is_error = |line: &&str| line.trim_start().to_lowercase().starts_with("error");
    let errors: Vec<&str> = printed.lines().filter(is_error).collect();
    assert_eq!(errors.len(), 1, "one line that starts with `error` in\n{printed}");
    for name in names {
        assert!(errors[0].contains(name), "`{name}` is not in: {}", errors[0]);
    }
}

/// sqlx keeps the applied migrations in `_sqlx_migrations`; a version that this binary does not
/// know was written by a newer one.
async fn add_migration_of_the_future(state_folder: &Path) {
    const SCRIPT: &str = r#"
import pathlib, sqlite3, sys
stores = [f for f in pathlib.Path(sys.argv[1]).rglob("*")
          if f.is_file() and f.open("rb").read(15) == b"SQLite format 3"]
assert len(stores) == 1, stores
with sqlite3.connect(stores[0]) as store:
    store.execute("""INSERT INTO _sqlx_migrations
        (version, description, installed_on, success, checksum, execution_time)
        VALUES (99999999999999, 'of the future', CURRENT_TIMESTAMP, 1, x'00', 0)""")
"#;
    let mut command = tokio::process::Command::new("python3");
    command.args(["-c", SCRIPT]).arg(state_folder);
    let (status, printed) = run_to_end(command).await.unwrap();
    assert!(status.success(), "{printed}");
}
