//! Texts filled up with spaces. `char_padded(text, n)` is the value of a `char(n)`, whatever a file holds of it:
//! the first n characters, and spaces up to n (Apache Hive, "LanguageManual Types"; Apache Spark, "Data
//! Types", `CharType`). `space_filled(text, n)` is for comparisons with it and loses nothing but spaces: it has n
//! characters at least, and beyond them no space at its end.

use super::{as_given, nullable_as_given};
use datafusion::arrow::array::{AsArray, Int64Array, StringArray};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, internal_err, resources_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::sync::{Arc, LazyLock};

static CHAR_PADDED: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| padding("char_padded", Longer::IsCut));
static SPACE_FILLED: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| padding("space_filled", Longer::LosesSpaces));

pub(super) fn char_padded() -> Arc<ScalarUDF> {
    CHAR_PADDED.clone()
}

pub(super) fn space_filled() -> Arc<ScalarUDF> {
    SPACE_FILLED.clone()
}

pub(crate) fn padding_functions() -> [Arc<ScalarUDF>; 2] {
    [char_padded(), space_filled()]
}

fn padding(name: &'static str, longer: Longer) -> Arc<ScalarUDF> {
    let arguments = vec![DataType::Utf8, DataType::Int64];
    let signature = Signature::exact(arguments, Volatility::Immutable);
    Arc::new(ScalarUDF::from(Padding { name, longer, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Padding {
    name: &'static str,
    longer: Longer,
    signature: Signature,
}

/// What becomes of a text with more characters than are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Longer {
    IsCut,
    /// Those at its end.
    LosesSpaces,
}

impl ScalarUDFImpl for Padding {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(nullable_as_given(self.name, DataType::Utf8, &arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [texts, lengths] = arrays.as_slice() else {
            return internal_err!("{} takes two arguments", self.name);
        };
        let padded = padded(texts.as_string(), lengths.as_primitive::<Int64Type>(), self.longer)?;
        as_given(&arguments.args, Arc::new(padded))
    }
}

/// # Errors
/// `ResourcesExhausted` where the texts are longer together than an array may be.
fn padded(texts: &StringArray, lengths: &Int64Array, longer: Longer) -> Result<StringArray> {
    let part = |(text, length): (Option<_>, Option<_>)| Some(fitted(text?, length?, longer));
    let parts: Vec<Option<(&str, usize)>> = texts.iter().zip(lengths).map(part).collect();
    // Of files that Spark wrote.
    let is_same = |(text, part): (Option<&str>, &Option<(&str, usize)>)| {
        text.map(|text| (text.len(), 0)) == part.map(|(kept, spaces)| (kept.len(), spaces))
    };
    if texts.iter().zip(&parts).all(is_same) {
        return Ok(texts.clone());
    }
    let length = |part: &Option<(&str, usize)>| {
        part.map_or(0, |(kept, spaces)| kept.len().saturating_add(spaces))
    };
    let bytes = parts.iter().map(length).fold(0, usize::saturating_add);
    if i32::try_from(bytes).is_err() {
        return resources_err!("{} texts that are filled up have {bytes} bytes", parts.len());
    }
    let offsets = OffsetBuffer::from_lengths(parts.iter().map(length));
    let nulls: NullBuffer = parts.iter().map(Option::is_some).collect();
    let mut values = String::with_capacity(bytes);
    for (kept, spaces) in parts.into_iter().flatten() {
        values.push_str(kept);
        values.extend(std::iter::repeat_n(' ', spaces));
    }
    let values = Buffer::from(values.into_bytes());
    Ok(StringArray::try_new(offsets, values, Some(nulls))?)
}

/// What stays of a text that is to have `length` characters, and how many spaces come behind it.
fn fitted(text: &str, length: i64, longer: Longer) -> (&str, usize) {
    let length = usize::try_from(length).unwrap_or_default();
    let characters = match text.is_ascii() {
        true => text.len(),
        false => text.chars().count(),
    };
    if characters <= length {
        return (text, length - characters);
    }
    let end = text.char_indices().nth(length).map_or(text.len(), |(end, _)| end);
    let end = match longer {
        Longer::IsCut => end,
        Longer::LosesSpaces => end.max(text.trim_end_matches(' ').len()),
    };
    (text.get(..end).unwrap_or(text), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str, length: i64, longer: Longer) -> String {
        let texts = StringArray::from(vec![text]);
        let padded = padded(&texts, &Int64Array::from(vec![length]), longer);
        padded.expect("a short text").value(0).to_owned()
    }

    /// Spark 3.5 over tables with `c char(5)`; what is longer than its column as Hive shows it.
    #[test]
    fn values_are_as_long_as_their_type_says() {
        for (text, expected) in [
            ("ab", "ab   "),
            ("ab   ", "ab   "),
            ("abcde", "abcde"),
            ("abcdefg", "abcde"),
            ("", "     "),
            (" a ", " a   "),
            ("zwölf", "zwölf"),
            ("größer", "größe"),
            ("ä", "ä    "),
        ] {
            assert_eq!(one(text, 5, Longer::IsCut), expected, "`{text}`");
        }
    }

    #[test]
    fn what_is_filled_loses_spaces_only() {
        for (text, length, expected) in [
            ("ab", 5, "ab   "),
            ("ab        ", 5, "ab   "),
            ("abcdefg", 5, "abcdefg"),
            ("abcdefg  ", 5, "abcdefg"),
            ("größer  ", 5, "größer"),
            ("ab", -1, "ab"),
            ("", 0, ""),
        ] {
            assert_eq!(one(text, length, Longer::LosesSpaces), expected, "`{text}`");
        }
    }

    #[test]
    fn nulls_stay_and_texts_that_fit_are_not_copied() {
        let lengths = Int64Array::from(vec![3, 3]);
        let fitting = StringArray::from(vec![Some("abc"), None]);
        let same = padded(&fitting, &lengths, Longer::IsCut).expect("short texts");
        assert_eq!(same.values().as_ptr(), fitting.values().as_ptr());
        let short = StringArray::from(vec![None, Some("a")]);
        let filled = padded(&short, &lengths, Longer::IsCut).expect("short texts");
        assert_eq!(filled, StringArray::from(vec![None, Some("a  ")]));
        let unknown = Int64Array::from(vec![Some(1), None]);
        let filled = padded(&short, &unknown, Longer::LosesSpaces).expect("short texts");
        assert_eq!(filled, StringArray::from(vec![None::<&str>, None]));
    }

    #[test]
    fn what_no_array_holds_is_an_error() {
        let texts = StringArray::from(vec!["a"; 3]);
        let lengths = Int64Array::from(vec![1 << 30; 3]);
        let error = padded(&texts, &lengths, Longer::IsCut).expect_err("3 GiB");
        assert!(error.to_string().contains("3221225472"), "{error}");
    }

    /// Every text of up to four of these, as the specification says it, a character at a time.
    #[test]
    fn characters_are_counted() {
        let mut texts = vec![String::new()];
        for first in 0..4 {
            let longest = texts.iter().filter(|text| text.chars().count() == first);
            let longer =
                longest.flat_map(|text| ['a', 'ä', '😀', ' '].map(|it| format!("{text}{it}")));
            let longer: Vec<String> = longer.collect();
            texts.extend(longer);
        }
        assert_eq!(texts.len(), 1 + 4 + 16 + 64 + 256);
        for text in &texts {
            for length in 0..6 {
                let characters = |text: &String| text.chars().count();
                let length_64 = i64::try_from(length).expect("a small number");
                let mut filled = text.clone();
                while characters(&filled) < length {
                    filled.push(' ');
                }
                let cut: String = filled.chars().take(length).collect();
                assert_eq!(one(text, length_64, Longer::IsCut), cut, "`{text}` {length}");
                while characters(&filled) > length && filled.ends_with(' ') {
                    filled.pop();
                }
                assert_eq!(one(text, length_64, Longer::LosesSpaces), filled, "`{text}` {length}");
            }
        }
    }
}
