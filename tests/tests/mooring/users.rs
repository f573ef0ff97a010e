//! Users as their clients meet them: who is let in with what, and what a reader may not do.
//! Numbers: MySQL 8.0 Error Message Reference.

use mooring_tests::{Cluster, Session, SqlError};

#[track_caller]
fn number<T>(result: Result<T, SqlError>) -> Option<u16> {
    result.err().and_then(|error| error.number())
}

/// `None` when the user is let in, else what the client is told.
async fn refusal(cluster: &Cluster, user: &str, password: &str) -> Option<String> {
    let login = Session::connect_as(cluster.mysql_address(), user, password).await;
    login.err().map(|failure| format!("{failure:?}"))
}

async fn is_let_in(cluster: &Cluster, user: &str, password: &str) -> bool {
    refusal(cluster, user, password).await.is_none()
}

#[tokio::test]
async fn the_laptops_root_needs_its_password_once_it_has_one() {
    let cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let mut root = cluster.connect().await.unwrap();
    root.run("ALTER USER root@localhost IDENTIFIED BY 'first'").await.unwrap();
    assert!(is_let_in(&cluster, "root", "first").await);
    assert!(!is_let_in(&cluster, "root", "").await);
    // The running session goes on, and may change it again.
    root.run("SET PASSWORD = 'second'").await.unwrap();
    assert!(is_let_in(&cluster, "root", "second").await);
    // Not even from the cache of those that were let in.
    assert!(!is_let_in(&cluster, "root", "first").await);
    let builder = cluster.stop().await.unwrap();
    let cluster = builder.start().await.unwrap();
    assert!(!is_let_in(&cluster, "root", "").await);
    assert!(is_let_in(&cluster, "root", "second").await);
}

#[tokio::test]
async fn a_reader_changes_its_own_password_and_nothing_else() {
    let cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let mut root = cluster.connect().await.unwrap();
    root.run("CREATE USER ana@localhost IDENTIFIED BY 'a', ana IDENTIFIED BY 'b'").await.unwrap();
    // The more specific host counts, and only its password.
    assert!(!is_let_in(&cluster, "ana", "b").await);
    let mut ana = Session::connect_as(cluster.mysql_address(), "ana", "a").await.unwrap();
    assert_eq!(ana.rows("SELECT CURRENT_USER()").await.unwrap(), [["ana@localhost"]]);
    ana.run("ALTER USER USER() IDENTIFIED BY 'c'").await.unwrap();
    ana.run("SHOW CREATE USER").await.unwrap();
    for refused in [
        "CREATE USER x",
        "DROP USER ana@localhost",
        "RENAME USER ana@localhost TO x",
        "ALTER USER USER() REQUIRE NONE",
        "ALTER USER ana@'%' IDENTIFIED BY 'd'",
        "ALTER USER USER() IDENTIFIED WITH mysql_native_password BY 'd'",
        "SET PASSWORD FOR root@localhost = 'd'",
        "GRANT ALL ON *.* TO ana@localhost",
        "REVOKE ALL ON *.* FROM root@localhost",
        "SHOW GRANTS FOR root@localhost",
        "SHOW CREATE USER root@localhost",
    ] {
        assert_eq!(number(ana.run(refused).await), Some(1227), "{refused}");
    }
    assert!(is_let_in(&cluster, "ana", "c").await && !is_let_in(&cluster, "ana", "a").await);
    // As in MySQL, a session outlives its user.
    root.run("DROP USER ana@localhost, ana").await.unwrap();
    assert_eq!(ana.rows("SELECT 1").await.unwrap(), [["1"]]);
    assert!(!is_let_in(&cluster, "ana", "c").await);
}

#[tokio::test]
async fn a_refusal_does_not_tell_whether_the_user_exists() {
    let builder = Cluster::one_node().unwrap();
    let settings = [("coordinator.mysql.login_delay_max_ms", "1")];
    let builder = settings.into_iter().fold(builder, |b, (key, value)| b.setting(key, value));
    let cluster = builder.start().await.unwrap();
    let mut root = cluster.connect().await.unwrap();
    root.run("CREATE USER ana IDENTIFIED BY 'a'").await.unwrap();
    root.run("CREATE USER bea IDENTIFIED BY 'b' REQUIRE X509").await.unwrap();
    let expected = |user: &str| format!("Access denied for user '{user}'@'127.0.0.1'");
    for (user, password) in [("ana", "wrong"), ("nobody", "wrong"), ("bea", "b")] {
        let refusal = refusal(&cluster, user, password).await.unwrap();
        assert!(refusal.contains(&expected(user)) && refusal.contains("YES"), "{refusal}");
    }
    // The right password of a locked account is told so (ER_ACCOUNT_HAS_BEEN_LOCKED), a wrong one
    // is not.
    root.run("ALTER USER ana ACCOUNT LOCK").await.unwrap();
    assert!(refusal(&cluster, "ana", "a").await.unwrap().contains("Account is locked"));
    assert!(!refusal(&cluster, "ana", "b").await.unwrap().contains("locked"));
}

#[tokio::test]
async fn the_command_line_manages_users_by_host() {
    let builder = Cluster::with_workers(1).unwrap();
    let run = async |line: &str| builder.run(&line.split(' ').collect::<Vec<_>>()).await;
    run("user add ana --no-password --host LOCALHOST --admin").await.unwrap();
    run("user add ana --no-password --plugin mysql_native_password").await.unwrap();
    assert_eq!(
        run("user list").await.unwrap(),
        "ana@%\tmysql_native_password\treader\n\
         ana@localhost\tcaching_sha2_password\tadministrator\n"
    );
    for (wrong, part) in [
        ("user add ana --no-password", "'ana'@'%' exists"),
        ("user remove ana", "`%`, `localhost`"),
        ("user remove bea", "no user `bea`"),
        ("user add bea --no-password --host db.example.com", "names are not resolved"),
    ] {
        let failure = format!("{:?}", run(wrong).await.unwrap_err());
        assert!(failure.contains(part), "{wrong}: {failure}");
    }
    run("user drop ana --host %").await.unwrap();
    run("user remove ana").await.unwrap();
    assert_eq!(run("user list").await.unwrap(), "");
}

#[tokio::test]
async fn a_reader_reads_paths_where_the_configuration_says_so() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let builder = Cluster::one_node().unwrap().setting("paths.allowed", format!("{data}/csv/"));
    let cluster = builder.start().await.unwrap();
    let mut root = cluster.connect().await.unwrap();
    root.run("CREATE USER ana@localhost IDENTIFIED BY 'a'").await.unwrap();
    let mut ana = Session::connect_as(cluster.mysql_address(), "ana", "a").await.unwrap();
    let count = |path: &str| format!("SELECT count(*) FROM '{data}/{path}'");
    assert_eq!(ana.rows(&count("csv/fruit.csv")).await.unwrap(), [["4"]]);
    assert_eq!(number(ana.run(&count("csv/none.csv")).await), Some(1017));
    for path in ["json/fruit.json", "json/none.json", "csv/../json/fruit.json", "*/fruit.csv"] {
        assert_eq!(number(ana.run(&count(path)).await), Some(1227), "{path}");
    }
    assert_eq!(root.rows(&count("json/fruit.json")).await.unwrap(), [["4"]]);
}
