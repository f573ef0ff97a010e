//! SUBSTRING as MySQL has it (MySQL 8.0 Reference Manual, section 14.8): a negative position counts
//! from the end, position 0 and a length below 1 give the empty text. DataFusion's is PostgreSQL's,
//! where the part before the text counts.

use super::{as_given, nullable_as_given};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};
use std::sync::{Arc, LazyLock};

static SUBSTRING: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let two = vec![DataType::Utf8, DataType::Int64];
    let three = vec![DataType::Utf8, DataType::Int64, DataType::Int64];
    let signature = Signature::one_of(
        vec![TypeSignature::Exact(two), TypeSignature::Exact(three)],
        Volatility::Immutable,
    );
    Arc::new(ScalarUDF::from(Substring { signature }))
});

pub(crate) fn substring() -> Arc<ScalarUDF> {
    SUBSTRING.clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Substring {
    signature: Signature,
}

impl ScalarUDFImpl for Substring {
    fn name(&self) -> &str {
        "substring_by_position"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(nullable_as_given(self.name(), DataType::Utf8, &arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let (texts, positions, lengths) = match arrays.as_slice() {
            [texts, positions] => (texts, positions, None),
            [texts, positions, lengths] => (texts, positions, Some(lengths)),
            _ => return internal_err!("substring_by_position takes two or three arguments"),
        };
        let positions: &Int64Array = positions.as_primitive::<Int64Type>();
        let lengths: Option<&Int64Array> = lengths.map(|lengths| lengths.as_primitive());
        let texts: &StringArray = texts.as_string();
        let parts = texts.iter().zip(positions).enumerate().map(|(row, (text, position))| {
            let length = match lengths {
                None => i64::MAX,
                Some(lengths) if lengths.is_null(row) => return None,
                Some(lengths) => lengths.value(row),
            };
            Some(part(text?, position?, length))
        });
        let parts: ArrayRef = Arc::new(parts.collect::<StringArray>());
        as_given(&arguments.args, parts)
    }
}

/// Positions and lengths are in characters; the first has position 1.
fn part(text: &str, position: i64, length: i64) -> &str {
    let length = usize::try_from(length).unwrap_or_default();
    let magnitude = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
    let mut starts = text.char_indices().map(|(start, _)| start);
    let start = match position {
        1.. => starts.nth(magnitude - 1),
        0 => None,
        ..0 => starts.rev().nth(magnitude - 1),
    };
    let Some(rest) = start.and_then(|start| text.get(start..)) else {
        return "";
    };
    match rest.char_indices().nth(length) {
        Some((end, _)) => rest.get(..end).unwrap_or_default(),
        None => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MariaDB 10.11.
    #[test]
    fn positions_count_from_either_end() {
        for (text, position, length, expected) in [
            ("Sakila", -3, i64::MAX, "ila"),
            ("Sakila", -5, 3, "aki"),
            ("Sakila", 0, 3, ""),
            ("Sakila", -7, 3, ""),
            ("Sakila", 7, 3, ""),
            ("Sakila", 3, 0, ""),
            ("Sakila", 3, -1, ""),
            ("blåbær", -2, 1, "æ"),
            ("blåbær", 3, 99, "åbær"),
            ("Sakila", i64::MIN, 1, ""),
        ] {
            assert_eq!(part(text, position, length), expected, "{text} {position} {length}");
        }
    }
}
