use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Field, Int64Type, Schema};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Writes as `LazySimpleSerDe` does with an escape: everything that means something is escaped.
fn write(row: &(Option<i64>, Option<String>, Vec<Option<String>>)) -> Vec<u8> {
    let text = |value: &Option<String>| match value {
        None => "\\N".to_owned(),
        Some(value) => value
            .chars()
            .map(|character| match character {
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                ',' | ';' | '\\' => format!("\\{character}"),
                other => other.to_string(),
            })
            .collect(),
    };
    let number = row.0.map_or("\\N".to_owned(), |number| number.to_string());
    let elements: Vec<_> = row.2.iter().map(text).collect();
    format!("{number},{},{}", text(&row.1), elements.join(";")).into_bytes()
}

fn options() -> HiveTextOptions {
    HiveTextOptions {
        separators: b",;:".to_vec(),
        escape: Some(b'\\'),
        ..HiveTextOptions::default()
    }
}

fn columns() -> SchemaRef {
    let element = Field::new("element", DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new("number", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("list", DataType::List(Arc::new(element)), true),
    ]))
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[ab,;:N\\\\\n\ré]{1,6}")
}

proptest! {
    #[test]
    fn written_rows_are_read(rows in vec((any::<Option<i64>>(), text(), vec(text(), 1..4)), 1..10)) {
        let mut decoder = TextDecoder::new(&options(), &columns(), &[0, 1, 2], 100).unwrap();
        for row in &rows {
            decoder.line(&write(row)).unwrap();
        }
        let batch = decoder.flush().unwrap().unwrap();
        let numbers: Vec<_> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
        let texts: Vec<_> = batch.column(1).as_string::<i32>().iter().collect();
        for (index, (number, text, list)) in rows.iter().enumerate() {
            prop_assert_eq!(numbers[index], *number);
            prop_assert_eq!(texts[index], text.as_deref());
            let lists = batch.column(2).as_list::<i32>();
            // A list of one null is written as a null list is.
            if list == &[None] {
                prop_assert!(lists.is_null(index));
                continue;
            }
            let elements = lists.value(index);
            let elements: Vec<_> = elements.as_string::<i32>().iter().collect();
            prop_assert_eq!(elements, list.iter().map(Option::as_deref).collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_bytes_are_rows(lines in vec(vec(any::<u8>(), 0..60), 1..20)) {
        let mut decoder = TextDecoder::new(&options(), &columns(), &[2, 1, 0], 100).unwrap();
        for line in &lines {
            decoder.line(line).unwrap();
        }
        prop_assert_eq!(decoder.flush().unwrap().unwrap().num_rows(), lines.len());
    }
}
