//! SIGTERM, restart, and what has to survive them.

use mooring_tests::{Cluster, Session, Signal, eventually};

/// TPC-H tables that are generated while the query reads them: it runs for seconds. The sum is
/// DuckDB's, over files of `tpchgen-cli parquet -s 1`.
const LONG_QUERY: &str = "SELECT sum(l_quantity), count(*) FROM tpch.sf1.lineitem";
const LONG_QUERY_ANSWER: [&str; 2] = ["153078795.00", "6001215"];

#[tokio::test]
async fn a_running_query_finishes_when_its_server_is_told_to_end() {
    let mut cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let session = cluster.connect().await.unwrap();
    let query = start_long_query(session);
    await_running(&cluster, "SELECT query_id FROM system.runtime.queries WHERE state = 'running' AND statement LIKE '%sf1.lineitem%' AND statement NOT LIKE '%system.runtime%'", 1).await;

    let coordinator = cluster.coordinator().unwrap();
    coordinator.signal(Signal::Terminate).await.unwrap();
    assert!(!query.is_finished(), "the query was too short to be interrupted");
    assert_eq!(query.await.unwrap(), [LONG_QUERY_ANSWER]);
    assert_eq!(coordinator.exit_status().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_running_query_finishes_when_one_of_its_workers_is_told_to_end() {
    let mut cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let session = cluster.connect_distributing().await.unwrap();
    let query = start_long_query(session);
    await_running(&cluster, "SELECT DISTINCT worker FROM system.runtime.tasks", 2).await;

    let worker = &mut cluster.workers[0];
    worker.signal(Signal::Terminate).await.unwrap();
    assert!(!query.is_finished(), "the query was too short to be interrupted");
    assert_eq!(query.await.unwrap(), [LONG_QUERY_ANSWER]);
    assert_eq!(worker.exit_status().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn idle_processes_end_well() {
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn tables_survive_a_restart() {
    let builder = Cluster::one_node().unwrap();
    let file = builder.folder().join("fruit.csv");
    std::fs::write(&file, "name,weight\napple,150\npear,170\n").unwrap();
    let cluster = builder.start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    session.run("CREATE SCHEMA lake.market").await.unwrap();
    let create = format!(
        "CREATE EXTERNAL TABLE lake.market.fruit (name VARCHAR(20), weight INT) \
         STORED AS CSV LOCATION '{}' OPTIONS ('has_header' 'true')",
        file.display()
    );
    session.run(&create).await.unwrap();
    drop(session);

    let restarted = cluster.stop().await.unwrap().start().await.unwrap();
    let mut session = restarted.connect().await.unwrap();
    let rows = session.rows("SELECT name, weight FROM lake.market.fruit ORDER BY name").await;
    assert_eq!(rows.unwrap(), [["apple", "150"], ["pear", "170"]]);
}

fn start_long_query(mut session: Session) -> tokio::task::JoinHandle<Vec<Vec<String>>> {
    tokio::spawn(async move { session.rows(LONG_QUERY).await.unwrap() })
}

/// Waits until `sql` has `count` rows.
async fn await_running(cluster: &Cluster, sql: &str, count: usize) {
    let mut session = cluster.connect().await.unwrap();
    let seen = eventually(sql, async || {
        let rows = session.rows(sql).await.unwrap();
        (rows.len() == count).then_some(())
    });
    seen.await.unwrap();
}
