//! Numbers of a few bits each, packed most significant bit first, as the runs of version 2 have them.
//!
//! Source: ORC Specification v1, "Integer Run Length Encoding, version 2".

use super::cursor::Found;

/// Bits that a patch adds to one value of its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patch {
    pub at: u64,
    pub bits: i64,
}

/// A patch of no bits with this gap only moves on.
const GAP_MAX: u64 = 255;

/// The widths that have codes beyond 24 bits, which all narrower ones have.
const WIDE: [u32; 8] = [26, 28, 30, 32, 40, 48, 56, 64];

/// The bits that the lowest five bits of `code` stand for.
pub(super) fn width(code: u8) -> u32 {
    match code & 0x1f {
        narrow @ 0..24 => u32::from(narrow) + 1,
        wide => WIDE[usize::from(wide - 24)],
    }
}

/// The narrowest width with a code that holds `bits`.
pub(super) fn closest_width(bits: u32) -> Option<u32> {
    match bits {
        0..=24 => Some(bits.max(1)),
        25.. => WIDE.iter().copied().find(|width| *width >= bits),
    }
}

/// How many bytes `count` numbers take; `count` is at most 512.
pub(super) fn bytes(width: u32, count: u64) -> u64 {
    (u64::from(width) * count).div_ceil(8)
}

pub(super) fn zigzag(encoded: u64) -> i64 {
    (encoded >> 1) as i64 ^ -((encoded & 1) as i64)
}

/// A number of `bytes` bytes whose highest bit says that it is negative.
pub(super) fn sign_and_magnitude(encoded: u64, bytes: u64) -> i64 {
    let sign = 1 << (bytes * 8 - 1);
    let magnitude = (encoded & !sign) as i64;
    if encoded & sign == 0 { magnitude } else { -magnitude }
}

/// Shows the first `count` numbers.
pub(super) fn unpack(
    packed: &[u8],
    width: u32,
    count: u64,
    mut see: impl FnMut(u64) -> Found<()>,
) -> Found<()> {
    let mut bytes = packed.iter();
    let (mut held, mut bits): (u128, u32) = (0, 0);
    for _ in 0..count {
        while bits < width {
            let byte = bytes.next().ok_or(super::cursor::ENDS)?;
            held = held << 8 | u128::from(*byte);
            bits += 8;
        }
        bits -= width;
        see((held >> bits) as u64)?;
        held &= (1 << bits) - 1;
    }
    Ok(())
}

/// Where patches go and what they add: each entry is the distance from the patch before it, and the bits.
///
/// # Errors
/// A list that is empty, ends in a gap, or has a gap of more than 255: orc-rust looks for what is not there.
pub(super) fn patches(
    packed: &[u8],
    entry_width: u32,
    patch_width: u32,
    count: u64,
) -> Found<Vec<Patch>> {
    let mut patches = Vec::new();
    let (mut at, mut ends_in_gap) = (0, true);
    unpack(packed, entry_width, count, |entry| {
        let (gap, bits) = (entry >> patch_width, entry & ((1 << patch_width) - 1));
        if gap > GAP_MAX {
            return Err("a patch stands too far from the one before");
        }
        at += gap;
        ends_in_gap = gap == GAP_MAX && bits == 0;
        if !ends_in_gap {
            patches.push(Patch { at, bits: bits as i64 });
        }
        Ok(())
    })?;
    if ends_in_gap { Err("a list of patches has no last patch") } else { Ok(patches) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_specification() {
        assert_eq!([0, 1, 23, 24, 27, 28, 31].map(width), [1, 2, 24, 26, 32, 40, 64]);
        assert_eq!(width(0xff), 64);
        assert_eq!([0, 1, 25, 33, 57].map(closest_width), [1, 1, 26, 40, 64].map(Some));
        assert_eq!(closest_width(65), None);
    }

    #[test]
    fn numbers_of_any_width_are_unpacked() {
        for width in 1..=64_u32 {
            let most = u64::MAX >> (64 - width);
            let numbers = [most, 0, 1, most / 3, most];
            let mut packed = Vec::new();
            let mut bits = Vec::new();
            for number in numbers {
                bits.extend((0..width).rev().map(|bit| (number >> bit & 1) as u8));
            }
            for byte in bits.chunks(8) {
                let byte = byte.iter().chain([0; 8].iter()).take(8);
                packed.push(byte.fold(0, |byte, bit| byte << 1 | bit));
            }
            assert_eq!(packed.len() as u64, bytes(width, 5), "{width}");
            let mut read = Vec::new();
            unpack(&packed, width, 5, |number| {
                read.push(number);
                Ok(())
            })
            .unwrap();
            assert_eq!(read, numbers, "{width}");
        }
    }

    #[test]
    fn signs_are_read() {
        assert_eq!([0, 1, 2, 3].map(zigzag), [0, -1, 1, -2]);
        assert_eq!(zigzag(u64::MAX), i64::MIN);
        assert_eq!(sign_and_magnitude(0x80_07, 2), -7);
        assert_eq!(sign_and_magnitude(0x00_07, 2), 7);
        assert_eq!(sign_and_magnitude(1 << 63, 8), 0);
    }

    #[test]
    fn patches_stand_where_their_gaps_lead() {
        // Entries of a gap of eight bits and a patch of eight.
        let list = |entries: &[u16]| {
            let packed: Vec<u8> = entries.iter().flat_map(|entry| entry.to_be_bytes()).collect();
            patches(&packed, 16, 8, entries.len() as u64)
        };
        let expected = [Patch { at: 3, bits: 1 }, Patch { at: 260, bits: 2 }];
        assert_eq!(list(&[0x0301, 0xff00, 0x0202]).unwrap(), expected);
        assert_eq!(list(&[0xff01]).unwrap(), [Patch { at: 255, bits: 1 }]);
        assert!(list(&[]).is_err());
        assert!(list(&[0x0301, 0xff00]).is_err());
    }
}
