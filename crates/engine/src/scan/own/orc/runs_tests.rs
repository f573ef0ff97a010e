use super::*;
use crate::scan::own::orc::wire::varint;
use proptest::collection::vec;
use proptest::prelude::*;

const UNSIGNED: Form = Form { version: Version::Two, signed: false, bits: 64 };
const SIGNED: Form = Form { version: Version::Two, signed: true, bits: 64 };

fn values(stream: &[u8], form: Form) -> Found<Vec<i64>> {
    let mut values = Vec::new();
    Runs::of(stream, form).each(u64::MAX, &mut |value, count| {
        values.extend((0..count).map(|_| value));
        Ok(())
    })?;
    assert_eq!(Runs::of(stream, form).count(u64::MAX), Ok(values.len() as u64));
    Ok(values)
}

#[test]
fn the_specifications_examples_of_version_1_are_read() {
    let form = Form { version: Version::One, ..UNSIGNED };
    assert_eq!(values(&[0x61, 0x00, 0x07], form).unwrap(), [7; 100]);
    let downwards: Vec<i64> = (1..=100).rev().collect();
    assert_eq!(values(&[0x61, 0xff, 0x64], form).unwrap(), downwards);
    let literals = [0xfb, 0x02, 0x03, 0x06, 0x07, 0x0b];
    assert_eq!(values(&literals, form).unwrap(), [2, 3, 6, 7, 11]);
}

#[test]
fn the_specifications_examples_of_version_2_are_read() {
    assert_eq!(values(&[0x0a, 0x27, 0x10], UNSIGNED).unwrap(), [10_000; 5]);
    let direct = [0x5e, 0x03, 0x5c, 0xa1, 0xab, 0x1e, 0xde, 0xad, 0xbe, 0xef];
    assert_eq!(values(&direct, UNSIGNED).unwrap(), [23_713, 43_806, 57_005, 48_879]);
    let delta = [0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46];
    assert_eq!(values(&delta, UNSIGNED).unwrap(), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
    let patched = [
        0x8e, 0x13, 0x2b, 0x21, 0x07, 0xd0, 0x1e, 0x00, 0x14, 0x70, 0x28, 0x32, 0x3c, 0x46, 0x50,
        0x5a, 0x64, 0x6e, 0x78, 0x82, 0x8c, 0x96, 0xa0, 0xaa, 0xb4, 0xbe, 0xfc, 0xe8,
    ];
    let mut expected = vec![2030, 2000, 2020, 1_000_000];
    expected.extend((4..20).map(|place| 2000 + place * 10));
    assert_eq!(values(&patched, UNSIGNED).unwrap(), expected);
}

#[test]
fn signed_runs_are_read() {
    // Three times -1; -1, -3 by a step of -2.
    assert_eq!(values(&[0x00, 0x01], SIGNED).unwrap(), [-1; 3]);
    assert_eq!(values(&[0xc0, 0x01, 0x01, 0x03], SIGNED).unwrap(), [-1, -3]);
}

#[test]
fn a_part_of_a_run_is_read() {
    let mut seen = Vec::new();
    let delta = [0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46];
    for asked in 0..=4 {
        seen.clear();
        let count = Runs::of(&delta, UNSIGNED).each(asked, &mut |value, _| {
            seen.push(value);
            Ok(())
        });
        assert_eq!(count, Ok(asked));
        assert_eq!(seen, [2, 3, 5, 7][..asked as usize]);
    }
}

/// Runs that orc-rust panics over, or for which it allocates without end.
#[test]
fn runs_that_cannot_be_read_are_errors() {
    let narrow = Form { bits: 16, ..SIGNED };
    let no_patches = [0x80, 0x00, 0x00, 0x00, 0x01, 0x80];
    // One value and a width of two bits, which stands for more than two values.
    let single_delta = [0xc2, 0x00, 0x01, 0x02, 0xff];
    let wide_patched = [0xae, 0x00, 0x00, 0x01, 0x01, 0, 0, 0, 0, 0x80];
    for (stream, form) in [
        (&no_patches[..], UNSIGNED),
        (&single_delta[..], UNSIGNED),
        (&wide_patched[..], narrow),
        (&[0x38, 0, 0, 0, 0, 0, 0, 0, 1][..], narrow),
    ] {
        assert!(Runs::of(stream, form).count(1).is_err(), "{stream:?}");
    }
    // Steps beyond the range of 64 bits.
    let mut overflow = vec![0xc0, 0x02];
    varint(&mut overflow, i64::MAX as u64);
    varint(&mut overflow, 2);
    assert!(values(&overflow, UNSIGNED).is_err());
}

#[test]
fn streams_that_end_too_early_are_errors() {
    let delta = [0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46];
    for length in 1..delta.len() {
        assert!(Runs::of(&delta[..length], UNSIGNED).count(10).is_err(), "{length}");
    }
    assert_eq!(Runs::of(&delta, UNSIGNED).count(11), Ok(10));
}

proptest! {
    #[test]
    fn any_bytes_end(stream in vec(any::<u8>(), 0..300), signed in any::<bool>(), two in any::<bool>()) {
        let version = if two { Version::Two } else { Version::One };
        for bits in [16, 32, 64] {
            let form = Form { version, signed, bits };
            let counted = Runs::of(&stream, form).count(u64::MAX);
            if let Ok(seen) = Runs::of(&stream, form).each(u64::MAX, &mut |_, _| Ok(())) {
                prop_assert_eq!(counted, Ok(seen));
            }
        }
    }
}
