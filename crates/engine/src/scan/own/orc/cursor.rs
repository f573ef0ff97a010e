//! Bytes that are read from front to back, of which none are taken for granted.

/// What is wrong with bytes, for whoever knows where they stand.
pub(super) type Found<T> = Result<T, &'static str>;

pub(super) const ENDS: &str = "it ends too early";

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> Found<u8> {
        let (first, rest) = self.0.split_first().ok_or(ENDS)?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn take(&mut self, length: u64) -> Found<&'a [u8]> {
        let length = usize::try_from(length).map_err(|_| ENDS)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ENDS)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number in groups of seven bits, least significant first; the highest bit says that another follows.
    pub fn varint(&mut self) -> Found<u64> {
        const TOO_LONG: &str = "a number has more than 64 bits";
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The last of ten bytes has one bit of the number. Some writers repeat it.
            let repeated = shift == 63 && bits == 0x7f;
            if bits << shift >> shift != bits && !repeated {
                return Err(TOO_LONG);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(TOO_LONG)
    }

    /// The bytes of the next `count` varints, without looking at what they say.
    pub fn varints(&mut self, count: u64) -> Found<&'a [u8]> {
        let mut left = count;
        if left == 0 {
            return Ok(&[]);
        }
        for (at, byte) in self.0.iter().enumerate() {
            left -= u64::from(*byte < 0x80);
            if left == 0 {
                return self.take(at as u64 + 1);
            }
        }
        Err(ENDS)
    }

    /// A number of `bytes` bytes, most significant first.
    pub fn big_endian(&mut self, bytes: u64) -> Found<u64> {
        let bytes = self.take(bytes)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_up_to_64_bits_are_read() {
        assert_eq!(Cursor::new(&[0x80, 0x01]).varint(), Ok(128));
        let mut most = [0xff; 10];
        most[9] = 1;
        assert_eq!(Cursor::new(&most).varint(), Ok(u64::MAX));
        most[9] = 0x7f;
        assert_eq!(Cursor::new(&most).varint(), Ok(u64::MAX));
        most[9] = 2;
        assert!(Cursor::new(&most).varint().is_err());
        assert!(Cursor::new(&[0xff; 20]).varint().is_err());
        assert_eq!(Cursor::new(&[0x80]).varint(), Err(ENDS));
    }

    #[test]
    fn varints_are_passed_over() {
        let mut cursor = Cursor::new(&[0x80, 0x01, 0x05, 0x07]);
        assert_eq!(cursor.varints(2), Ok(&[0x80, 0x01, 0x05][..]));
        assert_eq!(cursor.varints(0), Ok(&[][..]));
        assert_eq!(cursor.varints(2), Err(ENDS));
    }
}
