//! The columns of text files, from the start of the first one. Types are those that all values there
//! fit; a file that goes on otherwise is refused by the query that reads it.

use super::file_schema::table_schema;
use super::record::file_start;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow_csv::reader::Format;
use arrow_json::reader::infer_json_schema;
use mooring_spi::{Compression, CsvOptions, Error, ErrorKind, Result};
use mooring_storage::to_spi_error;
use object_store::{ObjectMeta, ObjectStore};
use std::collections::HashSet;
use std::io::Cursor;
use std::sync::Arc;

/// A text file whose columns are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextFile<'a> {
    pub(super) store: &'a dyn ObjectStore,
    pub(super) store_url: &'a str,
    pub(super) file: &'a ObjectMeta,
    pub(super) compression: Compression,
    /// `None` for JSON.
    pub(super) csv: Option<&'a CsvOptions>,
}

/// # Errors
/// `CorruptData`, naming the file, where its start holds no record, or none of the format;
/// `Unsupported` for a compression that is not read; what the store says.
pub(super) async fn text_schema(text: TextFile<'_>) -> Result<SchemaRef> {
    let name = format!("{}/{}", text.store_url, text.file.location);
    let start = file_start(text.store, text.file, text.compression)
        .await
        .map_err(|error| to_spi_error(error, &name))?;
    let Some(mut start) = start else {
        let message = format!("file `{name}` is compressed in a way that is not read");
        return Err(Error::unsupported(message));
    };
    if !start.is_whole {
        // The last line may be cut.
        let end = start.text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        start.text.truncate(end);
    }
    let csv = text.csv.cloned();
    let inferred = tokio::task::spawn_blocking(move || match csv {
        Some(options) => csv_schema(&start.text, &options),
        None => json_schema(&start.text),
    })
    .await
    .map_err(|error| Error::internal("the columns of a file were not found").with_cause(error))?;
    inferred.map(|schema| table_schema(&schema)).map_err(|why| {
        Error::new(ErrorKind::CorruptData, format!("file `{name}` tells no columns: {why}"))
    })
}

/// The first record has the names.
fn csv_schema(text: &[u8], options: &CsvOptions) -> Result<Schema, String> {
    let format = Format::default()
        .with_header(options.has_header)
        .with_delimiter(options.delimiter)
        .with_quote(options.quote);
    let (schema, _) =
        format.infer_schema(Cursor::new(text), None).map_err(|error| error.to_string())?;
    columns(&schema)
}

fn json_schema(text: &[u8]) -> Result<Schema, String> {
    let (schema, _) = infer_json_schema(Cursor::new(text), None)
        .map_err(|error| format!("{error}; expected one JSON object per line"))?;
    columns(&schema)
}

/// Every column nullable, with a name of its own, and of a type: one without a value is text.
fn columns(schema: &Schema) -> Result<Schema, String> {
    if schema.fields().is_empty() {
        return Err("its start has no whole record".to_owned());
    }
    let mut names = HashSet::new();
    let mut fields = Vec::with_capacity(schema.fields().len());
    for (number, field) in schema.fields().iter().enumerate() {
        let name = match field.name().as_str() {
            "" => format!("column_{}", number + 1),
            name => name.to_owned(),
        };
        if !names.insert(name.clone()) {
            return Err(format!("two columns have the name `{name}`"));
        }
        fields.push(Field::new(name, typed(field.data_type()), true));
    }
    Ok(Schema::new(fields))
}

fn typed(data_type: &DataType) -> DataType {
    let field = |field: &FieldRef| {
        Arc::new(Field::new(field.name(), typed(field.data_type()), field.is_nullable()))
    };
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::List(field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::TimeUnit;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{ObjectStoreExt, PutPayload};

    async fn schema(text: &str, csv: Option<&CsvOptions>) -> Result<Vec<(String, DataType)>> {
        let store = InMemory::new();
        let path = Path::from("a.txt");
        store.put(&path, PutPayload::from(text.to_owned())).await.expect("put");
        let file = store.head(&path).await.expect("there");
        let text = TextFile {
            store: &store,
            store_url: "s3://b",
            file: &file,
            compression: Compression::None,
            csv,
        };
        let schema = text_schema(text).await?;
        let column = |field: &FieldRef| (field.name().clone(), field.data_type().clone());
        Ok(schema.fields().iter().map(column).collect())
    }

    #[tokio::test]
    async fn csv_columns_have_the_type_of_all_their_values() {
        let options = CsvOptions::default();
        let text = "id,x,day,at,name,none,mixed\n\
                    1,1.5,2020-01-02,2020-01-02 03:04:05,a,,1\n2,2,2021-01-01,2020-01-02T00:00:00,\"b,c\",,z\n";
        let expected = [
            ("id", DataType::Int64),
            ("x", DataType::Float64),
            ("day", DataType::Date32),
            ("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
            ("name", DataType::Utf8),
            ("none", DataType::Utf8),
            ("mixed", DataType::Utf8),
        ];
        let expected = expected.map(|(name, data_type)| (name.to_owned(), data_type));
        assert_eq!(schema(text, Some(&options)).await.expect("columns"), expected);
        let tabs = CsvOptions { delimiter: b'\t', ..options };
        let found = schema("a\tb\n1\tx", Some(&tabs)).await.expect("columns");
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[tokio::test]
    async fn a_line_that_the_sample_cuts_does_not_count() {
        // The number that the end of the sample would cut would be none.
        let text = format!("a\n{}", "1234567\n".repeat(200_000));
        let found = schema(&text, Some(&CsvOptions::default())).await.expect("columns");
        assert_eq!(found, [("a".to_owned(), DataType::Int64)]);
    }

    #[tokio::test]
    async fn json_columns_are_those_of_all_records() {
        let found = schema("{\"a\": 1}\n{\"a\": 2.5, \"b\": [\"x\"], \"c\": null}\n", None).await;
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let expected =
            [("a", DataType::Float64), ("b", DataType::List(item)), ("c", DataType::Utf8)];
        assert_eq!(
            found.expect("columns"),
            expected.map(|(name, data_type)| (name.to_owned(), data_type))
        );
    }

    #[tokio::test]
    async fn what_tells_no_columns_is_named() {
        let options = CsvOptions::default();
        for (text, csv) in
            [("a,b,a\n1,2,3\n", Some(&options)), ("[1, 2]\n", None), ("\n", None), ("{", None)]
        {
            let error = schema(text, csv).await.expect_err(text);
            assert_eq!(error.kind(), ErrorKind::CorruptData);
            assert!(error.message().contains("`s3://b/a.txt`"), "{error}");
        }
    }
}
