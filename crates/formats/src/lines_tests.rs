use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn lines(options: &LinesOptions, chunks: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
    let mut lines = Lines::new(options)?;
    let mut found = Vec::new();
    for chunk in chunks {
        lines.push(Bytes::copy_from_slice(chunk));
        while let Some(line) = lines.next_line()? {
            found.push(line.to_vec());
        }
    }
    lines.finish();
    while let Some(line) = lines.next_line()? {
        found.push(line.to_vec());
    }
    assert!(lines.is_done());
    Ok(found)
}

fn texts(options: &LinesOptions, chunks: &[&[u8]]) -> Vec<String> {
    let found = lines(options, chunks).unwrap();
    found.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
}

#[test]
fn line_ends() {
    for (text, expected) in [
        ("", vec![]),
        ("a", vec!["a"]),
        ("a\n", vec!["a"]),
        ("a\nb", vec!["a", "b"]),
        ("a\r\nb\r\n", vec!["a", "b"]),
        ("a\rb", vec!["a", "b"]),
        ("a\r\rb", vec!["a", "", "b"]),
        ("\n\n", vec!["", ""]),
        ("\n\r\n", vec!["", ""]),
    ] {
        assert_eq!(texts(&LinesOptions::default(), &[text.as_bytes()]), expected, "{text:?}");
    }
    assert_eq!(texts(&LinesOptions::default(), &[b"a\r", b"\nb"]), ["a", "b"]);
}

#[test]
fn headers_and_footers_are_no_lines() {
    let options = LinesOptions { header_lines: 1, footer_lines: 2, ..LinesOptions::default() };
    assert_eq!(texts(&options, &[b"h\na\nb", b"b\nc\nf\ng"]), ["a", "bb", "c"]);
    assert!(texts(&options, &[b"h\nf"]).is_empty());
    let too_many = LinesOptions { footer_lines: MAX_FOOTER_LINES + 1, ..options };
    assert_eq!(Lines::new(&too_many).err().unwrap().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_line_that_is_too_long_is_refused() {
    let options = LinesOptions { max_line_bytes: 3, ..LinesOptions::default() };
    assert_eq!(texts(&options, &[b"abc\nde", b"f\n"]), ["abc", "def"]);
    for chunks in [&[&b"abcd\n"[..]][..], &[b"ab", b"cd"]] {
        let error = lines(&options, chunks).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.to_string().contains("3 bytes"), "{error}");
    }
}

proptest! {
    #[test]
    fn chunks_do_not_matter(text in "[ab\r\n]{0,40}", sizes in vec(1_usize..5, 1..50)) {
        let whole = texts(&LinesOptions::default(), &[text.as_bytes()]);
        let mut chunks = Vec::new();
        let mut rest = text.as_bytes();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(rest.len().min(*size));
            chunks.push(chunk);
            rest = after;
        }
        prop_assert_eq!(texts(&LinesOptions::default(), &chunks), whole);
    }

    /// Two ranges have each line once, wherever the file is cut.
    #[test]
    fn ranges_share_the_lines(text in "[ab\r\n]{1,40}", cut in 1_usize..40) {
        let cut = cut.min(text.len());
        let bytes = text.as_bytes();
        let whole = texts(&LinesOptions::default(), &[bytes]);
        let first = LinesOptions { range_bytes: Some(cut as u64), ..LinesOptions::default() };
        let second = LinesOptions { starts_inside: true, ..LinesOptions::default() };
        let mut shared = texts(&first, &[bytes]);
        shared.extend(texts(&second, &[&bytes[cut..]]));
        prop_assert_eq!(shared, whole);
    }
}
