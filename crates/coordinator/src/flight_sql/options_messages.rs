//! The messages about session options, which `arrow-flight` 59 does not have.
//!
//! Source: `format/Flight.proto` of Apache Arrow, messages `SessionOptionValue` to
//! `CloseSessionResult`.

use prost::{Enumeration, Message, Oneof};
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub(super) option_value: Option<OptionValue>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(StringListValue),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub(super) session_options: HashMap<String, SessionOptionValue>,
}

/// Why an option was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(super) enum SetError {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetFailure {
    #[prost(enumeration = "SetError", tag = "1")]
    pub(super) value: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(super) errors: HashMap<String, SetFailure>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(super) session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(super) enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseSessionResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub(super) status: i32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written by protobuf's rules for the message in `Flight.proto`: a map is a repeated message
    /// of a key (1) and a value (2).
    #[test]
    fn a_request_has_the_bytes_of_the_specification() {
        let text = b"\x0a\x11\x0a\x07catalog\x12\x06\x0a\x04lake";
        let request = SetSessionOptionsRequest::decode(&text[..]).expect("decoded");
        let value = &request.session_options["catalog"];
        assert_eq!(value.option_value, Some(OptionValue::Text("lake".to_owned())));
        let number = b"\x0a\x0e\x0a\x01n\x12\x09\x19\x05\0\0\0\0\0\0\0";
        let request = SetSessionOptionsRequest::decode(&number[..]).expect("decoded");
        assert_eq!(request.session_options["n"].option_value, Some(OptionValue::Int(5)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_options_or_refused(bytes: Vec<u8>) {
            let _ = SetSessionOptionsRequest::decode(&*bytes);
        }
    }
}
