//! Query attributes: named values that a client sends along with a statement, for whoever watches
//! it. Mooring reads them to find what stands behind them, and drops them.
//!
//! Source: MySQL Source Code Documentation, "COM_QUERY", for CLIENT_QUERY_ATTRIBUTES.

use super::error::WireError;
use super::parameter::ParameterType;
use super::wire::Decoder;

/// The statement behind the attributes of a COM_QUERY.
///
/// # Errors
/// ER_MALFORMED_PACKET, ER_WRONG_ARGUMENTS for an unknown type.
pub(crate) fn skip_attributes(payload: &[u8]) -> Result<&[u8], WireError> {
    let mut decoder = Decoder::new(payload);
    let count = usize::try_from(decoder.length()?).map_err(|_| WireError::malformed())?;
    // The protocol has room for several sets and the server takes one.
    if decoder.length()? != 1 {
        return Err(WireError::malformed());
    }
    if count == 0 {
        return Ok(decoder.rest());
    }
    let nulls = decoder.take(count.div_ceil(8))?;
    // There are no types from an earlier time.
    if decoder.u8()? != 1 {
        return Err(WireError::malformed());
    }
    let mut types = Vec::new();
    for _ in 0..count {
        types.push(ParameterType::read(&mut decoder)?);
        decoder.string()?; // the name
    }
    for (at, attribute) in types.into_iter().enumerate() {
        if nulls[at / 8] & 1 << (at % 8) == 0 {
            attribute.read_value(&mut decoder)?;
        }
    }
    Ok(decoder.rest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_statement_is_found_behind_the_attributes() {
        for (payload, expected) in [
            (&b"\x00\x01SELECT 1"[..], &b"SELECT 1"[..]),
            // A text `a` = "xy", a NULL `b`, an integer without a name; made by hand from the
            // documentation's layout.
            (
                b"\x03\x01\x02\x01\xFE\x00\x01a\x06\x00\x01b\x03\x00\x00\x02xy\x07\0\0\0SELECT 2",
                b"SELECT 2",
            ),
        ] {
            assert_eq!(skip_attributes(payload).expect("attributes"), expected);
        }
    }

    #[test]
    fn what_is_cut_off_or_has_several_sets_is_malformed() {
        for payload in [&b""[..], b"\x00", b"\x00\x02S", b"\x01\x01\x00\x00", b"\xFE\xFF"] {
            assert_eq!(skip_attributes(payload).expect_err("refused").errno, 1835);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_skipped(payload: Vec<u8>) {
            let _ = skip_attributes(&payload);
        }

        /// Numbers of attributes that the payload has no room for.
        #[test]
        fn a_wrong_count_is_refused(count: u64, rest in proptest::collection::vec(any::<u8>(), 0..9)) {
            prop_assume!(count > 60);
            let mut payload = vec![0xFE];
            payload.extend_from_slice(&count.to_le_bytes());
            payload.push(1);
            payload.extend_from_slice(&rest);
            prop_assert!(skip_attributes(&payload).is_err());
        }
    }
}
