//! Messages of Protocol Buffers, field by field. orc-rust's own messages take memory by what a message claims:
//! two bytes make a type of eighty. Here nothing is kept that the reader of a field does not keep.
//!
//! Source of the format: "Protocol Buffers, Encoding". Groups are not read; ORC has none.

use super::cursor::{Cursor, Found};

pub(super) struct Fields<'a>(Cursor<'a>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Self(Cursor::new(message))
    }

    /// The next field's number and value; none at the end.
    pub fn read(&mut self) -> Found<Option<(u64, Value<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.0.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.0.varint()?),
            1 => Value::Bytes(self.0.take(8)?),
            2 => {
                let length = self.0.varint()?;
                Value::Bytes(self.0.take(length)?)
            }
            5 => Value::Bytes(self.0.take(4)?),
            _ => return Err("a field has a wire type that no field has"),
        };
        Ok(Some((key >> 3, value)))
    }
}

impl<'a> Value<'a> {
    pub fn number(self) -> Found<u64> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Bytes(_) => Err("a number is written as bytes"),
        }
    }

    pub fn number_32(self) -> Found<u32> {
        u32::try_from(self.number()?).map_err(|_| "a number has more than 32 bits")
    }

    pub fn bytes(self) -> Found<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err("bytes are written as a number"),
        }
    }

    pub fn text(self) -> Found<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a text is not in UTF-8")
    }
}

/// A message in the making.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    #[must_use]
    pub fn number(mut self, field: u64, value: u64) -> Self {
        varint(&mut self.0, field << 3);
        varint(&mut self.0, value);
        self
    }

    #[must_use]
    pub fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        varint(&mut self.0, field << 3 | 2);
        varint(&mut self.0, value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn all(message: &[u8]) -> Found<Vec<(u64, Value<'_>)>> {
        let mut fields = Fields::of(message);
        let mut all = Vec::new();
        while let Some(field) = fields.read()? {
            all.push(field);
        }
        Ok(all)
    }

    #[test]
    fn what_is_written_is_read() {
        let message =
            Message::default().number(1, 300).bytes(8000, b"ORC").number(2, u64::MAX).into_bytes();
        let fields = all(&message).unwrap();
        let expected =
            [(1, Value::Number(300)), (8000, Value::Bytes(b"ORC")), (2, Value::Number(u64::MAX))];
        assert_eq!(fields, expected);
        for length in 1..message.len() {
            let fields = all(&message[..length]);
            assert!(fields.map_or(true, |fields| fields.len() < 3), "{length}");
        }
    }

    #[test]
    fn lengths_beyond_the_message_are_errors() {
        assert!(all(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
        assert!(all(&[0x0b]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end(message in vec(any::<u8>(), 0..100)) {
            let _ = all(&message);
        }
    }
}
