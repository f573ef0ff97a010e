//! One query: what was asked by whom, how far it is, and how it ended.

use crate::statement::without_secrets;
use mooring_engine::QueryTasks;
use mooring_spi::{Error, ErrorKind};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryState {
    Received,
    Queued,
    Planning,
    Running,
    /// All rows are there; the tasks report what they did.
    Finishing,
    Finished,
    Failed,
    Cancelled,
}

impl QueryState {
    pub fn as_str(self) -> &'static str {
        match self {
            QueryState::Received => "received",
            QueryState::Queued => "queued",
            QueryState::Planning => "planning",
            QueryState::Running => "running",
            QueryState::Finishing => "finishing",
            QueryState::Finished => "finished",
            QueryState::Failed => "failed",
            QueryState::Cancelled => "cancelled",
        }
    }

    pub fn is_final(self) -> bool {
        match self {
            QueryState::Finished | QueryState::Failed | QueryState::Cancelled => true,
            QueryState::Received
            | QueryState::Queued
            | QueryState::Planning
            | QueryState::Running
            | QueryState::Finishing => false,
        }
    }
}

/// What a session asks for.
#[derive(Debug, Clone)]
pub struct NewQuery<'a> {
    pub user: &'a str,
    pub connection_id: u32,
    pub statement: &'a str,
    pub time_limit: Option<Duration>,
}

/// Bytes of a statement's text that lists keep.
const LISTED_STATEMENT_BYTES: usize = 64 * 1024;

/// The text as lists keep it: without secrets, and bounded.
pub(crate) fn shortened(statement: &str) -> String {
    let statement = without_secrets(statement);
    let mut end = statement.len().min(LISTED_STATEMENT_BYTES);
    while !statement.is_char_boundary(end) {
        end -= 1;
    }
    statement[..end].to_string()
}

/// How a query ended.
#[derive(Debug, Clone)]
pub enum QueryOutcome {
    Finished,
    Failed(Error),
    Cancelled,
}

/// A version 7 UUID (RFC 9562, section 5.7) as 32 digits: the time in ms, then a counter, so that ids
/// sort as their queries came, then what is random in each process. uuid's own takes random bytes from
/// the kernel for each. A clock that is put back stands still here until it is past.
fn new_id(received: SystemTime) -> String {
    static RANDOM: LazyLock<u32> = LazyLock::new(rand::random);
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    static LAST_MS: AtomicU64 = AtomicU64::new(0);
    let since_1970 = received.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(since_1970.as_millis()).unwrap_or_default();
    let time_ms = now_ms.max(LAST_MS.fetch_max(now_ms, Ordering::Relaxed));
    let count = u128::from(COUNTER.fetch_add(1, Ordering::Relaxed));
    let (count_high, count_low) = (count >> 30 & 0xfff, count & 0x3fff_ffff);
    let (version, variant) = (7_u128 << 76, 2_u128 << 62);
    let bits = u128::from(time_ms) << 80
        | version
        | count_high << 64
        | variant
        | count_low << 32
        | u128::from(*RANDOM);
    Uuid::from_u128(bits).simple().to_string()
}

#[derive(Debug)]
pub struct Query {
    pub id: String,
    pub user: String,
    pub connection_id: u32,
    pub statement: String,
    pub received: SystemTime,
    pub tasks: Arc<QueryTasks>,
    /// Cancelling it stops the query wherever it is.
    pub cancel: CancellationToken,
    /// The session's `max_execution_time`.
    pub time_limit: Option<Duration>,
    started: Instant,
    timed_out: AtomicBool,
    rows: AtomicU64,
    bytes: AtomicU64,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    state: QueryState,
    attempts: u32,
    error: Option<Error>,
    elapsed: Option<Duration>,
}

impl Query {
    pub(super) fn new(request: &NewQuery<'_>) -> Self {
        let received = SystemTime::now();
        Self {
            id: new_id(received),
            user: request.user.to_string(),
            connection_id: request.connection_id,
            statement: shortened(request.statement),
            received,
            tasks: Arc::default(),
            cancel: CancellationToken::new(),
            time_limit: request.time_limit,
            timed_out: AtomicBool::new(false),
            started: Instant::now(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            progress: Mutex::new(Progress {
                state: QueryState::Received,
                attempts: 0,
                error: None,
                elapsed: None,
            }),
        }
    }

    /// Stops the query because its time is up.
    pub(super) fn time_out(&self) {
        self.timed_out.store(true, Ordering::SeqCst);
        self.cancel.cancel();
    }

    pub(super) fn timed_out(&self) -> Option<Error> {
        let limit = self.time_limit.filter(|_| self.timed_out.load(Ordering::SeqCst))?;
        Some(Error::new(
            ErrorKind::TimedOut,
            format!(
                "query execution was interrupted, maximum statement execution time exceeded ({} ms)",
                limit.as_millis()
            ),
        ))
    }

    pub fn state(&self) -> QueryState {
        self.progress.lock().state
    }

    pub fn attempts(&self) -> u32 {
        self.progress.lock().attempts
    }

    pub fn error(&self) -> Option<Error> {
        self.progress.lock().error.clone()
    }

    /// From its arrival to its end, or to now.
    pub fn elapsed(&self) -> Duration {
        self.progress.lock().elapsed.unwrap_or_else(|| self.started.elapsed())
    }

    /// Rows and bytes of Arrow data that the result had so far.
    pub fn output(&self) -> (u64, u64) {
        (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    pub(super) fn add_output(&self, rows: usize, bytes: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Moves on, unless the query has ended.
    pub(super) fn advance(&self, state: QueryState) {
        let mut progress = self.progress.lock();
        if !progress.state.is_final() {
            progress.state = state;
        }
    }

    pub(super) fn begin_attempt(&self) {
        let mut progress = self.progress.lock();
        if progress.attempts > 0 {
            self.tasks.next_attempt();
        }
        progress.attempts += 1;
    }

    /// Ends the query; answers false when it had ended before.
    pub(super) fn end(&self, outcome: &QueryOutcome) -> bool {
        let mut progress = self.progress.lock();
        if progress.state.is_final() {
            return false;
        }
        progress.elapsed = Some(self.started.elapsed());
        match outcome {
            QueryOutcome::Finished => {
                progress.state = QueryState::Finished;
                self.tasks.settle();
            }
            QueryOutcome::Cancelled => progress.state = QueryState::Cancelled,
            QueryOutcome::Failed(error) => {
                progress.state = QueryState::Failed;
                progress.error = Some(error.clone());
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_queries_come() {
        // After all that other tests may have.
        let received = SystemTime::UNIX_EPOCH + Duration::from_millis(0x7123_4567_89ab);
        let put_back = received - Duration::from_secs(1);
        let times = (0..5_000).map(|query| if query < 2_500 { received } else { put_back });
        let ids: Vec<String> = times.map(new_id).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
        let id = Uuid::parse_str(&ids[0]).expect("a UUID");
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        assert!(ids[0].starts_with("7123456789ab7"));
    }

    #[test]
    fn no_list_has_a_password() {
        let statement = "SELECT 1; ALTER USER a IDENTIFIED BY 's3cret'";
        let query =
            Query::new(&NewQuery { user: "a", connection_id: 1, statement, time_limit: None });
        assert!(!format!("{query:?}").contains("s3cret"));
        let long = format!("{}ü", "x".repeat(LISTED_STATEMENT_BYTES - 1));
        assert_eq!(shortened(&long).len(), LISTED_STATEMENT_BYTES - 1);
    }
}
