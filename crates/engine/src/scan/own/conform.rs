//! A file's columns as the table has them: found by name or by place, with the table's types and with
//! null, or what the table's schema says instead, for what the file lacks.

use super::Wanted;
use crate::error::to_datafusion;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, RecordBatchOptions, StringArray,
    StructArray, make_array, new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::kernels::substring::substring_by_char;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Field, Fields, Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err};
use mooring_spi::{ColumnMatch, Error, ErrorKind, pick_name};
use std::sync::Arc;

/// Where the columns of a projection stand in one file.
#[derive(Debug)]
pub(super) struct Places(Vec<Option<usize>>);

impl Places {
    /// # Errors
    /// `CorruptData` when two columns of the file differ in the case of their names only, and neither
    /// is exactly the table's.
    pub fn find(wanted: &Wanted, file_names: &[&str]) -> Result<Self> {
        let by = matched_by(wanted, file_names);
        let place = |&column: &usize| place(wanted, by, file_names, column);
        wanted.projection.iter().map(place).collect::<Result<_>>().map(Self)
    }

    /// Where one of the table's columns stands, whether it is in the projection or not.
    ///
    /// # Errors
    /// As [`Places::find`].
    pub fn find_one(wanted: &Wanted, file_names: &[&str], column: usize) -> Result<Option<usize>> {
        place(wanted, matched_by(wanted, file_names), file_names, column)
    }

    /// What a reader has to read, in the order of the file.
    pub fn to_read(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.0.iter().flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The rows of `batch`, which has the columns of [`Places::to_read`].
    ///
    /// # Errors
    /// `CorruptData` for a value that the table's type cannot hold.
    pub fn conform(&self, wanted: &Wanted, batch: &RecordBatch) -> Result<RecordBatch> {
        let read = self.to_read();
        let schema: Arc<Schema> = Arc::new(wanted.columns.project(&wanted.projection)?);
        let columns = self.0.iter().zip(&wanted.projection).zip(schema.fields());
        let columns = columns.map(|((place, column), field)| {
            let at = place.and_then(|place| read.binary_search(&place).ok());
            match at {
                Some(at) => conformed(batch.column(at), field),
                None => missing(wanted.missing.get(*column), field, batch.num_rows()),
            }
        });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }
}

fn matched_by(wanted: &Wanted, file_names: &[&str]) -> ColumnMatch {
    if hides_names(file_names) { ColumnMatch::Position } else { wanted.by }
}

fn place(
    wanted: &Wanted,
    by: ColumnMatch,
    file_names: &[&str],
    column: usize,
) -> Result<Option<usize>> {
    match by {
        ColumnMatch::Position => Ok((column < file_names.len()).then_some(column)),
        ColumnMatch::Name => find_name(wanted.columns.field(column).name(), file_names),
    }
}

/// The rows with texts cut to their columns' lengths, which files of text do not know.
///
/// # Errors
/// As making a batch.
pub(super) fn with_lengths(batch: &RecordBatch, lengths: &[Option<u64>]) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(lengths).map(|(column, length)| {
        match (length, column.data_type()) {
            (Some(length), DataType::Utf8) => {
                let cut = substring_by_char(column.as_string::<i32>(), 0, Some(*length))?;
                Ok(Arc::new(cut) as ArrayRef)
            }
            _ => Ok(column.clone()),
        }
    });
    let columns = columns.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
}

/// Files that Hive wrote before version 2 call their columns `_col0`, `_col1`, …
fn hides_names(file_names: &[&str]) -> bool {
    let hidden = |(place, name): (usize, &&str)| {
        name.strip_prefix("_col").is_some_and(|number| number == place.to_string())
    };
    !file_names.is_empty() && file_names.iter().enumerate().all(hidden)
}

fn find_name(name: &str, file_names: &[&str]) -> Result<Option<usize>> {
    let found = pick_name(name, file_names.iter().copied()).map_err(|error| {
        let message = format!("column {}", error.message());
        to_datafusion(Error::new(ErrorKind::CorruptData, message))
    })?;
    Ok(found.and_then(|found| file_names.iter().position(|other| *other == found)))
}

/// What `rows` have for a column that their file lacks: `value` as the column's type, or null.
fn missing(value: Option<&Option<String>>, field: &Field, rows: usize) -> Result<ArrayRef> {
    let Some(Some(value)) = value else { return Ok(new_null_array(field.data_type(), rows)) };
    let text: ArrayRef = Arc::new(StringArray::from(vec![value.as_str()]));
    ScalarValue::try_from_array(&conformed(&text, field)?, 0)?.to_array_of_size(rows)
}

fn conformed(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let target = field.data_type();
    if array.data_type() == target {
        return Ok(array.clone());
    }
    match (array.data_type(), target) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            structure(array.as_struct(), fields).map(|array| Arc::new(array) as ArrayRef)
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = conformed(list.values(), item)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?))
        }
        (DataType::Map(_, _), DataType::Map(entries, sorted)) => {
            let map = array.as_map();
            let DataType::Struct(pair) = entries.data_type() else {
                return Err(exec_datafusion_err!("a map whose entries are no pairs"));
            };
            // Writers name keys and values differently.
            let parts = map.entries().columns().iter().zip(pair);
            let parts = parts.map(|(part, field)| conformed(part, field)).collect::<Result<_>>()?;
            let pairs = StructArray::try_new(pair.clone(), parts, None)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, pairs, nulls, *sorted)?))
        }
        // Of several types a cast takes one, and has nulls for the others.
        (DataType::Union(types, _), _) if types.len() > 1 => {
            let message = format!("column `{}`: a union of several types", field.name());
            Err(to_datafusion(Error::unsupported(message)))
        }
        // A cast goes towards 1970; what is between two microseconds is of the earlier one.
        (
            DataType::Timestamp(TimeUnit::Nanosecond, zone),
            DataType::Timestamp(TimeUnit::Microsecond, _),
        ) => {
            let nanoseconds = array.as_primitive::<TimestampNanosecondType>();
            let cut =
                nanoseconds.unary::<_, TimestampMicrosecondType>(|value| value.div_euclid(1_000));
            conformed(&(Arc::new(cut.with_timezone_opt(zone.clone())) as ArrayRef), field)
        }
        _ => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, target, &options).map_err(|error| {
                let message = format!("column `{}`: {error}", field.name());
                to_datafusion(Error::new(ErrorKind::CorruptData, message))
            })
        }
    }
}

/// The array with more nulls: what stands for a part of a null structure is any value, and need not be
/// one that the table's type can hold.
fn null_where(array: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else {
        return Ok(array.clone());
    };
    // These have no place for nulls of their own.
    if matches!(array.data_type(), DataType::Null | DataType::Union(_, _)) {
        return Ok(array.clone());
    }
    let nulls = NullBuffer::union(array.nulls(), Some(nulls));
    Ok(make_array(array.to_data().into_builder().nulls(nulls).build()?))
}

fn structure(array: &StructArray, fields: &Fields) -> Result<StructArray, DataFusionError> {
    let names = array.column_names();
    let parts = fields.iter().map(|field| match find_name(field.name(), &names)? {
        Some(place) => conformed(&null_where(array.column(place), array.nulls())?, field),
        None => Ok(new_null_array(field.data_type(), array.len())),
    });
    let parts = parts.collect::<Result<_>>()?;
    Ok(StructArray::try_new_with_length(
        fields.clone(),
        parts,
        array.nulls().cloned(),
        array.len(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::from_datafusion;
    use datafusion::arrow::array::{
        Int64Array, NullArray, TimestampMicrosecondArray, TimestampNanosecondArray, UnionArray,
    };
    use datafusion::arrow::datatypes::{Int32Type, UnionFields};

    #[test]
    fn what_stands_for_a_part_of_a_null_structure_is_of_no_account() {
        let field = |data_type| Field::new("a", data_type, true);
        let nulls = NullBuffer::from(vec![true, false]);
        let parts: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![7, i64::MAX]))];
        let fields = Fields::from(vec![field(DataType::Int64)]);
        let array: ArrayRef = Arc::new(StructArray::new(fields, parts, Some(nulls)));
        let narrow = DataType::Struct(Fields::from(vec![field(DataType::Int32)]));
        let found = conformed(&array, &Field::new("s", narrow, true)).expect("it fits");
        let found = found.as_struct();
        assert_eq!((found.is_null(0), found.is_null(1)), (false, true));
        let part = found.column(0).as_primitive::<Int32Type>();
        assert_eq!(part.iter().collect::<Vec<_>>(), [Some(7), None]);
    }

    #[test]
    fn a_part_that_is_all_null_is_so_in_a_null_structure() {
        let fields = Fields::from(vec![Field::new("a", DataType::Null, true)]);
        let parts: Vec<ArrayRef> = vec![Arc::new(NullArray::new(2))];
        let nulls = NullBuffer::from(vec![true, false]);
        let array: ArrayRef = Arc::new(StructArray::new(fields, parts, Some(nulls)));
        let fields = Fields::from(vec![Field::new("a", DataType::Int32, true)]);
        let field = Field::new("s", DataType::Struct(fields), true);
        let found = conformed(&array, &field).expect("nulls");
        assert_eq!((found.null_count(), found.as_struct().column(0).null_count()), (1, 2));
    }

    #[test]
    fn unions_of_several_types_are_refused_also_in_null_structures() {
        let fields =
            [Field::new("x", DataType::Int64, true), Field::new("y", DataType::Utf8, true)];
        let fields: UnionFields =
            (0_i8..).zip(fields).map(|(id, field)| (id, Arc::new(field))).collect();
        let children: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![1])), Arc::new(StringArray::from(vec!["b"]))];
        let union =
            UnionArray::try_new(fields, vec![0, 1].into(), Some(vec![0, 0].into()), children);
        let union: ArrayRef = Arc::new(union.expect("a union"));
        let inner = Field::new("u", union.data_type().clone(), true);
        let nulls = NullBuffer::from(vec![true, false]);
        let outer = StructArray::new(vec![inner].into(), vec![union.clone()], Some(nulls));
        let wanted = Field::new("u", DataType::Utf8, true);
        let wanted_outer = DataType::Struct(vec![wanted.clone()].into());
        let outer: ArrayRef = Arc::new(outer);
        for (array, field) in [(union, wanted), (outer, Field::new("s", wanted_outer, true))] {
            let error = from_datafusion(&conformed(&array, &field).expect_err("a union"));
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.message().contains("column `u`"), "{error}");
        }
    }

    #[test]
    fn nanoseconds_are_of_the_microsecond_before() {
        let values = vec![Some(1_999), Some(-1), Some(-1_000), Some(-1_001), None];
        let before = vec![Some(1), Some(-1), Some(-1), Some(-2), None];
        for zone in [None, Some("UTC")] {
            let read = TimestampNanosecondArray::from(values.clone()).with_timezone_opt(zone);
            let expected = TimestampMicrosecondArray::from(before.clone()).with_timezone_opt(zone);
            let field = Field::new("at", expected.data_type().clone(), true);
            let found = conformed(&(Arc::new(read) as ArrayRef), &field).expect("times");
            assert_eq!(&found, &(Arc::new(expected) as ArrayRef));
        }
    }

    /// What the rows of a file of the column `id` have for columns that it lacks, each with its type and value.
    fn lacking(columns: &[(DataType, Option<&str>)]) -> Result<RecordBatch> {
        let mut fields = vec![Field::new("id", DataType::Int64, true)];
        let field = |(data_type, _): &(DataType, _)| {
            Field::new(data_type.to_string(), data_type.clone(), true)
        };
        fields.extend(columns.iter().map(field));
        let mut missing = vec![None];
        missing.extend(columns.iter().map(|(_, value)| value.map(str::to_owned)));
        let wanted = Wanted {
            projection: (0..fields.len()).collect(),
            columns: Arc::new(Schema::new(fields)),
            by: ColumnMatch::Name,
            missing,
            batch_rows: 8,
        };
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("id", ids)])?;
        Places::find(&wanted, &["id"])?.conform(&wanted, &batch)
    }

    #[test]
    fn what_a_file_lacks_is_null_or_what_the_schema_says() {
        let filled = lacking(&[
            (DataType::Utf8, Some("none yet")),
            (DataType::Int32, Some("-3")),
            (DataType::Float64, Some("1.5")),
            (DataType::Boolean, Some("true")),
            (DataType::Date32, None),
        ])
        .expect("rows");
        let texts: Vec<_> = filled.column(1).as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("none yet"); 2]);
        for (column, expected) in [(2, "-3"), (3, "1.5"), (4, "true")] {
            let value = ScalarValue::try_from_array(filled.column(column), 1).expect("a value");
            assert_eq!(value.to_string(), expected);
        }
        assert_eq!(filled.column(5).null_count(), 2);
    }

    #[test]
    fn what_is_no_value_of_its_column_is_named() {
        let error = lacking(&[(DataType::Int32, Some("three"))]).expect_err("no number");
        assert!(error.to_string().contains("`Int32`"), "{error}");
    }
}
