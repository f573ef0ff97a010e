//! Workers that die, and strangers that want to be one.

use std::time::Duration;

use mooring_tests::{Cluster, Process, Session, Signal, eventually};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

const WORKERS: &str = "SELECT node_id FROM system.runtime.nodes WHERE role = 'worker'";

/// Statistics cannot answer it: its rows have to be read. The answer is DuckDB's, over the files of
/// `tpchgen-cli parquet -s 0.01`.
const SUM: &str = "SELECT sum(l_quantity), count(*) FROM tpch.tiny.lineitem";
const SUM_ANSWER: [&str; 2] = ["1536127.00", "60175"];

#[tokio::test]
async fn two_workers_are_listed_and_both_are_used() {
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    assert_eq!(session.rows(WORKERS).await.unwrap().len(), 2);
    assert_eq!(session.rows(SUM).await.unwrap(), [SUM_ANSWER]);
    let used = session.rows("SELECT DISTINCT worker FROM system.runtime.tasks").await.unwrap();
    assert_eq!(used.len(), 2, "{used:?}");
}

#[tokio::test]
async fn a_worker_that_is_killed_is_not_missed() {
    let mut cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    assert_eq!(session.rows(SUM).await.unwrap(), [SUM_ANSWER]);

    let worker = &mut cluster.workers[0];
    worker.signal(Signal::Kill).await.unwrap();
    worker.exit_status().await.unwrap();

    assert_eq!(session.rows(SUM).await.unwrap(), [SUM_ANSWER]);
    let one_left = eventually("one worker is left", async || {
        let listed = session.rows(WORKERS).await.unwrap();
        (listed.len() == 1).then_some(())
    });
    one_left.await.unwrap();
    assert_eq!(session.rows(SUM).await.unwrap(), [SUM_ANSWER]);
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
    let error = session.rows(SUM).await.unwrap_err();
    assert!(error.number().is_some(), "the connection broke: {error}");
    assert!(error.to_string().contains("worker"), "{error}");
}

/// Whatever reads on the workers sends small messages to the coordinator, however many tasks it has.
#[tokio::test]
async fn what_the_coordinator_gets_is_sliced() {
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut distributing = cluster.connect_distributing().await.unwrap();
    let mut in_one_task = cluster.connect().await.unwrap();
    for sql in [
        "EXPLAIN SELECT * FROM tpch.tiny.lineitem",
        "EXPLAIN SELECT * FROM tpch.tiny.lineitem ORDER BY l_comment",
        "EXPLAIN SELECT * FROM tpch.tiny.orders JOIN tpch.tiny.lineitem ON o_orderkey = l_orderkey",
    ] {
        for session in [&mut distributing, &mut in_one_task] {
            let plan = session.rows(sql).await.unwrap().concat().join("\n");
            assert!(plan.contains("SliceBatchesExec"), "{sql}: {plan}");
        }
    }
}

/// A merge takes long from one partition before it takes from another of the same worker: what one may
/// keep of the rows must not hold back the others.
#[tokio::test]
async fn a_large_result_is_sorted_on_workers() {
    const SORTED: &str = "SELECT count(*) FROM \
        (SELECT o_orderkey FROM tpch.sf1.orders ORDER BY o_totalprice, o_orderkey LIMIT 1000000) t";
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    for batch_size in [1_024, 16_384] {
        session.run(&format!("SET batch_size = {batch_size}")).await.unwrap();
        let rows = timeout(Duration::from_secs(300), session.rows(SORTED)).await;
        assert_eq!(rows.expect("it hangs").unwrap(), [["1000000"]]);
    }
    let skipped = session.rows(
        "SELECT o_orderkey FROM tpch.sf1.orders ORDER BY o_totalprice LIMIT 5 OFFSET 1499998",
    );
    let rows = timeout(Duration::from_secs(300), skipped).await;
    assert_eq!(rows.expect("it hangs").unwrap().len(), 2);
}

/// The build side of the join ends without a row, so its probe side is never asked for one.
#[tokio::test]
async fn an_analysed_join_of_nothing_comes_back() {
    const JOIN: &str = "EXPLAIN ANALYZE SELECT count(*) FROM tpch.tiny.lineitem \
        JOIN tpch.tiny.orders ON l_orderkey = o_orderkey WHERE o_orderkey < 0";
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    let plan = timeout(Duration::from_secs(60), session.rows(JOIN)).await;
    assert!(!plan.expect("no answer within a minute").unwrap().is_empty());
    assert_eq!(session.rows(SUM).await.unwrap(), [SUM_ANSWER]);
}

/// A stranger who speaks gRPC, at the ports where only nodes of the cluster may call.
#[tokio::test]
async fn a_call_without_the_secret_is_refused() {
    let mut cluster = Cluster::with_workers(1).unwrap().start().await.unwrap();
    let worker = cluster.workers[0].address("worker").unwrap().to_owned();
    let internal = cluster.coordinator().unwrap().address("internal").unwrap().to_owned();
    // Services of datafusion-distributed, and one that there is not.
    let calls =
        ["worker.WorkerService/GetWorkerInfo", "worker.WorkerService/ExecuteTask", "no.Such/Call"];
    for address in [&worker, &internal] {
        for path in calls {
            for secret in [None, Some("Bearer "), Some("Bearer another secret")] {
                let refused = call(address, path, secret).await;
                assert_eq!(refused.code(), Code::Unauthenticated, "{address} {path}: {refused}");
            }
        }
    }
    let mut session = cluster.connect_distributing().await.unwrap();
    assert_eq!(session.rows(SUM).await.unwrap(), [SUM_ANSWER]);
}

/// Makes an empty call and gives the status that it is refused with.
async fn call(address: &str, path: &str, authorization: Option<&'static str>) -> Status {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    let mut request = Request::new(());
    if let Some(authorization) = authorization {
        let value = MetadataValue::from_static(authorization);
        request.metadata_mut().insert("authorization", value);
    }
    let path = format!("/{path}").parse().unwrap();
    client.unary(request, path, ProstCodec::<(), ()>::default()).await.unwrap_err()
}

/// It would run for many minutes. Nothing tells when a process has come to rest but the time that its
/// processors were busy.
#[tokio::test]
async fn a_kill_stops_the_work_on_the_workers() {
    const LONG: &str = "SELECT l_shipmode, count(DISTINCT l_comment) FROM tpch.sf100.lineitem \
        JOIN tpch.sf100.orders ON l_orderkey = o_orderkey GROUP BY l_shipmode";
    // Other tests may take its processors for a while.
    const LOOKS_AT_REST: usize = 10;
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut running = cluster.connect().await.unwrap();
    let mut other = cluster.connect().await.unwrap();
    let id = running.rows("SELECT CONNECTION_ID()").await.unwrap()[0][0].clone();
    let busy = || {
        let worked = |worker: &Process| worker.processor_time().unwrap() >= Duration::from_secs(1);
        cluster.workers.iter().all(worked)
    };
    let (killed, ()) = tokio::join!(running.run(LONG), async {
        eventually("both workers work", async || busy().then_some(())).await.unwrap();
        other.run(&format!("KILL QUERY {id}")).await.unwrap();
    });
    assert_eq!(killed.unwrap_err().number(), Some(1317));
    for worker in &cluster.workers {
        let (mut before, mut unchanged) = (Duration::ZERO, 0);
        let at_rest = eventually("the worker comes to rest", async || {
            let now = worker.processor_time().unwrap();
            unchanged = if now == before { unchanged + 1 } else { 0 };
            before = now;
            (unchanged == LOOKS_AT_REST).then_some(())
        });
        at_rest.await.unwrap();
    }
}

/// `id` from 0 to 7,999 and `bucket`, its remainder by 7, in one file of four row groups.
async fn create_numbers(session: &mut Session) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/parquet/numbers.parquet");
    let create =
        format!("CREATE EXTERNAL TABLE lake.default.numbers STORED AS PARQUET LOCATION '{file}'");
    session.run(&create).await.unwrap();
}

/// A point query that came before with other numbers: the scan itself applies its conditions.
#[tokio::test]
async fn a_repeated_point_query_is_filtered_by_its_scan() {
    const ROWS: u64 = 8_000;
    for cluster in [Cluster::one_node().unwrap(), Cluster::with_workers(2).unwrap()] {
        let cluster = cluster.start().await.unwrap();
        let mut session = cluster.connect_distributing().await.unwrap();
        create_numbers(&mut session).await;
        for id in [4_000, 17, ROWS - 1, 2_048, ROWS] {
            let expected = match id < ROWS {
                true => vec![vec![(id % 7).to_string()]],
                false => Vec::new(),
            };
            let found = |what: &str, more: &str| {
                format!("SELECT {what} FROM lake.default.numbers WHERE id = {id}{more}")
            };
            let rows = session.rows(&found("bucket", "")).await.unwrap();
            assert_eq!(rows, expected, "{id}");
            let rows = session.rows(&found("bucket", " LIMIT 1")).await.unwrap();
            assert_eq!(rows, expected, "{id}");
            let matching = id < ROWS && id % 7 >= 3;
            let rows = session.rows(&found("count(*)", " AND bucket >= 3")).await.unwrap();
            assert_eq!(rows, [[u8::from(matching).to_string()]], "{id}");
        }
        let explain = "EXPLAIN SELECT bucket FROM lake.default.numbers WHERE id = 5";
        let plan = session.rows(explain).await.unwrap().concat().join("\n");
        assert!(!plan.contains("FilterExec") && plan.contains("predicate=id"), "{plan}");
    }
}

/// One file is one partition, which to DataFusion has all rows of each key.
#[tokio::test]
async fn rows_of_one_file_meet_whatever_task_reads_them() {
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    create_numbers(&mut session).await;
    session.run("SET broadcast_join_bytes_max = 0").await.unwrap();
    for (sql, expected) in [
        ("SELECT count(*) FROM numbers a JOIN numbers b ON a.id = b.id + 4000", "4000"),
        (
            "SELECT count(*) FROM numbers a LEFT JOIN numbers b ON a.id = b.id + 4000 WHERE b.id IS NULL",
            "4000",
        ),
        ("SELECT count(*) FROM numbers JOIN tpch.tiny.region ON id = r_regionkey + 7000", "5"),
        ("SELECT count(*) FROM numbers WHERE id + 4000 IN (SELECT id FROM numbers)", "4000"),
        (
            "SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY bucket ORDER BY id) n \
             FROM numbers) t WHERE n = 1",
            "7",
        ),
    ] {
        assert_eq!(session.rows(sql).await.unwrap(), [[expected]], "{sql}");
    }
}

/// What a join learns of its keys reaches the scan in its own stage; of others EXPLAIN says that it does not.
#[tokio::test]
async fn dynamic_filters_prune_where_join_and_scan_share_a_stage() {
    const JOIN: &str = "SELECT count(*) FROM numbers JOIN tpch.tiny.region ON id = r_regionkey";
    let cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect_distributing().await.unwrap();
    create_numbers(&mut session).await;
    let analyzed = session.rows(&format!("EXPLAIN ANALYZE {JOIN}")).await.unwrap();
    let plan = analyzed.concat().join("\n");
    assert!(plan.contains("row_groups_pruned_statistics=4 total → 1 matched"), "{plan}");
    assert!(!plan.contains("reads without the dynamic filter"), "{plan}");
    session.run("SET broadcast_join_bytes_max = 0").await.unwrap();
    let plan = session.rows(&format!("EXPLAIN {JOIN}")).await.unwrap().concat().join("\n");
    assert!(plan.contains("reads without the dynamic filter on `id@"), "{plan}");
    assert_eq!(session.rows(JOIN).await.unwrap(), [["5"]]);
}

/// What DataFusion sends of an offset has 32 bits.
#[tokio::test]
async fn an_offset_that_cannot_cross_is_refused() {
    let cluster = Cluster::with_workers(1).unwrap().start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    let nations = "SELECT n_name FROM tpch.tiny.nation LIMIT 5 OFFSET";
    let error = session.run(&format!("{nations} 4294967296")).await.unwrap_err().to_string();
    assert!(error.contains("1235") && error.contains("4294967296"), "{error}");
    let rows = session.rows(&format!("{nations} 4294967295")).await.unwrap();
    assert!(rows.is_empty(), "{rows:?}");
}
