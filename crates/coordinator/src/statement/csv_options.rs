//! The options of a CSV table between their text in a statement and [`CsvOptions`].

use super::nearest;
use mooring_spi::{CsvOptions, Error, ErrorKind, Result};
use std::collections::BTreeMap;

/// Every option, in the order in which it is written.
pub(super) const KNOWN: [&str; 6] =
    ["header", "delimiter", "quote", "escape", "null", "newlines_in_values"];

/// # Errors
/// `InvalidArgument` for an unknown option, naming the nearest, or a value that cannot be used.
pub(super) fn read(options: &BTreeMap<String, String>) -> Result<CsvOptions> {
    let mut csv = CsvOptions::default();
    for (name, value) in options {
        match name.as_str() {
            "header" => csv.has_header = boolean(name, value)?,
            "delimiter" => csv.delimiter = byte(name, value)?,
            "quote" => csv.quote = byte(name, value)?,
            "escape" => csv.escape = Some(byte(name, value)?),
            "null" => csv.null = Some(value.clone()),
            "newlines_in_values" => csv.newlines_in_values = boolean(name, value)?,
            unknown => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "unknown option `{unknown}` of a CSV table{}; there are {}",
                        nearest::hint(unknown, KNOWN),
                        KNOWN.map(|known| format!("`{known}`")).join(", ")
                    ),
                ));
            }
        }
    }
    Ok(csv)
}

/// The options that make [`read`] answer `csv`.
pub(super) fn write(csv: &CsvOptions) -> Vec<(&'static str, String)> {
    let plain = CsvOptions::default();
    let mut options = vec![("header", csv.has_header.to_string())];
    if csv.delimiter != plain.delimiter {
        options.push(("delimiter", char::from(csv.delimiter).to_string()));
    }
    if csv.quote != plain.quote {
        options.push(("quote", char::from(csv.quote).to_string()));
    }
    if let Some(escape) = csv.escape {
        options.push(("escape", char::from(escape).to_string()));
    }
    if let Some(null) = &csv.null {
        options.push(("null", null.clone()));
    }
    if csv.newlines_in_values {
        options.push(("newlines_in_values", "true".to_owned()));
    }
    options
}

fn boolean(name: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err(wrong(name, value, "`true` or `false`")),
    }
}

/// One ASCII character; `\t` also in its two-character form.
fn byte(name: &str, value: &str) -> Result<u8> {
    match value.as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        _ => Err(wrong(name, value, "one ASCII character")),
    }
}

fn wrong(name: &str, value: &str, right: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("option `{name}` can't be `{value}`; it is {right}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_option_is_read_and_written_back() {
        let csv = CsvOptions {
            has_header: false,
            delimiter: b'\t',
            quote: b'\'',
            escape: Some(b'\\'),
            null: Some("NA".to_owned()),
            newlines_in_values: true,
        };
        let written = write(&csv).into_iter().map(|(name, value)| (name.to_owned(), value));
        let written: BTreeMap<String, String> = written.collect();
        assert_eq!(written.len(), KNOWN.len());
        assert_eq!(read(&written).expect("known options"), csv);
    }

    #[test]
    fn wrong_ones_are_named() {
        let error = read(&options(&[("delimeter", "|")])).expect_err("unknown");
        assert!(error.message().contains("did you mean `delimiter`?"), "{error}");
        let error = read(&options(&[("quote", "ab")])).expect_err("two characters");
        assert!(error.message().contains("one ASCII character"), "{error}");
        assert!(read(&options(&[("delimiter", "§")])).is_err());
        assert_eq!(read(&options(&[("delimiter", "\\t")])).expect("a tab").delimiter, b'\t');
    }
}
