//! A message's body or a value, read from its front. Nothing is read beyond its end, whatever lengths it claims.

use mooring_spi::{Error, ErrorKind, Result};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    /// How many there are of something.
    pub(crate) fn count(&mut self) -> Result<usize> {
        usize::try_from(self.i16()?).map_err(|_| corrupt("a count is below zero"))
    }

    #[inline]
    pub(crate) fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// What stands before a zero byte, which goes with it.
    pub(crate) fn until_zero(&mut self) -> Result<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(ends_early)?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    /// A value behind its length; `None` for null.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length =
                    usize::try_from(length).map_err(|_| corrupt("a length is below zero"))?;
                self.take(length).map(Some)
            }
        }
    }
}

#[cold]
pub(crate) fn corrupt(problem: &str) -> Error {
    Error::new(ErrorKind::CorruptData, format!("the database's answer is damaged: {problem}"))
}

#[cold]
fn ends_early() -> Error {
    corrupt("it ends within a value")
}
