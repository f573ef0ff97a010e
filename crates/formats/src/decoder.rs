//! The contract of the decoders, and which one reads which format.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use mooring_spi::{Error, FileFormat, Result};

use crate::{json::JsonDecoder, open_csv::OpenCsvDecoder, text::TextDecoder};

/// A batch that has taken this much text is full, however few its rows are. With the longest line beside it,
/// the text of a batch stays below what offsets of 32 bits reach.
pub const MAX_BATCH_BYTES: usize = 128 << 20;

/// Makes batches of lines.
pub trait LineDecoder: Send {
    /// Takes one line, without its line end.
    ///
    /// # Errors
    /// `CorruptData` for a line that the format does not allow; the line is no row then.
    fn line(&mut self, line: &[u8]) -> Result<()>;

    /// How many rows wait for [`LineDecoder::flush`].
    fn rows(&self) -> usize;

    /// Whether the batch should be taken before the next line.
    fn full(&self) -> bool;

    /// The rows that wait; none when there are none.
    ///
    /// # Errors
    /// `LimitExceeded` when a column is too large for a batch.
    fn flush(&mut self) -> Result<Option<RecordBatch>>;
}

/// The decoder of the lines of `format`.
///
/// `file_columns` are all columns of the file in its order; `projection` says which of them the batches have,
/// in the batches' order.
///
/// # Errors
/// `Unsupported` for a format without lines of Hive, a type that it cannot hold or a timestamp pattern with an
/// unknown letter; `InvalidArgument` for options that contradict each other.
pub fn decoder(
    format: &FileFormat,
    file_columns: &SchemaRef,
    projection: &[usize],
    batch_rows: usize,
) -> Result<Box<dyn LineDecoder>> {
    if let Some(index) = projection.iter().find(|index| **index >= file_columns.fields().len()) {
        return Err(Error::internal(format!(
            "column {index} is projected from a file of {} columns",
            file_columns.fields().len()
        )));
    }
    match format {
        FileFormat::HiveText(options) => {
            Ok(Box::new(TextDecoder::new(options, file_columns, projection, batch_rows)?))
        }
        FileFormat::HiveCsv(options) => {
            Ok(Box::new(OpenCsvDecoder::new(options, file_columns, projection, batch_rows)?))
        }
        FileFormat::HiveJson(options) => {
            Ok(Box::new(JsonDecoder::new(options, file_columns, projection, batch_rows)?))
        }
        FileFormat::Parquet
        | FileFormat::Orc
        | FileFormat::Avro
        | FileFormat::Csv(_)
        | FileFormat::Json => Err(Error::unsupported(format!(
            "files of format `{}` are not read line by line",
            format.keyword()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};
    use mooring_spi::{ErrorKind, HiveCsvOptions, HiveJsonOptions, HiveTextOptions};

    use super::*;

    #[test]
    fn each_format_of_hive_has_a_decoder() {
        let columns = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        for (format, line) in [
            (FileFormat::HiveText(HiveTextOptions::default()), "x"),
            (FileFormat::HiveCsv(HiveCsvOptions::default()), "\"x\""),
            (FileFormat::HiveJson(HiveJsonOptions::default()), "{\"a\": \"x\"}"),
        ] {
            let mut decoder = decoder(&format, &columns, &[0], 2).unwrap();
            decoder.line(line.as_bytes()).unwrap();
            assert!(!decoder.full());
            decoder.line(line.as_bytes()).unwrap();
            assert!(decoder.full());
            let batch = decoder.flush().unwrap().unwrap();
            let expected = arrow::array::StringArray::from(vec!["x", "x"]);
            assert_eq!(batch.column(0).as_ref(), &expected as &dyn arrow::array::Array);
        }
        let error = decoder(&FileFormat::Parquet, &columns, &[0], 1).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let json = FileFormat::HiveJson(HiveJsonOptions::default());
        assert_eq!(decoder(&json, &columns, &[1], 1).err().unwrap().kind(), ErrorKind::Internal);
    }
}
