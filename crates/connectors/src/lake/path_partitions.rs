//! Columns of a path that only its folders tell: `year=2024/` above every file.

use super::partition::folders_of;
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use mooring_spi::{Value, fold, partition_value};
use mooring_storage::Location;
use object_store::ObjectMeta;

/// What the values of a column may be, the first that all of them are; else they are text.
const TYPES: [DataType; 2] = [DataType::Int64, DataType::Date32];

/// `YYYY-MM-DD`, in bytes.
const DATE_LENGTH: usize = 10;

/// The columns that the folders below the location tell, if they tell the same ones of every file. A
/// column that files have is theirs.
pub(super) fn told_by_folders(
    location: &Location,
    files: &[ObjectMeta],
    in_files: &Schema,
) -> Vec<Field> {
    let told: Vec<_> = files.iter().map(|file| folders_of(location, &file.location)).collect();
    let Some(first) = told.first() else { return Vec::new() };
    let same = |folders: &Vec<(String, String)>| {
        folders.iter().map(|(name, _)| name).eq(first.iter().map(|(name, _)| name))
    };
    if !told.iter().all(same) {
        return Vec::new();
    }
    let names: Vec<String> = first.iter().map(|(name, _)| fold(name)).collect();
    let is_taken = |place: usize, name: &str| {
        names[..place].iter().any(|other| other == name)
            || in_files.fields().iter().any(|field| fold(field.name()) == name)
    };
    let places = (0..first.len()).filter(|&place| !is_taken(place, &names[place]));
    let column = |place: usize| {
        let field = |data_type| Field::new(&first[place].0, data_type, true);
        let holds = |column: &Field| told.iter().all(|folders| is_value(column, &folders[place].1));
        TYPES.into_iter().map(field).find(holds).unwrap_or_else(|| field(DataType::Utf8))
    };
    places.map(column).collect()
}

/// Whether nothing of the text is lost in the column's type, but zeros before a number, as in DuckDB.
fn is_value(column: &Field, text: &str) -> bool {
    match partition_value(column, text) {
        Ok(Value::Int(number)) => {
            number.to_string() == text || text.bytes().all(|byte| byte.is_ascii_digit())
        }
        Ok(Value::Date(days)) => {
            text.len() == DATE_LENGTH
                && Date32Type::to_naive_date_opt(days).is_some_and(|date| date.to_string() == text)
        }
        Ok(value) => value.is_null(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::path::Path;

    fn told(files: &[&str]) -> Vec<(String, DataType)> {
        let location = Location::parse("s3://b/t/").expect("a location");
        let file = |path: &&str| ObjectMeta {
            location: Path::parse(format!("t/{path}")).expect("a path"),
            last_modified: Default::default(),
            size: 1,
            e_tag: None,
            version: None,
        };
        let files: Vec<ObjectMeta> = files.iter().map(file).collect();
        let in_files = Schema::new(vec![Field::new("ID", DataType::Int64, true)]);
        let fields = told_by_folders(&location, &files, &in_files);
        fields.iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    }

    #[test]
    fn what_would_be_read_as_something_else_is_text() {
        for (value, expected) in [
            ("2024", DataType::Int64),
            ("01", DataType::Int64),
            ("00", DataType::Int64),
            ("-7", DataType::Int64),
            ("-9223372036854775808", DataType::Int64),
            ("9223372036854775808", DataType::Utf8),
            ("-0", DataType::Utf8),
            ("-01", DataType::Utf8),
            ("+1", DataType::Utf8),
            ("%201", DataType::Utf8),
            ("1%20", DataType::Utf8),
            ("1.0", DataType::Utf8),
            ("", DataType::Utf8),
            ("2024-01-31", DataType::Date32),
            ("2024-02-30", DataType::Utf8),
            ("2024-1-31", DataType::Utf8),
            ("2024-01-31 10:00:00", DataType::Utf8),
            ("2024-01-31T00:00:00", DataType::Utf8),
            ("20240131", DataType::Int64),
        ] {
            for files in [
                vec![format!("p={value}/a")],
                vec![format!("p={value}/a"), "p=__HIVE_DEFAULT_PARTITION__/a".to_owned()],
            ] {
                let files: Vec<&str> = files.iter().map(String::as_str).collect();
                assert_eq!(told(&files), [("p".to_owned(), expected.clone())], "{files:?}");
            }
        }
    }

    #[test]
    fn columns_are_those_that_every_file_has_a_folder_for() {
        let year = ("year".to_owned(), DataType::Int64);
        let text = |name: &str| (name.to_owned(), DataType::Utf8);
        for (files, expected) in [
            (&["year=2023/a", "year=2024/a"][..], vec![year.clone()]),
            (&["year=2023/x/city=S%C3%A3o/a"], vec![year.clone(), text("city")]),
            (
                &["day=2024-01-31/a", "day=__HIVE_DEFAULT_PARTITION__/a"],
                vec![("day".to_owned(), DataType::Date32)],
            ),
            (&["year=2023/a", "year=old/a"], vec![text("year")]),
            (&["year=2023/a", "month=1/a"], vec![]),
            (&["year=2023/a", "a"], vec![]),
            (&["year=2023/id=1/a"], vec![year.clone()]),
            (&["year=2023/Year=1/a"], vec![year]),
            (&["a=1"], vec![]),
            (&[], vec![]),
        ] {
            assert_eq!(told(files), expected, "{files:?}");
        }
    }
}
