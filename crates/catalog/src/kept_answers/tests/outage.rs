//! What serves while the metastore is away, and what does not.

use super::*;
use mooring_spi::ErrorKind;

const AWAY: Option<ErrorKind> = Some(ErrorKind::SourceUnavailable);

fn is_away<T: std::fmt::Debug>(answer: Result<T>) {
    assert_eq!(answer.expect_err("no answer").kind(), ErrorKind::SourceUnavailable);
}

#[tokio::test]
async fn what_was_said_last_serves_with_its_age_until_the_metastore_is_back() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.location("t").await;
    setting.other.fail(AWAY);
    setting.pass(MINUTE);
    let stale = StaleAnswers::default();
    stale.collect(setting.keeping.table("s", "t")).await.expect("an old answer");
    let warnings = stale.take();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].age >= MINUTE);
    let text = warnings[0].to_string();
    assert!(text.contains("catalog `hive`") && text.contains(" s old"), "{text}");
    assert!(text.contains("`other` is gone"), "{text}");
    is_away(setting.statement("never_asked").await.0);
    is_away(setting.keeping.refresh("s", "t").await);
    assert_eq!(setting.statement("t").await.1, [1]);
    setting.other.fail(None);
    setting.other.put("t", "file:///new/");
    // What looks whether it is back may have asked before that, and then the next statement looks again.
    setting.land().await;
    setting.statement("t").await.0.expect("an answer");
    setting.land().await;
    assert_eq!(setting.location("t").await, at("new"));
}

#[tokio::test]
async fn a_warning_goes_to_who_got_the_old_answer_and_to_nobody_else() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.other.put("u", "file:///u/");
    setting.location("t").await;
    setting.other.hold(true);
    setting.other.fail(AWAY);
    let old = setting.begin("t").await;
    setting.other.fail(None);
    let new = setting.begin("u").await;
    setting.other.release(2);
    let waiting = setting.begin("v").await;
    setting.other.release(3);
    let (location, stale) = new.await.expect("joined");
    assert_eq!((location.expect("an answer"), stale), (at("u"), Vec::new()));
    let (location, stale) = old.await.expect("joined");
    assert_eq!((location.expect("an answer"), stale), (at("old"), vec![0]));
    setting.other.release(4);
    let (location, stale) = waiting.await.expect("joined");
    assert_eq!((location.expect("an answer"), stale), (None, Vec::new()));
}

#[tokio::test]
async fn nobody_waits_for_a_metastore_that_is_away_and_one_looks_for_it() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.other.put("u", "file:///u/");
    setting.location("t").await;
    setting.location("u").await;
    setting.other.fail(AWAY);
    setting.statement("t").await.0.expect("an old answer");
    assert_eq!(setting.other.asked(), 3);
    // From now on it swallows what it is asked.
    setting.other.hold(true);
    for _ in 0..3 {
        for table in ["t", "u"] {
            let (location, stale) = setting.statement(table).await;
            assert!(location.expect("an old answer").is_some());
            assert_eq!(stale, [0]);
        }
    }
    setting.other.come(4).await;
    assert_eq!(setting.other.asked(), 4);
    setting.other.release(4);
    setting.land().await;
    // That one failed; the next one finds the metastore back.
    setting.other.hold(false);
    setting.other.fail(None);
    assert_eq!(setting.statement("u").await.1, [0]);
    setting.land().await;
    assert_eq!(setting.location("t").await, at("old"));
    assert_eq!(setting.other.asked(), 6);
}

#[tokio::test]
async fn statistics_are_not_asked_for_while_the_metastore_is_away() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    let table = definition("s", "t", "file:///old/");
    setting.location("t").await;
    setting.other.fail(AWAY);
    setting.statement("t").await.0.expect("an old answer");
    let asked = setting.other.asked();
    assert_eq!(setting.keeping.statistics(&table).await.expect("none"), None);
    assert_eq!(setting.other.asked(), asked);
    setting.other.fail(None);
    setting.statement("t").await.0.expect("an old answer");
    setting.land().await;
    assert!(setting.keeping.statistics(&table).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_refusal_is_no_outage_and_ends_what_was_kept() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.location("t").await;
    setting.other.fail(Some(ErrorKind::AccessDenied));
    let (refused, stale) = setting.statement("t").await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::AccessDenied);
    assert!(stale.is_empty());
    setting.other.fail(AWAY);
    is_away(setting.statement("t").await.0);
}

#[tokio::test]
async fn a_schema_that_was_dropped_is_listed_no_more() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.keeping.tables("s").await.expect("tables");
    setting.other.fail(Some(ErrorKind::SchemaNotFound));
    setting.keeping.tables("s").await.expect_err("dropped");
    setting.other.fail(AWAY);
    is_away(setting.keeping.tables("s").await);
}

#[tokio::test]
async fn a_dropped_table_does_not_come_back_nor_do_its_partitions() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    let table = definition("s", "t", "file:///old/");
    setting.location("t").await;
    setting.keeping.partitions(&table, &Predicate::new()).await.expect("partitions");
    setting.other.remove("t");
    assert_eq!(setting.location("t").await, None);
    setting.other.fail(AWAY);
    is_away(setting.statement("t").await.0);
    // Made again as it was, it has none of the old one's partitions.
    setting.other.fail(None);
    setting.other.put("t", "file:///old/");
    assert_eq!(setting.location("t").await, at("old"));
    setting.other.fail(AWAY);
    assert_eq!(setting.statement("t").await.1, [0]);
    is_away(setting.keeping.partitions(&table, &Predicate::new()).await);
}

#[tokio::test]
async fn a_table_that_was_dropped_while_an_older_question_was_on_its_way_does_not_come_back() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.other.hold(true);
    let before = setting.begin("t").await;
    setting.other.remove("t");
    let keeping = setting.keeping.clone();
    let refresh = tokio::spawn(async move { keeping.refresh("s", "t").await });
    setting.other.come(2).await;
    setting.other.release(2);
    assert!(!refresh.await.expect("joined").expect("an answer"));
    setting.other.release(1);
    assert_eq!(before.await.expect("joined").0.expect("an answer"), at("old"));
    setting.other.hold(false);
    setting.other.fail(AWAY);
    is_away(setting.statement("t").await.0);
}

#[tokio::test]
async fn partitions_belong_to_one_definition_of_their_table() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    let old = definition("s", "t", "file:///old/");
    setting.keeping.partitions(&old, &Predicate::new()).await.expect("partitions");
    setting.other.fail(AWAY);
    let found = setting.keeping.partitions(&old, &Predicate::new()).await.expect("old ones");
    assert_eq!(found.expect("partitions")[0].location, "file:///old/partition/");
    let new = definition("s", "t", "file:///new/");
    is_away(setting.keeping.partitions(&new, &Predicate::new()).await);
}

#[tokio::test]
async fn an_answer_that_is_too_old_does_not_serve() {
    let setting = Setting::new(Duration::ZERO, HOUR);
    setting.location("t").await;
    setting.other.fail(AWAY);
    setting.pass(HOUR - MINUTE);
    setting.statement("t").await.0.expect("an old answer");
    setting.land().await;
    setting.pass(MINUTE);
    is_away(setting.statement("t").await.0);
}

#[tokio::test]
async fn a_change_that_fails_leaves_what_serves_in_an_outage() {
    let setting = Setting::new(HOUR, HOUR);
    setting.location("t").await;
    setting.other.fail(AWAY);
    is_away(setting.keeping.drop_table("s", "t").await);
    assert_eq!(setting.statement("t").await.1, [0]);
}

#[tokio::test]
async fn nothing_is_kept_where_it_has_no_room_or_no_use() {
    let useless = Setting::new(Duration::ZERO, Duration::ZERO);
    for setting in [useless, Setting::with_bytes(HOUR, HOUR, 300)] {
        setting.location("t").await;
        setting.keeper().settle().await;
        setting.other.fail(AWAY);
        is_away(setting.statement("t").await.0);
    }
}
