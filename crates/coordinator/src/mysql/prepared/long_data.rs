//! Parameters that come ahead of their execution, piece by piece (COM_STMT_SEND_LONG_DATA).

use super::super::error::WireError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a parameter counts for at least: pieces without bytes are not for nothing.
const PARAMETER_MIN_BYTES: usize = 64;

/// How much is kept for all statements of a connection together. Counted as it changes: a client
/// may send many short pieces for many statements.
#[derive(Debug)]
pub(super) struct LongDataLimit {
    bytes_max: usize,
    kept_bytes: AtomicUsize,
}

impl LongDataLimit {
    pub(super) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, kept_bytes: AtomicUsize::new(0) })
    }

    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let kept = self.kept_bytes().checked_add(bytes).filter(|kept| *kept <= self.bytes_max);
        if let Some(kept) = kept {
            // One connection's alone, whose commands run one after the other.
            self.kept_bytes.store(kept, Ordering::Relaxed);
        }
        kept.is_some()
    }
}

/// What has come for one statement.
#[derive(Debug)]
pub(super) struct LongData {
    limit: Arc<LongDataLimit>,
    /// This statement's share of what the limit counts.
    bytes: usize,
    values: BTreeMap<u16, Vec<u8>>,
    error: Option<WireError>,
}

impl LongData {
    pub(super) fn new(limit: Arc<LongDataLimit>) -> Self {
        Self { limit, bytes: 0, values: BTreeMap::new(), error: None }
    }

    /// Keeps a piece; `parameters` is how many the statement has. After an error nothing is kept.
    pub(super) fn add(&mut self, parameter: u16, data: &[u8], parameters: usize) {
        if self.error.is_some() {
            return;
        }
        let known = self.values.get(&parameter).map(Vec::len);
        let before = known.map_or(0, |length| length.max(PARAMETER_MIN_BYTES));
        let after = known.unwrap_or_default().saturating_add(data.len()).max(PARAMETER_MIN_BYTES);
        let bytes = after - before;
        let error = if usize::from(parameter) >= parameters {
            WireError::wrong_arguments("mysqld_stmt_send_long_data")
        } else if !self.limit.take(bytes) {
            WireError::packet_too_large()
        } else {
            self.bytes += bytes;
            return self.values.entry(parameter).or_default().extend_from_slice(data);
        };
        self.clear();
        self.error = Some(error);
    }

    /// # Errors
    /// What was wrong with a piece.
    pub(super) fn finish(&mut self) -> Result<BTreeMap<u16, Vec<u8>>, WireError> {
        let (values, error) = (std::mem::take(&mut self.values), self.error.take());
        self.clear();
        error.map_or(Ok(values), Err)
    }

    /// Forgets what has come, the error too.
    pub(super) fn reset(&mut self) {
        self.clear();
        self.error = None;
    }

    fn clear(&mut self) {
        self.values.clear();
        self.limit.kept_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for LongData {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_by_parameter() {
        let limit = LongDataLimit::new(1000);
        let mut data = LongData::new(limit.clone());
        data.add(1, b"ab", 2);
        data.add(0, b"", 2);
        data.add(1, b"cd", 2);
        assert_eq!(limit.kept_bytes(), 2 * PARAMETER_MIN_BYTES);
        let expected = BTreeMap::from([(0, Vec::new()), (1, b"abcd".to_vec())]);
        assert_eq!(data.finish(), Ok(expected));
        assert_eq!(limit.kept_bytes(), 0);
    }

    #[test]
    fn too_much_and_a_wrong_number_are_told_at_the_end() {
        for (parameter, data, errno) in [(0, &[7; 100][..], 1153), (1, b"a", 1210)] {
            let limit = LongDataLimit::new(100);
            let mut kept = LongData::new(limit.clone());
            kept.add(0, b"x", 1);
            kept.add(parameter, data, 1);
            assert_eq!(limit.kept_bytes(), 0);
            kept.add(0, b"y", 1);
            assert_eq!(kept.finish().expect_err("refused").errno, errno);
        }
    }

    #[test]
    fn statements_share_the_room_and_pieces_without_bytes_take_some() {
        let limit = LongDataLimit::new(100 * PARAMETER_MIN_BYTES);
        let mut first = LongData::new(limit.clone());
        for parameter in 0..60 {
            first.add(parameter, b"", 65_535);
        }
        let mut second = LongData::new(limit.clone());
        for parameter in 0..60 {
            second.add(parameter, b"", 65_535);
        }
        assert_eq!(second.finish().expect_err("too much").errno, 1153);
        drop(first);
        assert_eq!(limit.kept_bytes(), 0);
    }
}
