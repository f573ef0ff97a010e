//! Long statements wait for each other: what is made of a text to plan it takes up to a hundred times
//! its bytes, and many clients may send long ones at once.

use tokio::sync::{Semaphore, SemaphorePermit};

/// A text up to here waits for nothing.
pub(super) const SHORT_BYTES: usize = 64 * 1024;
/// What the texts that are longer may have together. One that is longer than that comes alone.
const TOGETHER_KIB: u32 = 8 * 1024;

#[derive(Debug)]
pub(super) struct LongStatements(Semaphore);

/// The right to read and plan one; given back when dropped.
#[derive(Debug)]
pub(super) struct LongStatement<'a>(
    #[expect(dead_code, reason = "held for its drop")] SemaphorePermit<'a>,
);

impl Default for LongStatements {
    fn default() -> Self {
        Self(Semaphore::new(TOGETHER_KIB as usize))
    }
}

impl LongStatements {
    /// `None` for a short one.
    pub(super) async fn admit(&self, length: usize) -> Option<LongStatement<'_>> {
        if length <= SHORT_BYTES {
            return None;
        }
        let share = u32::try_from(length / 1024).unwrap_or(TOGETHER_KIB).min(TOGETHER_KIB);
        self.0.acquire_many(share).await.ok().map(LongStatement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn long_ones_wait_and_short_ones_do_not() {
        let statements = LongStatements::default();
        let first = statements.admit(1 << 30).now_or_never().expect("admitted");
        assert!(statements.admit(SHORT_BYTES + 1).now_or_never().is_none(), "it waits");
        assert!(statements.admit(SHORT_BYTES).now_or_never().expect("at once").is_none());
        drop(first);
        assert!(statements.admit(SHORT_BYTES + 1).now_or_never().expect("admitted").is_some());
    }
}
