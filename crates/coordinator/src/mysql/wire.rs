//! The protocol's basic types: length-encoded integers and strings, and a reader of them that
//! never looks past its end.
//!
//! Source: MySQL Source Code Documentation, "Protocol Basics", "Integer Types", "String Types".

/// The bytes end before the value does, or are no such value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Appends `Protocol::LengthEncodedInteger`.
pub(crate) fn put_length(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    match value {
        0..=250 => out.push(bytes[0]),
        251..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            out.extend_from_slice(&bytes[..3]);
        }
        _ => {
            out.push(0xFE);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Appends `Protocol::LengthEncodedString`.
#[inline]
pub(crate) fn put_string(out: &mut Vec<u8>, value: &[u8]) {
    put_length(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Reads values off the front of a payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    /// So many bytes as the type has.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// `Protocol::NullTerminatedString`, without its end.
    pub(crate) fn null_terminated(&mut self) -> Result<&'a [u8], Malformed> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(Malformed)?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    /// A null-terminated string whose terminator may be missing at the end of the packet.
    pub(crate) fn null_terminated_or_rest(&mut self) -> &'a [u8] {
        self.null_terminated().unwrap_or_else(|_| self.rest())
    }

    /// `Protocol::LengthEncodedInteger`.
    pub(crate) fn length(&mut self) -> Result<u64, Malformed> {
        let width = match self.u8()? {
            small @ 0..=250 => return Ok(u64::from(small)),
            0xFC => 2,
            0xFD => 3,
            0xFE => 8,
            _ => return Err(Malformed),
        };
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// `Protocol::LengthEncodedString`.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.length()?).map_err(|_| Malformed)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lengths_are_read_back(value: u64, shift in 0_u32..64) {
            let mut bytes = Vec::new();
            put_length(&mut bytes, value >> shift);
            let mut decoder = Decoder::new(&bytes);
            prop_assert_eq!(decoder.length(), Ok(value >> shift));
            prop_assert!(decoder.is_empty());
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = Decoder::new(&bytes).string();
            let _ = Decoder::new(&bytes).null_terminated();
            let _ = Decoder::new(&bytes).u32();
        }
    }

    /// From the documentation's table of prefixes.
    #[test]
    fn lengths_have_the_documented_form() {
        for (value, expected) in [
            (250, vec![250]),
            (251, vec![0xFC, 251, 0]),
            (0x1_0000, vec![0xFD, 0, 0, 1]),
            (0x100_0000, vec![0xFE, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut bytes = Vec::new();
            put_length(&mut bytes, value);
            assert_eq!(bytes, expected);
        }
    }
}
