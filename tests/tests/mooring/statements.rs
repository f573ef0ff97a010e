//! Statements that are short and stand for more than a server can plan: each is answered or refused,
//! and the server stays up.

use std::time::Duration;

use mooring_tests::Cluster;
use tokio::net::TcpListener;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

fn ctes(count: usize, body: impl Fn(usize) -> String) -> String {
    let rest: String = (1..count).map(|at| format!(", a{at} AS ({})", body(at - 1))).collect();
    format!("WITH a0 AS (SELECT 1 AS x){rest} SELECT count(*) FROM a{}", count - 1)
}

#[tokio::test]
async fn statements_that_would_exhaust_the_planner_end_alone() {
    let cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let doubling = |at| format!("SELECT p.x FROM a{at} p, a{at} q");
    let chained = |at| format!("SELECT x FROM a{at}");
    let tables = |count: usize| {
        let list: Vec<String> = (0..count).map(|at| format!("tpch.tiny.region t{at}")).collect();
        format!("SELECT 1 FROM {} LIMIT 0", list.join(", "))
    };
    let subscripts =
        |count| format!("SELECT r_name{} FROM tpch.tiny.region", "['a']".repeat(count));
    for refused in [
        "SELECT ".to_owned() + &"CAST(".repeat(190),
        "SELECT ".to_owned() + &"CAST(".repeat(40) + "1",
        ctes(40, doubling),
        ctes(5_000, chained),
        tables(62),
        tables(5_000),
        subscripts(101),
        subscripts(50_000),
    ] {
        let mut session = cluster.connect().await.unwrap();
        let error = session.run(&refused).await.expect_err(&refused[..100]).to_string();
        assert!(error.contains("1235"), "{error} for {}", &refused[..100]);
    }
    let mut session = cluster.connect().await.unwrap();
    assert_eq!(session.rows(&ctes(900, chained)).await.unwrap(), [["1"]]);
    assert_eq!(session.rows(&ctes(9, doubling)).await.unwrap(), [["1"]]);
}

/// An object store that takes calls and never answers.
#[tokio::test]
async fn a_statement_that_is_no_query_ends_by_kill() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let settings = [("endpoint", &*endpoint), ("access_key", "a"), ("secret_key", "s")];
    let builder = settings.iter().fold(Cluster::one_node().unwrap(), |builder, (key, value)| {
        builder.setting(&format!("lake.s3_{key}"), *value)
    });
    let cluster = builder.start().await.unwrap();
    let mut waiting = cluster.connect().await.unwrap();
    let id = waiting.rows("SELECT CONNECTION_ID()").await.unwrap()[0][0].clone();
    let create = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3://bucket/t/'";
    let (created, ()) = tokio::join!(waiting.run(create), async {
        let (_held, _) = timeout(PATIENCE, silent.accept()).await.expect("a call").unwrap();
        let mut other = cluster.connect().await.unwrap();
        let listed = other.rows("SHOW PROCESSLIST").await.unwrap();
        assert!(listed.iter().any(|row| row[0] == id && row[7] == create), "{listed:?}");
        other.run(&format!("KILL QUERY {id}")).await.unwrap();
    });
    assert_eq!(created.unwrap_err().number(), Some(1317));
    assert_eq!(waiting.rows("SELECT 1").await.unwrap(), [["1"]]);
}
