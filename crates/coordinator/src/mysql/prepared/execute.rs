//! COM_STMT_EXECUTE: which statement, and the values of its parameters.
//!
//! Source: MySQL Source Code Documentation, "COM_STMT_EXECUTE". Where both sides know query attributes,
//! the number of parameters stands before them and a name behind each type; a statement without
//! parameters has attributes only where the client says so by a flag.

use super::super::error::WireError;
use super::super::parameter::{ParameterType, Raw, to_value};
use super::super::wire::{Decoder, Malformed};
use arrow::datatypes::DataType;
use mooring_spi::Value;
use std::collections::BTreeMap;

/// CURSOR_TYPE_READ_ONLY, the only cursor that MySQL knows to open.
const READ_ONLY_CURSOR: u8 = 1;
/// PARAMETER_COUNT_AVAILABLE
const COUNT_IS_SENT: u8 = 8;

/// The command up to the parameters, which only the statement can tell how to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExecuteRequest<'a> {
    pub(crate) statement_id: u32,
    /// The rows are to be fetched by and by.
    pub(crate) cursor: bool,
    count_is_sent: bool,
    parameters: &'a [u8],
}

impl<'a> ExecuteRequest<'a> {
    /// Reads what stands behind the command's byte.
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(payload);
        let statement_id = decoder.u32()?;
        let flags = decoder.u8()?;
        decoder.u32()?; // iterations: always one, and the server does not look
        Ok(Self {
            statement_id,
            cursor: flags & READ_ONLY_CURSOR != 0,
            count_is_sent: flags & COUNT_IS_SENT != 0,
            parameters: decoder.rest(),
        })
    }
}

/// What the parameters are read by.
pub(super) struct Binding<'a> {
    /// One for each parameter of the statement, with the type that the planner knows for it.
    pub(super) places: &'a [DataType],
    /// Those of an earlier execution; replaced when there are new ones.
    pub(super) types: &'a mut Option<Vec<ParameterType>>,
    pub(super) long_data: &'a BTreeMap<u16, Vec<u8>>,
    /// Whether both sides know query attributes.
    pub(super) with_attributes: bool,
}

/// # Errors
/// ER_WRONG_ARGUMENTS for too few parameters or types that were never sent, ER_MALFORMED_PACKET,
/// ER_TRUNCATED_WRONG_VALUE.
pub(super) fn read_parameters(
    request: &ExecuteRequest<'_>,
    binding: Binding<'_>,
) -> Result<Vec<Value>, WireError> {
    let Binding { places, types, long_data, with_attributes } = binding;
    let wrong_arguments = || WireError::wrong_arguments("mysqld_stmt_execute");
    let mut decoder = Decoder::new(request.parameters);
    let count = match with_attributes && (request.count_is_sent || !places.is_empty()) {
        true => usize::try_from(decoder.length()?).map_err(|_| Malformed)?,
        false => places.len(),
    };
    if count < places.len() {
        return Err(wrong_arguments());
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    let nulls = decoder.take(count.div_ceil(8))?;
    let mut attribute_types = Vec::new();
    if decoder.u8()? != 0 {
        let mut new_types = Vec::new();
        for _ in 0..count {
            new_types.push(ParameterType::read(&mut decoder)?);
            if with_attributes {
                decoder.string()?; // the name
            }
        }
        attribute_types = new_types.split_off(places.len());
        *types = Some(new_types);
    }
    let types = types.as_ref().filter(|types| types.len() == places.len());
    let types = types.ok_or_else(wrong_arguments)?;
    if attribute_types.len() != count - places.len() {
        return Err(wrong_arguments());
    }

    let is_null = |at: usize| nulls[at / 8] & 1 << (at % 8) != 0;
    let mut values = Vec::new();
    for (at, (kind, place)) in types.iter().zip(places).enumerate() {
        let long_value = u16::try_from(at).ok().and_then(|at| long_data.get(&at));
        let raw = match long_value {
            Some(data) => kind.long_value(data),
            None if is_null(at) => Raw::Null,
            None => kind.read_value(&mut decoder)?,
        };
        values.push(to_value(raw, place)?);
    }
    // Attributes stand behind the parameters; nothing stands behind them, but a client that sends
    // half of one has lost its way.
    for (at, kind) in attribute_types.iter().enumerate() {
        if !is_null(places.len() + at) {
            kind.read_value(&mut decoder)?;
        }
    }
    Ok(values)
}

#[cfg(test)]
#[path = "execute_tests.rs"]
mod tests;
