//! A file's columns as the table has them: found by name or by place, with the table's types and with
//! null for what the file lacks.

use super::Wanted;
use crate::error::to_datafusion;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray,
    new_null_array,
};
use datafusion::arrow::compute::kernels::substring::substring_by_char;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};
use mooring_spi::{CHARACTER_LENGTH, ColumnMatch, Error, ErrorKind, pick_name};
use std::sync::Arc;

/// Where the columns of a projection stand in one file.
#[derive(Debug)]
pub(super) struct Places(Vec<Option<usize>>);

impl Places {
    /// # Errors
    /// `CorruptData` when two columns of the file differ in the case of their names only, and neither
    /// is exactly the table's.
    pub fn find(wanted: &Wanted, file_names: &[&str]) -> Result<Self> {
        let by = match hides_names(file_names) {
            true => ColumnMatch::Position,
            false => wanted.by,
        };
        let place = |&column: &usize| match by {
            ColumnMatch::Position => Ok((column < file_names.len()).then_some(column)),
            ColumnMatch::Name => find_name(wanted.columns.field(column).name(), file_names),
        };
        wanted.projection.iter().map(place).collect::<Result<_>>().map(Self)
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
        let columns = self.0.iter().zip(schema.fields()).map(|(place, field)| {
            let at = place.and_then(|place| read.binary_search(&place).ok());
            match at {
                Some(at) => conformed(batch.column(at), field),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            }
        });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }
}

/// The rows with texts cut to their columns' lengths, which files of text do not know.
///
/// # Errors
/// As making a batch.
pub(super) fn with_lengths(batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema();
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        let length = field.metadata().get(CHARACTER_LENGTH).and_then(|length| length.parse().ok());
        match (length, column.data_type()) {
            (Some(length), DataType::Utf8) => {
                let cut = substring_by_char(column.as_string::<i32>(), 0, Some(length))?;
                Ok(Arc::new(cut) as ArrayRef)
            }
            _ => Ok(column.clone()),
        }
    });
    let columns = columns.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
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
        _ => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, target, &options).map_err(|error| {
                let message = format!("column `{}`: {error}", field.name());
                to_datafusion(Error::new(ErrorKind::CorruptData, message))
            })
        }
    }
}

fn structure(array: &StructArray, fields: &Fields) -> Result<StructArray, DataFusionError> {
    let names = array.column_names();
    let parts = fields.iter().map(|field| match find_name(field.name(), &names)? {
        Some(place) => conformed(array.column(place), field),
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
