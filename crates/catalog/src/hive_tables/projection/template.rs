//! Where projected partitions are: `storage.location.template`, or folders of Hive below the table.
//!
//! Source: Amazon Athena User Guide, "Set up partition projection", "Specify custom S3 storage locations";
//! Apache Hive, `FileUtils.escapePathName`.

use super::properties::Properties;
use crate::hive_tables::location::{location, shown};
use mooring_spi::{
    ColumnProjection, Error, ErrorKind, LocationPart, PartitionProjection, Result, fold,
};
use std::borrow::Cow;

const TEMPLATE: &str = "storage.location.template";
/// Of one location: more than a key of S3 (1,024) or a path of Linux (4,095) has. A template may have a long
/// value in many places, and a query many partitions.
const LOCATION_BYTES_MAX: usize = 4_096;

/// `table`: the table's own location; `columns`: the names of its partition columns.
///
/// # Errors
/// `CorruptData`, `Unsupported`, naming table and property.
pub(super) fn location_parts(
    properties: Properties<'_>,
    table: &str,
    columns: &[&str],
) -> Result<Vec<LocationPart>> {
    let Some(template) = properties.get(TEMPLATE) else { return Ok(folders(table, columns)) };
    let malformed = |right: &str| Err(properties.malformed(TEMPLATE, template, right));
    let mut parts = Vec::new();
    let mut rest = template.trim();
    while let Some((text, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return malformed("a location whose every `${` has a `}`");
        };
        let name = fold(name);
        let Some(column) = columns.iter().position(|column| fold(column) == name) else {
            return malformed(&format!(
                "a location of partition columns, of which `{name}` is none"
            ));
        };
        add_text(&mut parts, text);
        parts.push(LocationPart::Value(column));
        rest = after;
    }
    add_text(&mut parts, rest);
    if !template.trim().ends_with('/') {
        // Whatever begins as the name of the last folder does is no part of the partition.
        add_text(&mut parts, "/");
    }
    for (column, name) in columns.iter().enumerate() {
        if !parts.contains(&LocationPart::Value(column)) {
            return malformed(&format!(
                "a location with `${{{name}}}`, as with every partition column"
            ));
        }
    }
    if location(template.trim()).is_err() {
        let right = "locations on S3 and `file:/PATH` are";
        return Err(properties.unsupported(TEMPLATE, template, right));
    }
    Ok(parts)
}

fn add_text(parts: &mut Vec<LocationPart>, text: &str) {
    if !text.is_empty() {
        parts.push(LocationPart::Text(text.to_owned()));
    }
}

/// `TABLE/column=value/column=value/`
fn folders(table: &str, columns: &[&str]) -> Vec<LocationPart> {
    let mut text = table.to_owned();
    if !text.ends_with('/') {
        text.push('/');
    }
    let mut parts = Vec::new();
    for (column, name) in columns.iter().enumerate() {
        text.push_str(&escaped(name));
        text.push('=');
        parts.push(LocationPart::Text(text));
        parts.push(LocationPart::EscapedValue(column));
        text = "/".to_owned();
    }
    parts.push(LocationPart::Text(text));
    parts
}

/// The location of the partition with these values, one per partition column, as Mooring writes it.
///
/// # Errors
/// `CorruptData` for one that leads out of the folder where it begins, `LimitExceeded` for one that is too long.
pub(super) fn partition_location(
    projection: &PartitionProjection,
    values: &[&str],
) -> Result<String> {
    let value = |column: &usize| values.get(*column).copied().unwrap_or_default();
    let mut hadoop = String::new();
    for part in &projection.location {
        let next = match part {
            LocationPart::Text(text) => Cow::Borrowed(text.as_str()),
            LocationPart::EscapedValue(column) => Cow::Owned(escaped(value(column))),
            LocationPart::Value(column) => match projection.columns.get(*column) {
                Some(ColumnProjection::Injected) => one_name(value(column)),
                // Who made the table may mean folders inside of each other.
                Some(
                    ColumnProjection::Enumerated(_)
                    | ColumnProjection::Integers(_)
                    | ColumnProjection::Dates(_),
                )
                | None => Cow::Borrowed(value(column)),
            },
        };
        if hadoop.len() + next.len() > LOCATION_BYTES_MAX {
            let message = format!(
                "the location of a projected partition begins with `{}` and has more than \
                 {LOCATION_BYTES_MAX} bytes; it has to have fewer",
                shown(&hadoop)
            );
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        hadoop.push_str(&next);
    }
    if hadoop.split('/').any(|name| matches!(name, "." | "..")) {
        let message = format!(
            "a projected partition is at `{}`; its location has to have no `.` and `..`",
            shown(&hadoop)
        );
        return Err(Error::new(ErrorKind::CorruptData, message));
    }
    location(&hadoop)
}

/// What a query asks for is the name of one folder, and never leads to another one.
fn one_name(value: &str) -> Cow<'_, str> {
    match value {
        "." | ".." => Cow::Owned(value.replace('.', "%2E")),
        _ if value.contains(|character: char| character == '/' || character.is_ascii_control()) => {
            Cow::Owned(escaped(value))
        }
        _ => Cow::Borrowed(value),
    }
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^' => {
                text.push_str(&format!("%{:02X}", u32::from(character)));
            }
            character if character.is_ascii_control() => {
                text.push_str(&format!("%{:02X}", u32::from(character)));
            }
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn parts(template: Option<&str>, columns: &[&str]) -> Result<Vec<LocationPart>> {
        let parameters: BTreeMap<String, String> = template
            .map(|template| (TEMPLATE.to_owned(), template.to_owned()))
            .into_iter()
            .collect();
        let properties = Properties { table: "s.t", parameters: &parameters };
        location_parts(properties, "s3://bucket/table_root", columns)
    }

    fn located(
        template: Option<&str>,
        columns: &[&str],
        values: &[&str],
        projection: ColumnProjection,
    ) -> Result<String> {
        let location = parts(template, columns).expect("a template");
        let columns = vec![projection; columns.len()];
        partition_location(&PartitionProjection { columns, location }, values)
    }

    fn listed() -> ColumnProjection {
        ColumnProjection::Enumerated(Vec::new())
    }

    /// The templates of Athena's documentation, "Specify custom S3 storage locations".
    #[test]
    fn values_stand_where_the_template_has_them() {
        let values = ["1", "x y", "2024/01/05"];
        for (template, expected) in [
            (
                Some("s3://bucket/table_root/a=${a}/${b}/some_static_subdirectory/${c}/"),
                "s3://bucket/table_root/a=1/x y/some_static_subdirectory/2024/01/05/",
            ),
            (
                Some("s3://bucket/table_root/c=${C}/${b}/x/${a}/${b}/${c}/${c}"),
                "s3://bucket/table_root/c=2024/01/05/x y/x/1/x y/2024/01/05/2024/01/05/",
            ),
            (None, "s3://bucket/table_root/a=1/b=x y/c=2024%252F01%252F05/"),
        ] {
            let found = located(template, &["a", "b", "c"], &values, listed());
            assert_eq!(found.expect("a location"), expected);
        }
    }

    #[test]
    fn hives_folders_are_escaped() {
        for (value, folder) in [
            // What `FileUtils.escapePathName` of Hive makes of it, written as a URL.
            ("a=b%c:d", "a%253Db%2525c%253Ad"),
            ("São 'x'\n", "São %2527x%2527%250A"),
            ("..", ".."),
        ] {
            let found = located(None, &["c"], &[value], ColumnProjection::Injected);
            assert_eq!(found.expect("a location"), format!("s3://bucket/table_root/c={folder}/"));
        }
    }

    #[test]
    fn what_a_query_asks_for_is_one_folder() {
        for template in ["s3://bucket/${c}/", "file:/data/${c}"] {
            let injected = |value| {
                located(Some(template), &["c"], &[value], ColumnProjection::Injected).expect(value)
            };
            for (value, folder) in [
                ("b6319dc2-48c1", "b6319dc2-48c1"),
                ("a:b=c", "a:b=c"),
                ("..", "%2E%2E"),
                (".", "%2E"),
                ("...", "..."),
                ("../other", "..%2Fother"),
                ("/etc", "%2Fetc"),
                ("a/../../b", "a%2F..%2F..%2Fb"),
                ("a\0", "a%00"),
            ] {
                let expected = match template.starts_with("s3") {
                    true => format!("s3://bucket/{}/", folder.replace('%', "%25")),
                    false => format!("/data/{folder}/"),
                };
                assert_eq!(injected(value), expected);
            }
        }
        // Two values that become a name together.
        let template = Some("file:/data/${a}${b}/");
        let found = located(template, &["a", "b"], &["x", "."], ColumnProjection::Injected);
        assert_eq!(found.expect("a location"), "/data/x%2E/");
        let error = located(template, &["a", "b"], &[".", "."], listed()).expect_err("leads up");
        assert_eq!(error.kind(), ErrorKind::CorruptData);
    }

    #[test]
    fn locations_have_a_bound_and_are_not_shown_whole() {
        let long = "x".repeat(1_000);
        let many = format!("s3://bucket/{}", "${c}/".repeat(100_000));
        for template in [Some(many.as_str()), None] {
            let value = match template {
                Some(_) => long.clone(),
                None => ":".repeat(2_000),
            };
            let found = located(template, &["c"], &[&value], listed());
            let error = found.expect_err("too long");
            assert_eq!(error.kind(), ErrorKind::LimitExceeded);
            assert!(error.message().contains("4096 bytes"), "it says something else");
            assert!(error.message().len() < 500, "{}", error.message().len());
        }
        located(Some("s3://bucket/${c}/${c}/"), &["c"], &[&long], listed()).expect("short enough");
        let up = format!("{long}/..");
        let found = located(Some("s3://bucket/${c}/"), &["c"], &[&up], listed());
        let error = found.expect_err("leads up");
        assert_eq!(error.kind(), ErrorKind::CorruptData);
        assert!(error.message().len() < 500, "{}", error.message().len());
    }

    #[test]
    fn templates_that_are_wrong_say_so() {
        for (template, named) in [
            // Athena's documentation has this one as invalid.
            ("s3://bucket/table_root/a=${a}/some_static_subdirectory/", "`${b}`"),
            ("s3://bucket/${a}/${b}/${c}/", "`c`"),
            ("s3://bucket/${a}/${b/", "`}`"),
            ("hdfs://bucket/${a}/${b}/", "S3"),
            ("${a}/${b}/", "S3"),
        ] {
            let error = parts(Some(template), &["a", "b"]).expect_err(template);
            for named in [named, "`s.t`", "`storage.location.template`"] {
                assert!(error.message().contains(named), "{error}");
            }
        }
    }
}
