//! The `.slt` files, by folder.

use mooring_tests::run_folder;

#[tokio::test]
async fn slt_select() {
    run_folder("select").await.unwrap();
}

#[tokio::test]
async fn slt_tpch() {
    run_folder("tpch").await.unwrap();
}

#[tokio::test]
async fn slt_ddl() {
    run_folder("ddl").await.unwrap();
}

#[tokio::test]
async fn slt_session() {
    run_folder("session").await.unwrap();
}

#[tokio::test]
async fn slt_errors() {
    run_folder("errors").await.unwrap();
}

#[tokio::test]
async fn slt_tools() {
    run_folder("tools").await.unwrap();
}

/// A new folder needs a test above.
#[test]
fn every_folder_is_run() {
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/slt")).unwrap();
    let mut names: Vec<_> = folders.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ddl", "errors", "select", "session", "tools", "tpch"]);
}
