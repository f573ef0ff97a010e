//! The decoders of prepared statements as functions of bytes alone; see `mysql::decoders`.

use super::super::decoders::pieces;
use super::super::parameter::{ParameterType, to_value};
use super::super::wire::Decoder;
use super::execute::{Binding, ExecuteRequest, read_parameters};
use super::long_data::{LongData, LongDataLimit};
use arrow::datatypes::DataType;
use std::collections::BTreeMap;

/// What planners infer for parameters, as far as values are read by it.
const PLACES: [DataType; 4] = [DataType::Null, DataType::Utf8, DataType::Binary, DataType::Boolean];
const LONG_DATA_MAX_BYTES: usize = 4096;
const PARAMETERS: usize = 8;

/// The first byte says how many parameters the statement has, and whether one came ahead.
pub(crate) fn execute(bytes: &[u8]) {
    let Some((choice, payload)) = bytes.split_first() else {
        return;
    };
    let Ok(request) = ExecuteRequest::parse(payload) else {
        return;
    };
    let places: Vec<_> = PLACES.iter().cycle().take(usize::from(choice & 0x3F)).cloned().collect();
    let long_data = match choice & 0x40 {
        0 => BTreeMap::new(),
        _ => BTreeMap::from([(1, b"ahead".to_vec())]),
    };
    for with_attributes in [false, true] {
        let mut types = None;
        // The second time the types may be remembered.
        for _ in 0..2 {
            let types = &mut types;
            let binding =
                Binding { places: &places, types, long_data: &long_data, with_attributes };
            let _ = read_parameters(&request, binding);
        }
    }
}

pub(crate) fn parameter_values(bytes: &[u8]) {
    let mut decoder = Decoder::new(bytes);
    while let Ok(kind) = ParameterType::read(&mut decoder) {
        let Ok(raw) = kind.read_value(&mut decoder) else {
            return;
        };
        for place in &PLACES {
            let _ = to_value(raw, place);
            let _ = to_value(kind.long_value(bytes), place);
        }
    }
}

pub(crate) fn long_data(bytes: &[u8]) {
    let limit = LongDataLimit::new(LONG_DATA_MAX_BYTES);
    let mut kept = LongData::new(limit.clone());
    for piece in pieces(bytes) {
        let mut decoder = Decoder::new(piece);
        if let Ok(parameter) = decoder.u16() {
            kept.add(parameter, decoder.rest(), PARAMETERS);
        }
        debug_assert!(limit.kept_bytes() <= LONG_DATA_MAX_BYTES);
    }
    let _ = kept.finish();
    debug_assert_eq!(limit.kept_bytes(), 0);
}
