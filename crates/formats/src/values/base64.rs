//! `LazyBinary`: base64 wherever the text can be it.

/// Appends what `LazyBinary.decodeIfNeeded` makes of a field: the text decoded when all its bytes are of the
/// alphabets of base64 (padding and white space too), else the text itself; the text itself, too, when nothing
/// comes of decoding it.
///
/// Decodes like `Base64.decodeBase64` of Apache Commons Codec: both alphabets, nothing after the padding, and
/// a last group of two or three characters gives its whole bytes.
pub(crate) fn decode_if_base64(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut bits = 0_u32;
    let mut count = 0;
    let mut ended = false;
    for byte in text {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                ended = true;
                continue;
            }
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            _ => {
                out.truncate(start);
                out.extend_from_slice(text);
                return;
            }
        };
        if ended {
            continue;
        }
        bits = (bits << 6) | u32::from(sextet);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
            count = 0;
        }
    }
    match count {
        2 => out.push((bits >> 4) as u8),
        3 => out.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => {}
    }
    if out.len() == start {
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::decode_if_base64;

    /// The first lines: test vectors of RFC 4648, section 10.
    #[test]
    fn binary() {
        for (text, expected) in [
            ("Zg==", &b"f"[..]),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYmFy", b"foobar"),
            ("Zm8", b"fo"),
            ("Zm 9v", b"foo"),
            ("Zg==Zg==", b"f"),
            ("_-_-", &[0xff, 0xef, 0xfe]),
            ("", b""),
            ("Z", b"Z"),
            ("====", b"===="),
            ("no.base64", b"no.base64"),
            ("Zm9v\u{1}", b"Zm9v\x01"),
        ] {
            let mut out = b"before".to_vec();
            decode_if_base64(text.as_bytes(), &mut out);
            assert_eq!(&out[6..], expected, "{text}");
        }
    }
}
