use super::super::{BatchEncoder, RowForm};
use super::NULL;
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    Float64Array, Int32Array, Int64Array, ListArray, ListViewArray, MapBuilder, NullArray,
    RecordBatch, RunArray, StringArray, StringBuilder, StringViewArray, StructArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{Field, Int8Type, Int32Type, Schema};
use mooring_spi::ErrorKind;
use std::sync::Arc;

/// The rows of a batch of one column; `None` is NULL. The expected texts of these tests are those
/// of the MySQL 8.0 manual ("Data Types", "The JSON Data Type") and of MariaDB 10.11.
fn texts(array: ArrayRef) -> Vec<Option<String>> {
    let field = Field::new("c", array.data_type().clone(), true);
    let rows = array.len();
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).expect("a batch");
    let encoder = BatchEncoder::new(&batch, RowForm::Text).expect("a type with a form");
    (0..rows)
        .map(|row| {
            let mut out = Vec::new();
            encoder.put_row(&mut out, row);
            if out == [NULL] {
                return None;
            }
            let mut decoder = crate::mysql::wire::Decoder::new(&out);
            let text = decoder.string().expect("a length-encoded value");
            assert!(decoder.is_empty());
            Some(String::from_utf8(text.to_vec()).expect("UTF-8"))
        })
        .collect()
}

fn some<const N: usize>(texts: [&str; N]) -> Vec<Option<String>> {
    texts.into_iter().map(|text| Some(text.to_owned())).collect()
}

#[test]
fn booleans_are_numbers() {
    assert_eq!(texts(Arc::new(BooleanArray::from(vec![true, false]))), some(["1", "0"]));
}

#[test]
fn integers_reach_their_ends() {
    let array = Int64Array::from(vec![i64::MIN, 0]);
    assert_eq!(texts(Arc::new(array)), some(["-9223372036854775808", "0"]));
    let array = UInt64Array::from(vec![u64::MAX]);
    assert_eq!(texts(Arc::new(array)), some(["18446744073709551615"]));
}

#[test]
fn nulls_are_marked() {
    let array = Int32Array::from(vec![Some(1), None]);
    assert_eq!(texts(Arc::new(array)), [Some("1".to_owned()), None]);
    assert_eq!(texts(Arc::new(NullArray::new(2))), [None, None]);
}

#[test]
fn decimals_show_their_scale() {
    let array = Decimal128Array::from(vec![100, -5]).with_precision_and_scale(15, 2).expect("fits");
    assert_eq!(texts(Arc::new(array)), some(["1.00", "-0.05"]));
}

#[test]
fn long_text_gets_a_long_length() {
    for length in [0, 250, 251, 65_535, 65_536, 1 << 24] {
        let text = "x".repeat(length);
        assert_eq!(texts(Arc::new(StringArray::from(vec![text.clone()]))), [Some(text)]);
    }
}

#[test]
fn long_json_gets_a_long_length() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(7); 200])]);
    let text = format!("[{}]", ["7"; 200].join(", "));
    assert_eq!(texts(Arc::new(list)), [Some(text)]);
}

#[test]
fn views_and_bytes_are_sent_as_they_are() {
    let array = StringViewArray::from(vec!["short", "longer than the twelve bytes of a view"]);
    assert_eq!(texts(Arc::new(array)), some(["short", "longer than the twelve bytes of a view"]));
    assert_eq!(texts(Arc::new(BinaryArray::from(vec![&b"ab"[..]]))), some(["ab"]));
}

#[test]
fn dates_and_timestamps() {
    assert_eq!(
        texts(Arc::new(Date32Array::from(vec![0, 19_782]))),
        some(["1970-01-01", "2024-02-29"])
    );
    let array = TimestampMicrosecondArray::from(vec![1_709_164_800_000_001]);
    assert_eq!(texts(Arc::new(array.clone())), some(["2024-02-29 00:00:00.000001"]));
    let zoned = array.with_timezone("Europe/Berlin");
    assert_eq!(texts(Arc::new(zoned)), some(["2024-02-29 00:00:00.000001"]));
}

#[test]
fn dates_beyond_mysql_are_refused() {
    for days in [2_932_897, -719_529] {
        let array: ArrayRef = Arc::new(Date32Array::from(vec![0, days]));
        let batch = RecordBatch::try_from_iter([("c", array)]).expect("a batch");
        let error = BatchEncoder::new(&batch, RowForm::Text).err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
    }
}

#[test]
fn encoded_columns_show_their_values() {
    let dictionary: DictionaryArray<Int8Type> =
        [Some("a"), None, Some("b"), Some("a")].into_iter().collect();
    let sliced = dictionary.slice(1, 3);
    let expected = [None, Some("b".to_owned()), Some("a".to_owned())];
    assert_eq!(texts(Arc::new(sliced)), expected);

    let ends = Int32Array::from(vec![2, 3]);
    let values = StringArray::from(vec![Some("x"), None]);
    let run = RunArray::try_new(&ends, &values).expect("runs");
    let expected = [Some("x".to_owned()), Some("x".to_owned()), None];
    assert_eq!(texts(Arc::new(run)), expected);
}

#[test]
fn a_dictionary_without_values_is_null() {
    let dictionary: DictionaryArray<Int8Type> = [None::<&str>, None].into_iter().collect();
    assert_eq!(texts(Arc::new(dictionary)), [None, None]);
}

#[test]
fn lists_and_structs_are_json() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None, Some(3)]),
        None,
        Some(vec![]),
    ]);
    let expected = [Some("[1, null, 3]".to_owned()), None, Some("[]".to_owned())];
    assert_eq!(texts(Arc::new(list.clone())), expected);
    assert_eq!(texts(Arc::new(list.slice(2, 1))), some(["[]"]));

    let text: ArrayRef = Arc::new(StringArray::from(vec!["a\"b\\c\n\u{1}ü"]));
    let number: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    let date: ArrayRef = Arc::new(Date32Array::from(vec![0]));
    let flag: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let fields = [("t", text), ("n", number), ("d", date), ("f", flag)]
        .map(|(name, child)| (Arc::new(Field::new(name, child.data_type().clone(), true)), child));
    let array = StructArray::from(fields.to_vec());
    let expected = r#"{"t": "a\"b\\c\n\u0001ü", "n": null, "d": "1970-01-01", "f": true}"#;
    assert_eq!(texts(Arc::new(array)), some([expected]));
}

#[test]
fn map_keys_are_strings() {
    let mut builder =
        MapBuilder::new(None, arrow::array::Int32Builder::new(), StringBuilder::new());
    builder.keys().append_value(7);
    builder.values().append_value("seven");
    builder.append(true).expect("an entry");
    assert_eq!(texts(Arc::new(builder.finish())), some([r#"{"7": "seven"}"#]));
}

/// The same lists as [`lists_and_structs_are_json`], held as views.
#[test]
fn list_views_are_json_like_lists() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None, Some(3)]),
        None,
        Some(vec![]),
    ]);
    let expected = [Some("[1, null, 3]".to_owned()), None, Some("[]".to_owned())];
    let view: ListViewArray = list.clone().into();
    assert_eq!(texts(Arc::new(view)), expected);
}
