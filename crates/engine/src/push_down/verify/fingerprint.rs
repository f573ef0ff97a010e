//! Rows as a sum: two sets of rows are taken for equal where the number of rows and, of each column and of whole
//! rows, the sums of hashes are. The order of rows is of no account, and however many there are, a
//! fingerprint has the same size.

use super::comparison::Comparison;
use super::differs;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};
use mooring_spi::{Error, Result};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// By how much of their sum of magnitudes two sums of doubles may differ that were made in different orders.
const DOUBLES_DIFFER_MAX: f64 = 1e-9;

#[derive(Debug)]
pub(super) struct Fingerprint {
    comparison: Comparison,
    rows: u64,
    sums: Option<Sums>,
}

#[derive(Debug)]
struct Sums {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// Whole rows, of the columns that are compared by hash.
    row_converter: RowConverter,
    rows: u128,
}

#[derive(Debug)]
enum Column {
    Hashed {
        converter: RowConverter,
        sum: u128,
    },
    /// Doubles that an aggregate made, whose last digits depend on the order of rows.
    Doubles {
        numbers: f64,
        magnitudes: f64,
        nulls: u64,
        others: u64,
    },
    /// Of a type that has no canonical bytes.
    Unknown,
}

impl Fingerprint {
    pub fn new(comparison: Comparison) -> Self {
        Self { comparison, rows: 0, sums: None }
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let doubles = match self.comparison {
            Comparison::Nothing | Comparison::Count => return Ok(()),
            Comparison::Rows { doubles_vary } => doubles_vary,
        };
        let sums = match &mut self.sums {
            Some(sums) => sums,
            None => self.sums.insert(Sums::new(batch.schema(), doubles)?),
        };
        sums.add(batch)
    }

    /// # Errors
    /// `Internal`, telling what differs.
    pub fn same_as(&self, other: &Self) -> Result<()> {
        if self.comparison == Comparison::Nothing {
            return Ok(());
        }
        if self.rows != other.rows {
            return Err(differs(format!(
                "with it there are {} rows, and without it {}",
                self.rows, other.rows
            )));
        }
        let (Some(with), Some(without)) = (&self.sums, &other.sums) else { return Ok(()) };
        let named = with.schema.fields().iter().zip(with.columns.iter().zip(&without.columns));
        let different: Vec<String> = named
            .filter(|(_, (with, without))| !with.same_as(without))
            .map(|(field, _)| format!("`{}`", field.name()))
            .collect();
        if !different.is_empty() {
            let columns = different.join(", ");
            return Err(differs(format!("there are other values in {columns}")));
        }
        match with.rows == without.rows {
            true => Ok(()),
            false => Err(differs("the same values stand in other rows".to_owned())),
        }
    }
}

impl Sums {
    fn new(schema: SchemaRef, doubles_vary: bool) -> Result<Self> {
        let mut columns = Vec::with_capacity(schema.fields().len());
        let mut hashed = Vec::new();
        for field in schema.fields() {
            let sort_field = SortField::new(field.data_type().clone());
            columns.push(match field.data_type() {
                DataType::Float64 | DataType::Float32 if doubles_vary => {
                    Column::Doubles { numbers: 0.0, magnitudes: 0.0, nulls: 0, others: 0 }
                }
                _ if RowConverter::supports_fields(std::slice::from_ref(&sort_field)) => {
                    hashed.push(sort_field.clone());
                    let converter = RowConverter::new(vec![sort_field]).map_err(no_bytes)?;
                    Column::Hashed { converter, sum: 0 }
                }
                _ => Column::Unknown,
            });
        }
        let row_converter = RowConverter::new(hashed).map_err(no_bytes)?;
        Ok(Self { schema, columns, row_converter, rows: 0 })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut hashed = Vec::new();
        for (column, values) in self.columns.iter_mut().zip(batch.columns()) {
            let values = without_signs_of_zero(values);
            column.add(&values)?;
            if let Column::Hashed { .. } = column {
                hashed.push(values);
            }
        }
        if !hashed.is_empty() {
            self.rows = self.rows.wrapping_add(sum_of_hashes(&self.row_converter, &hashed)?);
        }
        Ok(())
    }
}

impl Column {
    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        match self {
            Column::Hashed { converter, sum } => {
                let added = sum_of_hashes(converter, std::slice::from_ref(values))?;
                *sum = sum.wrapping_add(added);
            }
            Column::Doubles { numbers, magnitudes, nulls, others } => {
                *nulls += values.null_count() as u64;
                let mut add = |value: f64| match value.is_finite() {
                    true => {
                        *numbers += value;
                        *magnitudes += value.abs();
                    }
                    false => *others += 1,
                };
                if let Some(values) = values.as_primitive_opt::<Float64Type>() {
                    values.iter().flatten().for_each(&mut add);
                } else if let Some(values) = values.as_primitive_opt::<Float32Type>() {
                    values.iter().flatten().for_each(|value| add(f64::from(value)));
                }
            }
            Column::Unknown => {}
        }
        Ok(())
    }

    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Column::Hashed { sum, .. }, Column::Hashed { sum: other, .. }) => sum == other,
            (
                Column::Doubles { numbers, magnitudes, nulls, others },
                Column::Doubles {
                    numbers: other_numbers,
                    magnitudes: other_magnitudes,
                    nulls: other_nulls,
                    others: other_others,
                },
            ) => {
                let room = magnitudes.max(*other_magnitudes) * DOUBLES_DIFFER_MAX;
                nulls == other_nulls
                    && others == other_others
                    && (numbers - other_numbers).abs() <= room
            }
            (Column::Unknown, Column::Unknown) => true,
            (Column::Hashed { .. } | Column::Doubles { .. } | Column::Unknown, _) => false,
        }
    }
}

fn sum_of_hashes(converter: &RowConverter, columns: &[ArrayRef]) -> Result<u128> {
    let rows = converter.convert_columns(columns).map_err(no_bytes)?;
    let hash = |row: &[u8], seed: u8| {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        row.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    let hashes = rows.iter().map(|row| {
        let row = row.as_ref();
        hash(row, 0) << 64 | hash(row, 1)
    });
    Ok(hashes.fold(0, u128::wrapping_add))
}

/// 0.0 and -0.0 are one value, and have different bytes.
fn without_signs_of_zero(values: &ArrayRef) -> ArrayRef {
    if let Some(doubles) = values.as_primitive_opt::<Float64Type>() {
        let plain: Float64Array = doubles.unary(|value| if value == 0.0 { 0.0 } else { value });
        return Arc::new(plain);
    }
    if let Some(doubles) = values.as_primitive_opt::<Float32Type>() {
        let plain: Float32Array = doubles.unary(|value| if value == 0.0 { 0.0 } else { value });
        return Arc::new(plain);
    }
    Arc::clone(values)
}

fn no_bytes(error: ArrowError) -> Error {
    Error::internal("rows cannot be compared").with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringArray};

    const ROWS: Comparison = Comparison::Rows { doubles_vary: false };

    fn seen(comparison: Comparison, batches: &[&[(i64, &str)]]) -> Fingerprint {
        let mut seen = Fingerprint::new(comparison);
        for rows in batches {
            let numbers: Int64Array = rows.iter().map(|(number, _)| Some(*number)).collect();
            let texts: StringArray = rows.iter().map(|(_, text)| Some(*text)).collect();
            let columns: [(&str, ArrayRef); 2] =
                [("number", Arc::new(numbers)), ("text", Arc::new(texts))];
            seen.add(&RecordBatch::try_from_iter(columns).expect("a batch")).expect("a sum");
        }
        seen
    }

    fn difference(with: &[&[(i64, &str)]], without: &[&[(i64, &str)]]) -> Option<String> {
        let compared = seen(ROWS, with).same_as(&seen(ROWS, without));
        compared.err().map(|error| error.to_string())
    }

    #[test]
    fn the_order_of_rows_and_the_size_of_batches_do_not_count() {
        let with: &[&[(i64, &str)]] = &[&[(1, "a"), (2, "b")], &[(1, "a")]];
        let without: &[&[(i64, &str)]] = &[&[(2, "b")], &[(1, "a"), (1, "a")]];
        assert_eq!(difference(with, without), None);
    }

    #[test]
    fn a_difference_says_where_it_is() {
        let difference = |with, without| difference(&[with], &[without]).expect("a difference");
        assert!(
            difference(&[(1, "a")], &[(1, "a"), (1, "a")]).contains("1 rows, and without it 2")
        );
        assert!(difference(&[(1, "a")], &[(1, "b")]).contains("other values in `text`"));
        let (with, without) = (&[(1, "a"), (2, "b")], &[(1, "b"), (2, "a")]);
        assert!(difference(with, without).contains("other rows"));
    }

    #[test]
    fn a_row_more_often_and_another_less_often_differ() {
        let (with, without) = (&[(1, "a"), (1, "a"), (2, "b")], &[(1, "a"), (2, "b"), (2, "b")]);
        assert!(difference(&[with], &[without]).is_some());
    }

    fn doubles(comparison: Comparison, values: &[Option<f64>]) -> Fingerprint {
        let values: ArrayRef = Arc::new(values.iter().copied().collect::<Float64Array>());
        let mut seen = Fingerprint::new(comparison);
        seen.add(&RecordBatch::try_from_iter([("x", values)]).expect("a batch")).expect("a sum");
        seen
    }

    #[test]
    fn doubles_of_aggregates_may_differ_in_their_last_digits() {
        let vary = Comparison::Rows { doubles_vary: true };
        let (with, without) = ([Some(0.1 + 0.2), None], [Some(0.3), None]);
        assert!(doubles(vary, &with).same_as(&doubles(vary, &without)).is_ok());
        assert!(doubles(ROWS, &with).same_as(&doubles(ROWS, &without)).is_err());
        assert!(doubles(vary, &[Some(0.3), Some(0.0)]).same_as(&doubles(vary, &without)).is_err());
        assert!(doubles(vary, &[Some(0.31), None]).same_as(&doubles(vary, &without)).is_err());
    }

    #[test]
    fn zero_has_no_sign() {
        assert!(doubles(ROWS, &[Some(-0.0)]).same_as(&doubles(ROWS, &[Some(0.0)])).is_ok());
    }

    #[test]
    fn where_rows_may_differ_their_number_counts() {
        let (one, other) = (&[(1, "a")], &[(2, "b")]);
        let count = |rows: &[(i64, &str)]| seen(Comparison::Count, &[rows]);
        assert!(count(one).same_as(&count(other)).is_ok());
        assert!(count(one).same_as(&count(&[])).is_err());
    }
}
