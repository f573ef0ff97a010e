//! A column under construction.
//!
//! Beside what Arrow's builders do, it forgets its last values again: a line of JSON turns out to be unusable
//! in the middle of a row. Text is checked to be UTF-8 once per batch, not once per value.

mod finish;

use arrow::array::{BooleanBufferBuilder, NullBufferBuilder};
use arrow::datatypes::{DataType, FieldRef, Fields, TimeUnit};
use mooring_spi::{Error, Result};

/// Nesting beyond this is refused: the code below calls itself.
const MAX_DEPTH: usize = 64;

pub(crate) struct Column {
    /// Which values are there; as long as the column.
    pub(crate) present: NullBufferBuilder,
    pub(crate) values: Values,
}

/// One slot per row, also where the value is null.
pub(crate) enum Values {
    Boolean(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    /// Days since 1970-01-01.
    Date32(Vec<i32>),
    /// Microseconds since 1970-01-01; the type tells whether they are of UTC.
    Timestamp {
        values: Vec<i64>,
        utc: bool,
        data_type: DataType,
    },
    Decimal {
        values: Vec<i128>,
        precision: u8,
        scale: i8,
    },
    Utf8(Spans),
    Binary(Spans),
    List(Box<ListValues>),
    Map(Box<MapValues>),
    Struct(StructValues),
}

/// Values of different lengths, one after the other.
pub(crate) struct Spans {
    pub(crate) bytes: Vec<u8>,
    /// Where each value ends.
    pub(crate) ends: Vec<usize>,
}

pub(crate) struct ListValues {
    pub(crate) field: FieldRef,
    /// Where each list ends in the elements.
    pub(crate) ends: Vec<usize>,
    pub(crate) elements: Column,
}

pub(crate) struct MapValues {
    pub(crate) field: FieldRef,
    pub(crate) entries: Fields,
    pub(crate) ordered: bool,
    /// Where each map ends in the entries.
    pub(crate) ends: Vec<usize>,
    pub(crate) keys: Column,
    pub(crate) values: Column,
}

pub(crate) struct StructValues {
    pub(crate) fields: Fields,
    pub(crate) columns: Vec<Column>,
}

impl Spans {
    fn new() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new() }
    }

    /// Ends the value whose bytes were appended.
    pub(crate) fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.end();
    }

    /// The bytes of the last value.
    fn last(&self) -> &[u8] {
        let before = self.ends.len().checked_sub(2).map_or(0, |index| self.ends[index]);
        &self.bytes[before..]
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

impl Column {
    /// # Errors
    /// `Unsupported` for a type that no table of Hive has.
    pub(crate) fn new(data_type: &DataType) -> Result<Self> {
        Self::nested(data_type, 0)
    }

    fn nested(data_type: &DataType, depth: usize) -> Result<Self> {
        if depth > MAX_DEPTH {
            return Err(Error::unsupported(format!("types are nested more than {MAX_DEPTH} deep")));
        }
        let values = match data_type {
            DataType::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            DataType::Int8 => Values::Int8(Vec::new()),
            DataType::Int16 => Values::Int16(Vec::new()),
            DataType::Int32 => Values::Int32(Vec::new()),
            DataType::Int64 => Values::Int64(Vec::new()),
            DataType::Float32 => Values::Float32(Vec::new()),
            DataType::Float64 => Values::Float64(Vec::new()),
            DataType::Date32 => Values::Date32(Vec::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Values::Timestamp {
                values: Vec::new(),
                utc: zone.is_some(),
                data_type: data_type.clone(),
            },
            DataType::Decimal128(precision, scale) if *scale >= 0 => {
                Values::Decimal { values: Vec::new(), precision: *precision, scale: *scale }
            }
            DataType::Utf8 => Values::Utf8(Spans::new()),
            DataType::Binary => Values::Binary(Spans::new()),
            DataType::List(field) => Values::List(Box::new(ListValues {
                field: field.clone(),
                ends: Vec::new(),
                elements: Self::nested(field.data_type(), depth + 1)?,
            })),
            DataType::Map(field, ordered) => Self::map(field, *ordered, depth)?,
            DataType::Struct(fields) => Values::Struct(StructValues {
                fields: fields.clone(),
                columns: fields
                    .iter()
                    .map(|field| Self::nested(field.data_type(), depth + 1))
                    .collect::<Result<_>>()?,
            }),
            other => {
                return Err(Error::unsupported(format!(
                    "a text format of Hive cannot hold values of type `{other}`"
                )));
            }
        };
        Ok(Self { present: NullBufferBuilder::new(0), values })
    }

    fn map(field: &FieldRef, ordered: bool, depth: usize) -> Result<Values> {
        let DataType::Struct(entries) = field.data_type() else {
            return Err(Error::internal("the entries of a map are no struct"));
        };
        let [key, value] = entries.as_ref() else {
            return Err(Error::internal("the entries of a map are no pairs"));
        };
        if key.data_type().is_nested() {
            return Err(Error::unsupported(format!(
                "the keys of a map have type `{}`; text formats of Hive have primitive keys",
                key.data_type()
            )));
        }
        Ok(Values::Map(Box::new(MapValues {
            field: field.clone(),
            entries: entries.clone(),
            ordered,
            ends: Vec::new(),
            keys: Self::nested(key.data_type(), depth + 1)?,
            values: Self::nested(value.data_type(), depth + 1)?,
        })))
    }

    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }

    pub(crate) fn append_null(&mut self) {
        self.present.append_null();
        match &mut self.values {
            Values::Boolean(values) => values.append(false),
            Values::Int8(values) => values.push(0),
            Values::Int16(values) => values.push(0),
            Values::Int32(values) | Values::Date32(values) => values.push(0),
            Values::Int64(values) | Values::Timestamp { values, .. } => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Decimal { values, .. } => values.push(0),
            Values::Utf8(spans) | Values::Binary(spans) => spans.end(),
            Values::List(list) => list.ends.push(list.elements.len()),
            Values::Map(map) => map.ends.push(map.keys.len()),
            Values::Struct(values) => values.columns.iter_mut().for_each(Column::append_null),
        }
    }

    /// Forgets all rows from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.present.truncate(len.min(self.present.len()));
        match &mut self.values {
            Values::Boolean(values) => values.truncate(len.min(values.len())),
            Values::Int8(values) => values.truncate(len),
            Values::Int16(values) => values.truncate(len),
            Values::Int32(values) | Values::Date32(values) => values.truncate(len),
            Values::Int64(values) | Values::Timestamp { values, .. } => values.truncate(len),
            Values::Float32(values) => values.truncate(len),
            Values::Float64(values) => values.truncate(len),
            Values::Decimal { values, .. } => values.truncate(len),
            Values::Utf8(spans) | Values::Binary(spans) => spans.truncate(len),
            Values::List(list) => {
                list.ends.truncate(len);
                list.elements.truncate(list.ends.last().copied().unwrap_or(0));
            }
            Values::Map(map) => {
                map.ends.truncate(len);
                let entries = map.ends.last().copied().unwrap_or(0);
                map.keys.truncate(entries);
                map.values.truncate(entries);
            }
            Values::Struct(values) => {
                values.columns.iter_mut().for_each(|column| column.truncate(len));
            }
        }
    }

    /// The last value of a column of keys as bytes that are equal when the values are; none for null.
    pub(crate) fn last_key(&self) -> Option<Vec<u8>> {
        let last = self.len().checked_sub(1)?;
        if !self.present.is_valid(last) {
            return None;
        }
        Some(match &self.values {
            Values::Boolean(values) => vec![u8::from(values.get_bit(last))],
            Values::Int8(values) => values[last].to_le_bytes().to_vec(),
            Values::Int16(values) => values[last].to_le_bytes().to_vec(),
            Values::Int32(values) | Values::Date32(values) => values[last].to_le_bytes().to_vec(),
            Values::Int64(values) | Values::Timestamp { values, .. } => {
                values[last].to_le_bytes().to_vec()
            }
            Values::Float32(values) => values[last].to_le_bytes().to_vec(),
            Values::Float64(values) => values[last].to_le_bytes().to_vec(),
            Values::Decimal { values, .. } => values[last].to_le_bytes().to_vec(),
            Values::Utf8(spans) | Values::Binary(spans) => spans.last().to_vec(),
            // `Column::map` refuses such keys.
            Values::List(_) | Values::Map(_) | Values::Struct(_) => return None,
        })
    }
}
