//! A packet's payload, read from its front. Nothing is read beyond its end, whatever lengths it claims.

use std::fmt;

/// What a packet lacks, or has and should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(in crate::mysql) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const SHORT: Malformed = Malformed("a packet that ends too early");

#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// `int<lenenc>`.
    #[inline]
    pub(crate) fn length(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            short @ 0..=0xFA => Ok(short.into()),
            0xFC => Ok(self.u16()?.into()),
            0xFD => {
                let [a, b, c] = self.array()?;
                Ok(u32::from_le_bytes([a, b, c, 0]).into())
            }
            0xFE => Ok(u64::from_le_bytes(self.array()?)),
            0xFB | 0xFF => Err(Malformed("a length that is none")),
        }
    }

    /// `string<lenenc>`.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length()?;
        self.take(usize::try_from(length).map_err(|_| SHORT)?)
    }

    /// `string<lenenc>` or the mark of NULL, as rows of the text protocol have them.
    pub(crate) fn bytes_or_null(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.rest.split_first() {
            Some((0xFB, rest)) => {
                self.rest = rest;
                Ok(None)
            }
            _ => self.bytes().map(Some),
        }
    }

    /// `string<NUL>`; without its end, what is left.
    pub(crate) fn until_zero(&mut self) -> &'a [u8] {
        match self.rest.iter().position(|byte| *byte == 0) {
            Some(end) => {
                let text = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                text
            }
            None => self.rest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The forms of the MySQL Source Code Documentation, "Protocol::LengthEncodedInteger".
    #[test]
    fn lengths_have_four_forms() {
        for (bytes, expected) in [
            (&[0xFA][..], Ok(250)),
            (&[0xFC, 0xFB, 0x00], Ok(251)),
            (&[0xFD, 0, 0, 1], Ok(65_536)),
            (&[0xFE, 0, 0, 0, 1, 0, 0, 0, 0], Ok(1 << 24)),
            (&[0xFD, 0, 0], Err(SHORT)),
            (&[0xFF], Err(Malformed("a length that is none"))),
            (&[], Err(SHORT)),
        ] {
            assert_eq!(Cursor::new(bytes).length(), expected);
        }
    }

    #[test]
    fn a_claimed_length_is_not_believed() {
        assert_eq!(Cursor::new(b"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFabc").bytes(), Err(SHORT));
        assert_eq!(Cursor::new(b"\x03ab").bytes(), Err(SHORT));
        assert_eq!(Cursor::new(b"\xFB").bytes_or_null(), Ok(None));
        assert_eq!(Cursor::new(b"ab\0c").until_zero(), b"ab");
        assert_eq!(Cursor::new(b"ab").until_zero(), b"ab");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut cursor = Cursor::new(&bytes);
            while !cursor.is_empty() && cursor.bytes_or_null().is_ok() {}
            let _ = cursor.until_zero();
        }
    }
}
