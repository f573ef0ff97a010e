//! The Arrow types in which results travel: those that every client reads, unless the session says
//! that its client reads more.

use super::options::WireOptions;
use super::status::defect;
use crate::session::OutputColumn;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use mooring_spi::Result;
use std::sync::Arc;

/// The schema that a client is told, before the first row.
pub(super) fn wire_schema(columns: &[OutputColumn], options: WireOptions) -> SchemaRef {
    let fields = columns.iter().map(|column| {
        let data_type = wire_type(column.field.data_type(), options);
        Field::new(&column.label, data_type, column.field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// The type in which values of a type travel.
///
/// Dictionaries and runs travel as their values: few clients read the former where it changes
/// between batches, fewer the latter. Views travel as plain text and bytes unless they are asked
/// for, and those within other values always: they would send the whole of the buffers that they
/// point into.
pub(super) fn wire_type(data_type: &DataType, options: WireOptions) -> DataType {
    let nested = |field: &FieldRef| -> FieldRef {
        let inner = wire_type(field.data_type(), WireOptions { views: false, ..options });
        Arc::new(field.as_ref().clone().with_data_type(inner))
    };
    match data_type {
        DataType::Utf8View if !options.views => DataType::Utf8,
        DataType::BinaryView if !options.views => DataType::Binary,
        DataType::Dictionary(_, values) => wire_type(values, options),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type(), options),
        DataType::List(field) | DataType::ListView(field) => DataType::List(nested(field)),
        DataType::LargeList(field) | DataType::LargeListView(field) => {
            DataType::LargeList(nested(field))
        }
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(nested(field), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(nested(entries), *is_sorted),
        other => other.clone(),
    }
}

/// A batch in the form of the schema that the client was told.
///
/// # Errors
/// `Internal`: a column is of a type that does not become the one that was announced.
pub(super) fn into_wire(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        columns.push(match column.data_type() == field.data_type() {
            true => column.clone(),
            false => cast(column, field.data_type()).map_err(defect)?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(defect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray, DictionaryArray, Int32Array, StringViewArray};
    use arrow::datatypes::Int32Type;

    fn column(label: &str, data_type: DataType) -> OutputColumn {
        let field = Arc::new(Field::new("planned", data_type, true));
        OutputColumn { label: label.to_owned(), field }
    }

    #[test]
    fn views_and_dictionaries_travel_as_their_values() {
        let words = ["short", "long enough to stand in a buffer"];
        let dictionary: DictionaryArray<Int32Type> = words.into_iter().collect();
        let views = StringViewArray::from_iter_values(words);
        let columns = [
            column("v", DataType::Utf8View),
            column("d", dictionary.data_type().clone()),
            column("i", DataType::Int32),
        ];
        let numbers = Arc::new(Int32Array::from(vec![1, 2]));
        let planned = Schema::new(columns.iter().map(|one| one.field.clone()).collect::<Fields>());
        let batch = RecordBatch::try_new(
            Arc::new(planned),
            vec![Arc::new(views), Arc::new(dictionary), numbers],
        )
        .expect("a batch");

        let schema = wire_schema(&columns, WireOptions::default());
        let names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["v", "d", "i"]);
        let wire = into_wire(&batch, &schema).expect("converted");
        for index in 0..2 {
            let text: Vec<_> = wire.column(index).as_string::<i32>().iter().flatten().collect();
            assert_eq!(text, words);
        }
        assert!(Arc::ptr_eq(wire.column(2), batch.column(2)));
    }

    #[test]
    fn types_inside_of_types_are_looked_at() {
        let inner = Arc::new(Field::new("item", DataType::Utf8View, true));
        let list = DataType::ListView(inner);
        let structure = DataType::Struct(vec![Field::new("l", list, true)].into());
        let expected = DataType::Struct(
            vec![Field::new("l", DataType::new_list(DataType::Utf8, true), true)].into(),
        );
        assert_eq!(wire_type(&structure, WireOptions::default()), expected);
        let views = WireOptions { views: true, ..WireOptions::default() };
        assert_eq!(wire_type(&structure, views), expected);
        assert_eq!(wire_type(&DataType::Utf8View, views), DataType::Utf8View);
    }

    #[test]
    fn rows_without_columns_keep_their_number() {
        let options = RecordBatchOptions::new().with_row_count(Some(3));
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::try_new_with_options(schema.clone(), vec![], &options);
        assert_eq!(into_wire(&batch.expect("a batch"), &schema).expect("rows").num_rows(), 3);
    }
}
