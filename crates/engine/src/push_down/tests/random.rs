//! Random statements, pushed down and not. `MOORING_TEST_SEED` sets where they begin; a failure names the statement's
//! own seed and what the source refuses.

use super::PushDownMode;
use super::session::TestSession;
use super::statements::{Random, statement};
use mooring_spi::ErrorKind;

const STATEMENTS: u64 = 2_000;
/// Queries inside of queries need a deep stack to be planned.
const STACK_BYTES: usize = 64 << 20;

#[derive(Debug, Default)]
struct Counts {
    answered: u64,
    /// An error both ways.
    refused: u64,
    pushed: u64,
    /// More rows than the source takes pairs of.
    too_large: u64,
}

async fn compare(session: &TestSession, seed: u64, counts: &mut Counts) {
    let sql = statement(seed);
    // Every other statement meets a source that does not do everything.
    let mut random = Random(seed.rotate_left(17));
    let refused = match seed % 2 {
        0 => 0,
        _ => random.next() & random.next() & random.next(),
    };
    session.source.refuse(refused);
    let context = || format!("seed {seed}, refused {refused:#x}: {sql}");
    let here = session.rows(&sql, PushDownMode::Off).await;
    let before = session.source.statements();
    let there = session.rows(&sql, PushDownMode::On).await;
    match (here, there) {
        (Ok(here), Ok(there)) => {
            if here != there {
                let plan = session.explain(&sql, PushDownMode::On).await;
                let off = session.explain(&sql, PushDownMode::Off).await;
                panic!("{}\nhere {here:?}\nthere {there:?}\n{off}\n{plan}", context());
            }
            counts.answered += 1;
            counts.pushed += u64::from(session.source.statements() > before);
        }
        (Err(_), Err(_)) => counts.refused += 1,
        (Ok(_), Err(error)) if error.kind() == ErrorKind::LimitExceeded => counts.too_large += 1,
        (Ok(_), Err(error)) => panic!("an error only when pushed, {}: {error}", context()),
        (Err(error), Ok(_)) => panic!("an error only when not pushed, {}: {error}", context()),
    }
}

async fn compare_all(first: u64) -> Counts {
    let session = TestSession::new(2);
    let mut counts = Counts::default();
    for seed in first..first + STATEMENTS {
        compare(&session, seed, &mut counts).await;
    }
    counts
}

#[test]
fn random_statements_have_one_answer() {
    let seed = std::env::var("MOORING_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let first = seed.unwrap_or(1);
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(compare_all(first))
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).expect("a thread");
    let counts = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    println!("{STATEMENTS} statements from seed {first}: {counts:?}");
    assert!(counts.answered * 10 > STATEMENTS * 8, "{counts:?}");
    assert!(counts.pushed * 2 > STATEMENTS, "{counts:?}");
}
