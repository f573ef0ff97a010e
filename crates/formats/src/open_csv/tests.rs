//! Expectations: `CSVParser.parseLine` of opencsv 2.3, followed by hand.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Field, Schema};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn columns(count: usize) -> SchemaRef {
    let field = |index| Field::new(format!("c{index}"), DataType::Utf8, true);
    Arc::new(Schema::new((0..count).map(field).collect::<Vec<_>>()))
}

fn read(line: &str) -> Vec<Option<String>> {
    let options = HiveCsvOptions::default();
    let mut decoder = OpenCsvDecoder::new(&options, &columns(3), &[0, 1, 2], 10).unwrap();
    decoder.line(line.as_bytes()).unwrap();
    let batch = decoder.flush().unwrap().unwrap();
    let value = |column: &arrow::array::ArrayRef| {
        column.as_string::<i32>().iter().next().unwrap().map(str::to_owned)
    };
    batch.columns().iter().map(value).collect()
}

#[test]
fn lines() {
    for (line, expected) in [
        ("a,b,c", [Some("a"), Some("b"), Some("c")]),
        ("a, b ,", [Some("a"), Some(" b "), Some("")]),
        ("a", [Some("a"), None, None]),
        ("", [None, None, None]),
        ("a,b,c,d", [Some("a"), Some("b"), Some("c")]),
        (r#""a,1","b""2","c""#, [Some("a,1"), Some(r#"b"2"#), Some("c")]),
        (r#""a\"b","c\\d",e"#, [Some(r#"a"b"#), Some(r"c\d"), Some("e")]),
        (r#"a\b,"c\d",e"#, [Some("ab"), Some("cd"), Some("e")]),
        (r#"abc,de"f"gh,i"#, [Some("abc"), Some(r#"de"f"gh"#), Some("i")]),
        (r#"abc,  "d",e"#, [Some("abc"), Some("d"), Some("e")]),
        (r#"a,"b,c"#, [Some("a"), None, None]),
        (r#""a"#, [None, None, None]),
        (r#""","","""#, [Some(""), Some(""), Some("")]),
        ("é,ü,\u{1f600}", [Some("é"), Some("ü"), Some("\u{1f600}")]),
    ] {
        let expected: Vec<_> = expected.iter().map(|text| text.map(str::to_owned)).collect();
        assert_eq!(read(line), expected, "{line}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let same = HiveCsvOptions { escape: b'"', ..HiveCsvOptions::default() };
    let error = OpenCsvDecoder::new(&same, &columns(1), &[0], 1).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let number = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, true)]));
    let error = OpenCsvDecoder::new(&HiveCsvOptions::default(), &number, &[0], 1).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

proptest! {
    #[test]
    fn any_bytes_are_rows(lines in vec(vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b','), Just(b'\\')], 0..40), 1..20)) {
        let options = HiveCsvOptions::default();
        let mut decoder = OpenCsvDecoder::new(&options, &columns(3), &[2, 0], 100).unwrap();
        for line in &lines {
            decoder.line(line).unwrap();
        }
        prop_assert_eq!(decoder.flush().unwrap().unwrap().num_rows(), lines.len());
    }

    #[test]
    fn quoted_fields_are_read(fields in proptest::array::uniform3("[ab ,\"\\\\é]{0,5}")) {
        let quoted: Vec<_> = fields
            .iter()
            .map(|field| format!("\"{}\"", field.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        let expected: Vec<_> = fields.iter().cloned().map(Some).collect();
        prop_assert_eq!(read(&quoted.join(",")), expected);
    }
}
