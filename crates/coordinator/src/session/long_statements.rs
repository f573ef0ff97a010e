//! Long statements wait for each other: what is made of a text to plan it takes up to a hundred times
//! its bytes, and many clients may send long ones at once.

use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A text up to here waits for nothing.
pub(super) const SHORT_BYTES: usize = 64 * 1024;
/// What the texts that are longer may have together. One that is longer than that comes alone.
const TOGETHER_KIB: u32 = 8 * 1024;

#[derive(Debug)]
pub(super) struct LongStatements(Arc<Semaphore>);

/// The right to read and plan one; given back when dropped.
#[derive(Debug)]
pub struct LongStatement(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Default for LongStatements {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TOGETHER_KIB as usize)))
    }
}

impl LongStatements {
    /// `None` for a short one.
    ///
    /// # Errors
    /// `LimitExceeded` after `patience`.
    pub(super) async fn admit(
        &self,
        length: usize,
        patience: Duration,
    ) -> Result<Option<LongStatement>> {
        if length <= SHORT_BYTES {
            return Ok(None);
        }
        let share = u32::try_from(length / 1024).unwrap_or(TOGETHER_KIB).min(TOGETHER_KIB);
        let admitted = self.0.clone().acquire_many_owned(share);
        match tokio::time::timeout(patience, admitted).await {
            Ok(Ok(permit)) => Ok(Some(LongStatement(permit))),
            Ok(Err(_)) | Err(_) => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "a statement of {length} bytes waited {} ms for other long ones to be planned; \
                     try again later, or send long values as parameters",
                    patience.as_millis()
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_ones_wait_and_short_ones_do_not() {
        let statements = LongStatements::default();
        let admit = |length| statements.admit(length, Duration::from_millis(1));
        let first = admit(1 << 30).await.expect("admitted");
        assert!(admit(SHORT_BYTES).await.expect("at once").is_none());
        let late = admit(SHORT_BYTES + 1).await.expect_err("it waits");
        assert_eq!(late.kind(), ErrorKind::LimitExceeded);
        drop(first);
        assert!(admit(SHORT_BYTES + 1).await.expect("admitted").is_some());
    }
}
