//! Workers that die, and strangers that want to be one.

use mooring_tests::{Cluster, Process, Signal, eventually};

const WORKERS: &str = "SELECT node_id FROM system.runtime.nodes WHERE role = 'worker'";

/// The number of lineitems at scale 0.01, from the specification's `dbgen`.
const COUNT: &str = "SELECT count(*), count(DISTINCT l_orderkey) FROM tpch.tiny.lineitem";
const COUNT_ANSWER: [&str; 2] = ["60175", "15000"];

#[tokio::test]
async fn two_workers_are_listed_and_both_are_used() {
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    assert_eq!(session.rows(WORKERS).await.unwrap().len(), 2);
    assert_eq!(session.rows(COUNT).await.unwrap(), [COUNT_ANSWER]);
    let used = session.rows("SELECT DISTINCT worker FROM system.runtime.tasks").await.unwrap();
    assert_eq!(used.len(), 2, "{used:?}");
}

#[tokio::test]
async fn a_worker_that_is_killed_is_not_missed() {
    let mut cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    assert_eq!(session.rows(COUNT).await.unwrap(), [COUNT_ANSWER]);

    let worker = &mut cluster.workers[0];
    worker.signal(Signal::Kill).await.unwrap();
    worker.exit_status().await.unwrap();

    assert_eq!(session.rows(COUNT).await.unwrap(), [COUNT_ANSWER]);
    let one_left = eventually("one worker is left", async || {
        let listed = session.rows(WORKERS).await.unwrap();
        (listed.len() == 1).then_some(())
    });
    one_left.await.unwrap();
    assert_eq!(session.rows(COUNT).await.unwrap(), [COUNT_ANSWER]);
}

#[tokio::test]
async fn a_worker_with_another_secret_is_refused() {
    let mut cluster = Cluster::with_workers(0).unwrap().start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    let before = session.rows(WORKERS).await.unwrap();

    let internal = cluster.coordinator().unwrap().address("internal").unwrap().to_owned();
    let folder = cluster.builder().folder().to_owned();
    let mut settings = cluster.builder().worker_settings(9);
    settings.insert("cluster.secret".into(), "the secret of another cluster".into());
    let arguments = ["worker", "--coordinator", &internal];
    let stranger = Process::start_unready(&folder, "stranger", &arguments, &settings).unwrap();

    let reason = eventually("the stranger's log names the secret", async || {
        stranger
            .log()
            .lines()
            .find(|line| line.to_lowercase().contains("secret"))
            .map(str::to_owned)
    });
    let reason = reason.await.unwrap();
    assert!(!reason.contains("the secret of another cluster"), "a secret is in the log: {reason}");
    assert_eq!(session.rows(WORKERS).await.unwrap(), before);
}

/// A coordinator that is no worker itself refuses what needs one, instead of waiting.
#[tokio::test]
async fn a_cluster_without_workers_says_so() {
    let mut cluster = Cluster::with_workers(1).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    cluster.workers.remove(0).stop().await.unwrap();
    let error = session.rows(COUNT).await.unwrap_err();
    assert!(error.number().is_some(), "the connection broke: {error}");
    assert!(error.to_string().contains("worker"), "{error}");
}
