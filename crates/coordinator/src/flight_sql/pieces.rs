//! Batches in pieces of the size of a message.
//!
//! Arrow's own encoder cuts by the rows of the mean size, and writes with each slice of a view column all
//! buffers that the whole of it has. Here a piece is as large as what it holds, and has that alone.

use super::status::defect;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{BinaryViewType, ByteViewType, DataType, StringViewType};
use mooring_spi::Result;
use std::sync::Arc;

/// What a message has of rows, unless one row alone is larger.
pub(super) const PIECE_BYTES: usize = 2 << 20;
/// So much longer than a view's text is what it stores beside it.
const INLINE_BYTES_MAX: u32 = 12;

/// The batch in pieces of about `bytes_max`, and of twice that at most; a larger row stands alone.
pub(super) fn pieces(batch: &RecordBatch, bytes_max: usize) -> Vec<RecordBatch> {
    let mut found = Vec::new();
    let bytes = batch_bytes(batch);
    cut(batch, bytes, bytes_max, &mut found);
    found
}

fn cut(batch: &RecordBatch, bytes: usize, bytes_max: usize, into: &mut Vec<RecordBatch>) {
    let rows = batch.num_rows();
    let parts = bytes.div_ceil(bytes_max);
    if rows < 2 || parts < 2 {
        into.push(batch.clone());
        return;
    }
    let part_rows = rows.div_ceil(parts);
    for begin in (0..rows).step_by(part_rows) {
        let part = batch.slice(begin, part_rows.min(rows - begin));
        let part_bytes = batch_bytes(&part);
        match part_bytes > 2 * bytes_max {
            true => cut(&part, part_bytes, bytes_max, into),
            false => into.push(part),
        }
    }
}

/// The same rows; columns of views have no bytes but theirs.
///
/// # Errors
/// `Internal`.
pub(super) fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()) as ArrayRef,
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        _ => column.clone(),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns.collect(), &options).map_err(defect)
}

fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(bytes).sum()
}

/// What the array's own values take.
fn bytes(array: &ArrayRef) -> usize {
    let offsets = |width: usize| array.len() * width;
    match array.data_type() {
        DataType::Utf8View => view_bytes::<StringViewType>(array),
        DataType::BinaryView => view_bytes::<BinaryViewType>(array),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = (list.value_offsets().first(), list.value_offsets().last());
            let (first, last) = (index(first), index(last));
            offsets(size_of::<i32>()) + bytes(&list.values().slice(first, last - first))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (first, last) = (list.value_offsets().first(), list.value_offsets().last());
            let (first, last) = (index(first), index(last));
            offsets(size_of::<i64>()) + bytes(&list.values().slice(first, last - first))
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let (first, last) = (map.value_offsets().first(), map.value_offsets().last());
            let (first, last) = (index(first), index(last));
            let entries: ArrayRef = Arc::new(map.entries().slice(first, last - first));
            offsets(size_of::<i32>()) + bytes(&entries)
        }
        DataType::FixedSizeList(..) => bytes(array.as_fixed_size_list().values()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(bytes).sum(),
        // What it cannot tell is as large as its buffers.
        _ => array
            .to_data()
            .get_slice_memory_size()
            .unwrap_or_else(|_| array.get_buffer_memory_size()),
    }
}

fn index<T: Copy + TryInto<usize>>(offset: Option<&T>) -> usize {
    offset.and_then(|offset| (*offset).try_into().ok()).unwrap_or_default()
}

fn view_bytes<T: ByteViewType>(array: &ArrayRef) -> usize {
    let views = array.as_byte_view::<T>().views();
    let beside = |view: &u128| {
        // The lowest four bytes are the length (Arrow's columnar format, "Variable-size Binary View").
        let length = u32::try_from(view & u128::from(u32::MAX)).unwrap_or(u32::MAX);
        if length > INLINE_BYTES_MAX { length as usize } else { 0 }
    };
    views.len() * size_of::<u128>() + views.iter().map(beside).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, ListArray, StringArray, StringViewArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Field, Int64Type};
    use proptest::prelude::*;

    fn of(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("a", column)]).expect("a batch")
    }

    fn long_views() -> RecordBatch {
        let texts = (0..1000).map(|row| format!("{row:0100}"));
        of(Arc::new(StringViewArray::from_iter_values(texts)))
    }

    /// 1000 texts of 100 bytes, and 16 for each view.
    #[test]
    fn a_piece_of_views_has_its_own_bytes_alone() {
        let batch = long_views();
        let found = pieces(&batch, 11_600);
        assert_eq!(found.len(), 10);
        let mut row = 0;
        for piece in &found {
            let piece = compact(piece).expect("compact");
            let views = piece.column(0).as_string_view();
            let stored: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
            assert_eq!(stored, 100 * piece.num_rows());
            for text in views.iter() {
                assert_eq!(text, Some(format!("{row:0100}").as_str()));
                row += 1;
            }
        }
        assert_eq!(row, 1000);
    }

    #[test]
    fn a_row_that_is_larger_than_the_others_stands_alone() {
        let texts: Vec<String> =
            (0..100).map(|row| "x".repeat(if row == 50 { 100_000 } else { 10 })).collect();
        let found = pieces(&of(Arc::new(StringArray::from(texts))), 1000);
        let large: Vec<usize> = found
            .iter()
            .filter(|piece| batch_bytes(piece) > 2000)
            .map(RecordBatch::num_rows)
            .collect();
        assert_eq!(large, [1]);
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 100);
    }

    /// The values of a list's slice are those that its offsets name.
    #[test]
    fn lists_are_as_large_as_their_values() {
        let item = Arc::new(Field::new("item", DataType::Int64, true));
        let values = Arc::new(Int64Array::from_iter_values(0..10_000));
        let offsets = OffsetBuffer::from_lengths(vec![100; 100]);
        let lists = of(Arc::new(ListArray::new(item, offsets, values, None)));
        let found = pieces(&lists, 8040);
        assert!((10..=11).contains(&found.len()), "{}", found.len());
        let last = found.last().expect("a piece").column(0).as_list::<i32>();
        let last = last.value(last.len() - 1);
        assert_eq!(last.as_primitive::<Int64Type>().value(99), 9999);
    }

    #[test]
    fn rows_without_columns_are_one_piece() {
        let options = RecordBatchOptions::new().with_row_count(Some(7));
        let schema = Arc::new(arrow::datatypes::Schema::empty());
        let batch = RecordBatch::try_new_with_options(schema, vec![], &options).expect("rows");
        let found = pieces(&batch, 1);
        assert_eq!(found.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [7]);
    }

    proptest! {
        #[test]
        fn no_row_is_lost_and_no_piece_too_large(lengths in prop::collection::vec(0..300_usize, 0..80)) {
            let texts: Vec<String> = lengths.iter().map(|length| "y".repeat(*length)).collect();
            let views = StringViewArray::from_iter_values(&texts);
            let batch = of(Arc::new(views));
            let mut seen = Vec::new();
            for piece in pieces(&batch, 256) {
                prop_assert!(piece.num_rows() == 1 || batch_bytes(&piece) <= 512);
                let piece = compact(&piece).expect("compact");
                let views = piece.column(0).as_string_view();
                seen.extend(views.iter().flatten().map(str::to_owned));
            }
            prop_assert_eq!(seen, texts);
        }
    }
}
