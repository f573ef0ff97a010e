//! Letting go of tasks that have ended.
//!
//! datafusion-distributed 4.0 keeps a task's plan in a cache of moka, and takes it out when the task's
//! channel to the coordinator closes. moka lets go of what was taken out only when the cache is used
//! again, 300 ms later or more. Until then the plan is there, and with it all that a plan holds: a
//! cancelled task computes on in the tasks that its exchanges have started, and a finished one keeps the
//! hash tables of its joins. A worker may have nothing else to do for hours.

use crate::gate::Drain;
use datafusion_distributed::{MaybeEncoded, SetPlanRequest, TaskKey, Worker};
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use uuid::Uuid;

/// The first use past moka's interval takes plans out of the cache's log, some of the next ones out of
/// its deferred garbage: together eight tenths of a second.
const PAUSE: Duration = Duration::from_millis(100);
const USES: usize = 8;
/// An option of datafusion-distributed that is a number, as it travels.
const OPTION: &str = "x-datafusion-distributed-config-distributed.shuffle_batch_size";

/// Uses the cache after tasks have ended, as long as the process lives.
pub(crate) async fn let_go(worker: Worker, drain: Arc<Drain>) {
    let mut ended = drain.watch_ended();
    while ended.changed().await.is_ok() {
        for _ in 0..USES {
            tokio::time::sleep(PAUSE).await;
            use_cache(&worker).await;
        }
    }
}

/// Sets a plan under options that cannot be read, which is refused before a session is made for it:
/// the same one each time, so that the cache has one entry of it.
async fn use_cache(worker: &Worker) {
    let Ok(nowhere) = Url::parse("http://127.0.0.1") else {
        return;
    };
    let request = SetPlanRequest {
        task_key: TaskKey { query_id: Uuid::nil(), stage_id: 0, task_number: 0 },
        task_count: 1,
        plan: MaybeEncoded::Encoded(Vec::new()),
        work_unit_feed_declarations: Vec::new(),
        target_worker_url: nowhere,
        query_start_time_ns: 0,
    };
    let wrong = (HeaderName::from_static(OPTION), HeaderValue::from_static("none"));
    let headers = HeaderMap::from_iter([wrong]);
    // The cache has been used by the time it is refused.
    let _ = worker.coordinator_channel(headers, request, stream::empty().boxed()).await;
}
