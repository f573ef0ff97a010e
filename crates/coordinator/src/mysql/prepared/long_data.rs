//! Parameters that come ahead of their execution, piece by piece (COM_STMT_SEND_LONG_DATA).

use super::super::error::WireError;
use std::collections::BTreeMap;

/// What has come for one statement.
#[derive(Debug, Default)]
pub(super) struct LongData {
    values: BTreeMap<u16, Vec<u8>>,
    error: Option<WireError>,
}

impl LongData {
    /// Keeps a piece; `parameters` is how many the statement has, `room` how many bytes may be kept
    /// yet. After an error nothing is kept.
    pub(super) fn add(&mut self, parameter: u16, data: &[u8], parameters: usize, room: usize) {
        if self.error.is_some() {
            return;
        }
        let error = if usize::from(parameter) >= parameters {
            WireError::wrong_arguments("mysqld_stmt_send_long_data")
        } else if data.len() > room {
            WireError::packet_too_large()
        } else {
            return self.values.entry(parameter).or_default().extend_from_slice(data);
        };
        self.values.clear();
        self.error = Some(error);
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.values().map(Vec::len).sum()
    }

    /// # Errors
    /// What was wrong with a piece.
    pub(super) fn finish(self) -> Result<BTreeMap<u16, Vec<u8>>, WireError> {
        match self.error {
            None => Ok(self.values),
            Some(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_by_parameter() {
        let mut data = LongData::default();
        data.add(1, b"ab", 2, 100);
        data.add(0, b"", 2, 100);
        data.add(1, b"cd", 2, 100);
        assert_eq!(data.bytes(), 4);
        let expected = BTreeMap::from([(0, Vec::new()), (1, b"abcd".to_vec())]);
        assert_eq!(data.finish(), Ok(expected));
    }

    #[test]
    fn too_much_and_a_wrong_number_are_told_at_the_end() {
        for (parameter, data, errno) in [(0, &b"abc"[..], 1153), (1, b"a", 1210)] {
            let mut kept = LongData::default();
            kept.add(0, b"x", 1, 2);
            kept.add(parameter, data, 1, 2);
            assert_eq!(kept.bytes(), 0);
            kept.add(0, b"y", 1, 2);
            assert_eq!(kept.finish().expect_err("refused").errno, errno);
        }
    }
}
