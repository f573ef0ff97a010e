//! Streams of bytes and of booleans: how many values they hold, and how many of them are true.
//!
//! Source: ORC Specification v1, "Byte Run Length Encoding" and "Boolean Run Length Encoding".

use super::cursor::{Cursor, Found};

enum Run<'a> {
    Repeat { byte: u8, count: u64 },
    Literals(&'a [u8]),
}

fn next<'a>(bytes: &mut Cursor<'a>) -> Found<Option<Run<'a>>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let header = bytes.byte()?;
    Ok(Some(match header {
        0..0x80 => Run::Repeat { byte: bytes.byte()?, count: u64::from(header) + 3 },
        0x80.. => Run::Literals(bytes.take(0x100 - u64::from(header))?),
    }))
}

/// How many bytes a stream holds, counted no further than `needed`.
///
/// # Errors
/// A stream that ends in a run before that.
pub(super) fn count(stream: &[u8], needed: u64) -> Found<u64> {
    let mut bytes = Cursor::new(stream);
    let mut counted = 0;
    while counted < needed {
        counted += match next(&mut bytes)? {
            None => return Ok(counted),
            Some(Run::Repeat { count, .. }) => count,
            Some(Run::Literals(literals)) => literals.len() as u64,
        };
    }
    Ok(needed)
}

/// How many of the first `needed` booleans are true, and `Err` of how many there are when they are fewer.
///
/// # Errors
/// As [`count`].
pub(super) fn count_true(stream: &[u8], needed: u64) -> Found<Result<u64, u64>> {
    let mut bytes = Cursor::new(stream);
    let (mut left, mut found) = (needed, 0);
    while left > 0 {
        match next(&mut bytes)? {
            None => return Ok(Err(needed - left)),
            Some(Run::Repeat { byte, count }) => {
                let whole = count.min(left / 8);
                found += whole * u64::from(byte.count_ones());
                left -= whole * 8;
                if whole < count {
                    found += first_bits(byte, &mut left);
                }
            }
            Some(Run::Literals(literals)) => {
                for byte in literals {
                    found += first_bits(*byte, &mut left);
                }
            }
        }
    }
    Ok(Ok(found))
}

/// How many of a byte's first bits are set: of all eight, or of the `left` that are still asked for.
fn first_bits(byte: u8, left: &mut u64) -> u64 {
    let taken = (*left).min(8);
    *left -= taken;
    let asked = u16::from(byte) >> (8 - taken);
    u64::from(asked.count_ones())
}

#[cfg(test)]
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    for literals in bytes.chunks(128) {
        stream.push((0x100 - literals.len()) as u8);
        stream.extend_from_slice(literals);
    }
    stream
}

/// Booleans as a stream of them, most significant bit first.
#[cfg(test)]
pub(super) fn encode_booleans(values: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| {
        bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
    };
    encode(&values.chunks(8).map(byte).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn the_specifications_examples_are_counted() {
        // A hundred zeros, and 0x44 0x45.
        assert_eq!(count(&[0x61, 0x00], 1000), Ok(100));
        assert_eq!(count(&[0xfe, 0x44, 0x45], 1000), Ok(2));
        // One true and seven false.
        assert_eq!(count_true(&[0xff, 0x80], 8), Ok(Ok(1)));
        assert_eq!(count_true(&[0xff, 0x80], 9), Ok(Err(8)));
        assert!(count(&[0xfe, 0x44], 2).is_err());
        assert!(count(&[0x61], 2).is_err());
    }

    #[test]
    fn a_run_is_counted_to_its_middle() {
        // 24 bits, of which each byte's first four are set.
        assert_eq!(count_true(&[0x00, 0xf0], 24), Ok(Ok(12)));
        assert_eq!(count_true(&[0x00, 0xf0], 10), Ok(Ok(6)));
        assert_eq!(count_true(&[0x00, 0xf0], 0), Ok(Ok(0)));
        assert_eq!(count_true(&[0x00, 0xf0], 25), Ok(Err(24)));
    }

    proptest! {
        #[test]
        fn true_booleans_are_counted(values in vec(any::<bool>(), 0..3000), part in 0_usize..3000) {
            let part = part.min(values.len());
            let expected = values[..part].iter().filter(|value| **value).count() as u64;
            let stream = encode_booleans(&values);
            prop_assert_eq!(count_true(&stream, part as u64), Ok(Ok(expected)));
            prop_assert_eq!(count(&stream, u64::MAX), Ok(values.len().div_ceil(8) as u64));
        }

        #[test]
        fn any_bytes_end(stream in vec(any::<u8>(), 0..300), needed in any::<u64>()) {
            let _ = count(&stream, needed);
            let _ = count_true(&stream, needed);
        }
    }
}
