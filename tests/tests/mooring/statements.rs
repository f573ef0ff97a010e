//! Statements that are short and stand for more than a server can plan: each is answered or refused,
//! and the server stays up.

use mooring_tests::Cluster;

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
