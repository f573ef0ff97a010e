//! Texts of a column, each checked when it comes.

use arrow::array::{Array, NullBufferBuilder, StringArray, StringBuilder};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;
use mooring_spi::{Error, ErrorKind, Result};

/// What is kept free for the texts of a batch before they come.
const CAPACITY_BYTES_MAX: usize = 8 << 20;

/// Most texts are ASCII, which is seen sooner than that a text is UTF-8, and costs next to nothing to check again
/// when all become an array. From the first other text of a batch on, arrow's own builder has them.
pub(super) struct TextBuilder {
    ascii: Vec<u8>,
    /// Where each text ends, behind a zero.
    ends: Vec<i32>,
    valid: NullBufferBuilder,
    others: Option<StringBuilder>,
}

impl TextBuilder {
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        let ascii = Vec::with_capacity(bytes);
        Self { ascii, ends, valid: NullBufferBuilder::new(rows), others: None }
    }

    /// # Errors
    /// `CorruptData` for what is not UTF-8.
    pub fn append_value(&mut self, value: &[u8]) -> Result<()> {
        if self.others.is_some() || !is_ascii(value) {
            return self.append_other(value);
        }
        self.ascii.extend_from_slice(value);
        self.valid.append_non_null();
        self.end()
    }

    pub fn append_null(&mut self) -> Result<()> {
        if let Some(others) = &mut self.others {
            others.append_null();
            return Ok(());
        }
        self.valid.append_null();
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let end = i32::try_from(self.ascii.len()).map_err(|_| too_long())?;
        self.ends.push(end);
        Ok(())
    }

    #[inline(never)]
    fn append_other(&mut self, value: &[u8]) -> Result<()> {
        let value = std::str::from_utf8(value).map_err(not_utf8)?;
        if self.others.is_none() {
            let rows = self.ends.capacity();
            let mut others = StringBuilder::with_capacity(rows, self.ascii.capacity());
            let ascii = self.finish_ascii().and_then(|ascii| others.append_array(&ascii));
            ascii.map_err(|error| Error::internal("texts are no column").with_cause(error))?;
            self.others = Some(others);
        }
        if let Some(others) = &mut self.others {
            others.append_value(value);
        }
        Ok(())
    }

    fn finish_ascii(&mut self) -> Result<StringArray, ArrowError> {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        let ascii = Buffer::from(std::mem::take(&mut self.ascii));
        StringArray::try_new(ends, ascii, self.valid.finish())
    }

    /// The next batch has probably as many texts of about the same length, so that its builder need not grow step
    /// by step.
    pub fn finish(&mut self) -> Result<StringArray, ArrowError> {
        let mut texts = match self.others.take() {
            Some(mut others) => others.finish(),
            None => self.finish_ascii()?,
        };
        let (rows, bytes) = (texts.len(), texts.values().len());
        *self = Self::with_capacity(rows, (bytes + bytes / 16).min(CAPACITY_BYTES_MAX));
        if texts.get_buffer_memory_size() / 2 > bytes + rows * size_of::<i32>() {
            texts.shrink_to_fit();
        }
        Ok(texts)
    }
}

/// As the method of slices, which is slower for texts of a few words.
fn is_ascii(value: &[u8]) -> bool {
    let Some(last) = value.last_chunk() else { return value.iter().all(u8::is_ascii) };
    let (words, _) = value.as_chunks();
    let all =
        words.iter().fold(u64::from_ne_bytes(*last), |all, word| all | u64::from_ne_bytes(*word));
    all & 0x8080_8080_8080_8080 == 0
}

#[cold]
fn not_utf8(error: std::str::Utf8Error) -> Error {
    let message = format!(
        "a text is not UTF-8 after {} bytes; is the database's encoding SQL_ASCII?",
        error.valid_up_to()
    );
    Error::new(ErrorKind::CorruptData, message)
}

#[cold]
fn too_long() -> Error {
    Error::new(ErrorKind::InvalidValue, "the texts of a batch are longer than 2 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn append(builder: &mut TextBuilder, texts: &[Option<String>]) {
        for text in texts {
            match text {
                Some(text) => builder.append_value(text.as_bytes()),
                None => builder.append_null(),
            }
            .expect("a text");
        }
    }

    /// Some of them ASCII alone.
    fn texts() -> impl Strategy<Value = Vec<Option<String>>> {
        let text = prop_oneof![4 => "[ -~]{0,40}", 1 => any::<String>()];
        proptest::collection::vec(proptest::option::of(text), 0..20)
    }

    proptest! {
        #[test]
        fn texts_come_back(batches in proptest::collection::vec(texts(), 1..4)) {
            let mut builder = TextBuilder::with_capacity(4, 0);
            for batch in batches {
                append(&mut builder, &batch);
                prop_assert_eq!(builder.finish().expect("an array"), StringArray::from(batch));
            }
        }

        #[test]
        fn ascii_is_seen(value: Vec<u8>, ascii in "[\\x00-\\x7f]{0,40}", at in 0..40_usize) {
            prop_assert_eq!(is_ascii(&value), value.is_ascii());
            prop_assert!(is_ascii(ascii.as_bytes()));
            let mut other = ascii.into_bytes();
            other.insert(at.min(other.len()), 0x80);
            prop_assert!(!is_ascii(&other));
        }
    }

    #[test]
    fn halves_of_a_character_are_no_texts() {
        let [first, second] = [0xc3, 0xa5]; // `å`
        let mut builder = TextBuilder::with_capacity(4, 0);
        append(&mut builder, &[Some("a".to_owned())]);
        for value in [[b'b', first].as_slice(), &[second]] {
            let error = builder.append_value(value).expect_err("a half");
            let valid = value.len() - 1;
            assert_eq!(error.kind(), ErrorKind::CorruptData);
            assert_eq!(
                error.message(),
                format!(
                    "a text is not UTF-8 after {valid} bytes; is the database's encoding SQL_ASCII?"
                )
            );
        }
    }

    #[test]
    fn a_small_batch_behind_a_great_one_is_small() {
        let mut builder = TextBuilder::with_capacity(0, 0);
        for rows in [1000, 1] {
            append(&mut builder, &vec![Some("ten bytes.".to_owned()); rows]);
            let texts = builder.finish().expect("an array");
            assert!(texts.get_buffer_memory_size() < 200 + rows * 2 * (10 + size_of::<i32>()));
        }
    }
}
