//! Avro's binary encoding ("Binary Encoding" of the specification), bytes that are at hand: numbers are
//! zig-zag varints, and a length stands before what is as long.

use super::ROW_BYTES_MAX;

/// Why a value cannot be read of the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// They end before the value does.
    Ends,
    /// It is longer than what is taken into memory.
    TooLong(u64),
    /// What is wrong with it.
    Corrupt(String),
}

impl Unread {
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

/// Bytes, and how many of them have been read.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    pub fn place(&self) -> usize {
        self.place
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Unread> {
        let end = self.place.checked_add(count).ok_or(Unread::Ends)?;
        let taken = self.bytes.get(self.place..end).ok_or(Unread::Ends)?;
        self.place = end;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8, Unread> {
        let byte = self.bytes.get(self.place).copied().ok_or(Unread::Ends)?;
        self.place += 1;
        Ok(byte)
    }

    pub fn long(&mut self) -> Result<i64, Unread> {
        self.varint().map(from_zig_zag)
    }

    /// A number of 32 bits, which are written like those of 64.
    pub fn int(&mut self) -> Result<i64, Unread> {
        let varint = self.varint()?;
        match u32::try_from(varint) {
            Ok(_) => Ok(from_zig_zag(varint)),
            Err(_) => Err(Unread::corrupt("a number of more than 32 bits where an `int` stands")),
        }
    }

    /// How many bytes follow.
    pub fn length(&mut self) -> Result<usize, Unread> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) if length <= ROW_BYTES_MAX => Ok(length),
            Ok(_) => Err(Unread::TooLong(length.unsigned_abs())),
            Err(_) => Err(Unread::corrupt(format!("a length of {length} bytes"))),
        }
    }

    /// Groups of seven bits, the lowest first; all but the last have the highest bit of their byte.
    fn varint(&mut self) -> Result<u64, Unread> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            // The tenth byte holds the last of 64 bits.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Unread::corrupt("a number of more than 64 bits"))
    }
}

fn from_zig_zag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::super::tests::files::long;
    use super::*;
    use proptest::prelude::*;

    /// The specification's own examples.
    #[test]
    fn numbers_are_zig_zag_varints() {
        let examples: [(&[u8], i64); 7] = [
            (&[0], 0),
            (&[1], -1),
            (&[2], 1),
            (&[3], -2),
            (&[4], 2),
            (&[0x7f], -64),
            (&[0x80, 1], 64),
        ];
        for (bytes, number) in examples {
            assert_eq!(Cursor::new(bytes).long(), Ok(number));
            assert_eq!(Cursor::new(bytes).int(), Ok(number));
        }
    }

    #[test]
    fn numbers_have_as_many_bits_as_their_type() {
        let too_long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert!(matches!(Cursor::new(&too_long).long(), Err(Unread::Corrupt(_))));
        assert!(matches!(Cursor::new(&long(1 << 31)).int(), Err(Unread::Corrupt(_))));
        assert_eq!(Cursor::new(&long(i64::from(i32::MIN))).int(), Ok(i64::from(i32::MIN)));
        assert_eq!(Cursor::new(&too_long[..9]).long(), Err(Unread::Ends));
        assert_eq!(Cursor::new(&[]).long(), Err(Unread::Ends));
    }

    #[test]
    fn lengths_are_of_what_fits() {
        assert_eq!(Cursor::new(&long(7)).length(), Ok(7));
        assert!(matches!(Cursor::new(&long(-1)).length(), Err(Unread::Corrupt(_))));
        assert_eq!(Cursor::new(&long(1 << 40)).length(), Err(Unread::TooLong(1 << 40)));
        let mut cursor = Cursor::new(b"abc");
        assert_eq!(cursor.take(usize::MAX), Err(Unread::Ends));
        assert_eq!(cursor.take(2), Ok(&b"ab"[..]));
        assert_eq!((cursor.take(usize::MAX), cursor.place()), (Err(Unread::Ends), 2));
    }

    proptest! {
        #[test]
        fn every_number_is_read_back(number in any::<i64>()) {
            let bytes = long(number);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(cursor.long(), Ok(number));
            prop_assert_eq!(cursor.place(), bytes.len());
        }
    }
}
