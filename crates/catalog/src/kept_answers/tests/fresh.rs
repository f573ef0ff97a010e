//! How new answers are while the metastore is there.

use super::super::metrics::Source;
use super::*;
use mooring_spi::{ColumnProjection, LocationPart, PartitionProjection};

#[tokio::test]
async fn each_question_is_asked_again_unless_its_owner_allows_otherwise() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    assert_eq!(setting.location("t").await, at("old"));
    setting.other.put("t", "file:///new/");
    assert_eq!(setting.location("t").await, at("new"));
    assert_eq!(setting.other.asked(), 2);
}

#[tokio::test]
async fn within_max_staleness_a_change_is_not_seen_and_after_it_is() {
    let setting = Setting::new(HOUR, Duration::ZERO);
    assert_eq!(setting.location("t").await, at("old"));
    setting.other.put("t", "file:///new/");
    setting.pass(HOUR - MINUTE);
    assert_eq!(setting.location("T").await, at("old"));
    assert_eq!(setting.other.asked(), 1);
    setting.pass(MINUTE);
    assert_eq!(setting.location("t").await, at("new"));
}

#[tokio::test]
async fn a_statement_that_found_something_gone_sees_the_change() {
    let setting = Setting::new(HOUR, HOUR);
    assert_eq!(setting.location("t").await, at("old"));
    setting.other.put("t", "file:///new/");
    let statement = StaleAnswers::default();
    let location = async || {
        let found = statement.collect(setting.keeping.table("s", "t")).await;
        found.expect("an answer").and_then(Definition::into_table).expect("a table").location
    };
    assert_eq!(location().await, "file:///old/");
    statement.ask_anew();
    assert_eq!(location().await, "file:///new/");
}

#[tokio::test]
async fn lists_are_kept_too_until_they_are_too_old_or_changed_here() {
    let setting = Setting::new(HOUR, HOUR);
    let keeping = &setting.keeping;
    let count = async || keeping.tables("S").await.expect("tables").len();
    assert_eq!((count().await, keeping.schemas().await.expect("schemas").len()), (1, 1));
    setting.other.put("other", "file:///other/");
    assert_eq!((count().await, keeping.schemas().await.expect("schemas").len()), (1, 1));
    assert_eq!(setting.other.asked(), 2);
    keeping.create_table(&definition("s", "third", "file:///third/")).await.expect("created");
    assert_eq!(count().await, 3);
    keeping.drop_table("s", "third").await.expect("dropped");
    assert_eq!(count().await, 2);
    setting.pass(HOUR);
    setting.other.remove("other");
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_asked_for_again() {
    let setting = Setting::new(HOUR, HOUR);
    assert_eq!(setting.location("later").await, None);
    setting.other.put("later", "file:///later/");
    assert_eq!(setting.location("later").await, at("later"));
}

#[tokio::test]
async fn many_who_ask_at_once_ask_once_though_the_first_one_goes() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.other.hold(true);
    let first = setting.begin("t").await;
    let others: Vec<_> =
        (0..8).map(|_| tokio::spawn(statement(setting.keeping.clone(), "t".to_owned()))).collect();
    // They run until they wait.
    tokio::task::yield_now().await;
    first.abort();
    first.await.expect_err("it went");
    setting.other.release(1);
    for task in others {
        let (location, stale) = task.await.expect("joined");
        assert_eq!((location.expect("an answer"), stale), (at("old"), Vec::new()));
    }
    assert_eq!(setting.other.asked(), 1);
    let count = |source| setting.metrics.kept_answers.get("hive", source);
    assert_eq!((count(Source::Joined), count(Source::Stale)), (8, 0));
    setting.other.hold(false);
    setting.other.put("t", "file:///new/");
    assert_eq!(setting.location("t").await, at("new"));
}

#[tokio::test]
async fn a_question_that_everybody_left_is_answered_for_the_next() {
    let setting = Setting::new(HOUR, HOUR);
    setting.other.hold(true);
    setting.begin("t").await.abort();
    setting.other.release(1);
    setting.land().await;
    assert_eq!(setting.location("t").await, at("old"));
    assert_eq!(setting.other.asked(), 1);
}

#[tokio::test]
async fn refresh_neither_joins_nor_believes_a_question_that_began_before_it() {
    let setting = Setting::new(HOUR, HOUR);
    setting.other.hold(true);
    let before = setting.begin("t").await;
    setting.other.put("t", "file:///new/");
    let keeping = setting.keeping.clone();
    let refresh = tokio::spawn(async move { keeping.refresh("S", "T").await });
    setting.other.come(2).await;
    setting.other.release(2);
    assert!(refresh.await.expect("joined").expect("an answer"));
    assert_eq!(setting.location("t").await, at("new"));
    setting.other.release(1);
    assert_eq!(before.await.expect("joined").0.expect("an answer"), at("old"));
    assert_eq!(setting.location("t").await, at("new"));
    assert_eq!(setting.other.asked(), 2);
}

#[tokio::test]
async fn what_was_asked_before_refresh_is_not_new_when_it_comes_first() {
    let setting = Setting::new(HOUR, HOUR);
    setting.other.hold(true);
    let before = setting.begin("t").await;
    setting.other.put("t", "file:///new/");
    let keeping = setting.keeping.clone();
    let refresh = tokio::spawn(async move { keeping.refresh("s", "t").await });
    setting.other.come(2).await;
    setting.other.release(1);
    assert_eq!(before.await.expect("joined").0.expect("an answer"), at("old"));
    // It joins the question of the one who refreshes.
    let after = tokio::spawn(statement(setting.keeping.clone(), "t".to_owned()));
    tokio::task::yield_now().await;
    setting.other.release(2);
    assert_eq!(after.await.expect("joined").0.expect("an answer"), at("new"));
    refresh.await.expect("joined").expect("an answer");
    assert_eq!(setting.other.asked(), 2);
}

#[tokio::test]
async fn refresh_tells_whether_a_table_is_there_and_asks_once() {
    let setting = Setting::new(HOUR, HOUR);
    assert!(setting.keeping.refresh("s", "t").await.expect("an answer"));
    assert!(!setting.keeping.refresh("s", "none").await.expect("an answer"));
    assert_eq!(setting.other.asked(), 2);
}

#[tokio::test]
async fn refresh_is_for_partitions_too() {
    let setting = Setting::new(HOUR, HOUR);
    let table = definition("s", "t", "file:///old/");
    for _ in 0..2 {
        setting.keeping.partitions(&table, &Predicate::new()).await.expect("partitions");
    }
    assert_eq!(setting.other.asked(), 1);
    setting.keeping.refresh("s", "t").await.expect("an answer");
    setting.keeping.partitions(&table, &Predicate::new()).await.expect("partitions");
    assert_eq!(setting.other.asked(), 3);
}

#[tokio::test]
async fn a_kept_partition_whose_folder_is_gone_is_asked_for_anew() {
    let setting = Setting::new(HOUR, HOUR);
    let table = definition("s", "t", "file:///old/");
    let may_be_absent = async || {
        let found = setting.keeping.partitions(&table, &Predicate::new()).await;
        found.expect("partitions").expect("known").iter().all(|it| it.may_be_absent)
    };
    assert!(may_be_absent().await);
    assert!(!may_be_absent().await);
    let statement = StaleAnswers::default();
    statement.ask_anew();
    assert!(statement.collect(may_be_absent()).await);
    assert_eq!(setting.other.asked(), 2);
}

#[tokio::test]
async fn a_kept_table_whose_folder_is_gone_is_asked_for_anew() {
    let setting = Setting::new(HOUR, HOUR);
    setting.other.put_absent("empty", "s3://bucket/empty");
    let may_be_absent = async || {
        let found = setting.keeping.table("s", "empty").await.expect("an answer");
        found.and_then(Definition::into_table).expect("a table").may_be_absent
    };
    assert!(may_be_absent().await);
    assert!(!may_be_absent().await);
    let statement = StaleAnswers::default();
    statement.ask_anew();
    assert!(statement.collect(may_be_absent()).await);
    assert_eq!(setting.other.asked(), 2);
}

#[tokio::test]
async fn projected_partitions_are_not_kept() {
    let setting = Setting::new(HOUR, HOUR);
    let projection = PartitionProjection {
        columns: vec![ColumnProjection::Injected],
        location: vec![LocationPart::Value(0)],
    };
    let table = TableDefinition {
        partition_projection: Some(projection),
        ..definition("s", "t", "file:///old/")
    };
    for _ in 0..2 {
        setting.keeping.partitions(&table, &Predicate::new()).await.expect("partitions");
    }
    assert_eq!(setting.other.asked(), 2);
}

#[tokio::test]
async fn numbers_of_partitions_are_kept_like_partitions() {
    let setting = Setting::new(HOUR, 2 * HOUR);
    let table = definition("s", "t", "file:///old/");
    let count = async || setting.keeping.partitions_total(&table).await.expect("a number");
    assert_eq!(count().await, Some(1));
    // As many as tables, in this metastore.
    setting.other.put("u", "file:///u/");
    assert_eq!((count().await, setting.other.asked()), (Some(1), 1));
    setting.pass(HOUR);
    assert_eq!((count().await, setting.other.asked()), (Some(2), 2));
    setting.keeping.refresh("s", "t").await.expect("an answer");
    assert_eq!((count().await, setting.other.asked()), (Some(2), 4));
    setting.other.fail(Some(mooring_spi::ErrorKind::SourceUnavailable));
    setting.pass(HOUR);
    assert_eq!(count().await, Some(2));
    let moved = definition("s", "t", "file:///new/");
    setting.keeping.partitions_total(&moved).await.expect_err("never asked");
}

#[tokio::test]
async fn a_change_here_is_read_at_once_though_a_question_is_on_its_way() {
    let setting = Setting::new(HOUR, HOUR);
    setting.other.hold(true);
    let before = setting.begin("t").await;
    setting.other.hold(false);
    let new = definition("s", "t", "file:///new/");
    setting.keeping.replace_table(&new).await.expect("replaced");
    setting.other.release(1);
    assert_eq!(before.await.expect("joined").0.expect("an answer"), at("old"));
    assert_eq!(setting.location("t").await, at("new"));
    setting.keeping.drop_schema("s", true).await.expect("dropped");
    assert_eq!(setting.location("t").await, None);
}

#[tokio::test]
async fn what_serves_is_counted() {
    let setting = Setting::new(MINUTE, HOUR);
    setting.location("t").await;
    setting.location("t").await;
    setting.pass(MINUTE);
    setting.other.fail(Some(mooring_spi::ErrorKind::SourceUnavailable));
    setting.statement("t").await.0.expect("an old answer");
    let count = |source| setting.metrics.kept_answers.get("hive", source);
    let counts = (count(Source::Miss), count(Source::Hit), count(Source::Stale));
    assert_eq!(counts, (1, 1, 1));
}
