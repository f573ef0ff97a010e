//! The description of the service of Flight, which `arrow-flight` does not carry with it.
//!
//! Source: `format/Flight.proto` of Apache Arrow.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};

const PACKAGE: &str = "arrow.flight.protocol";
const TIMESTAMP: &str = ".google.protobuf.Timestamp";

/// What a field is, and how often.
enum Kind {
    Text,
    Bytes,
    U64,
    I64,
    Bool,
    OptionalDouble,
    Texts,
    Message(&'static str),
    Messages(&'static str),
    Enumeration(&'static str),
}

use Kind::{Bool, Bytes, Enumeration, I64, Message, Messages, OptionalDouble, Text, Texts, U64};

type Fields = &'static [(i32, &'static str, Kind)];

const MESSAGES: &[(&str, Fields)] = &[
    ("HandshakeRequest", &[(1, "protocol_version", U64), (2, "payload", Bytes)]),
    ("HandshakeResponse", &[(1, "protocol_version", U64), (2, "payload", Bytes)]),
    ("Empty", &[]),
    ("ActionType", &[(1, "type", Text), (2, "description", Text)]),
    ("Criteria", &[(1, "expression", Bytes)]),
    ("Action", &[(1, "type", Text), (2, "body", Bytes)]),
    ("Result", &[(1, "body", Bytes)]),
    ("SchemaResult", &[(1, "schema", Bytes)]),
    (
        "FlightDescriptor",
        &[
            (1, "type", Enumeration("FlightDescriptor.DescriptorType")),
            (2, "cmd", Bytes),
            (3, "path", Texts),
        ],
    ),
    (
        "FlightInfo",
        &[
            (1, "schema", Bytes),
            (2, "flight_descriptor", Message("FlightDescriptor")),
            (3, "endpoint", Messages("FlightEndpoint")),
            (4, "total_records", I64),
            (5, "total_bytes", I64),
            (6, "ordered", Bool),
            (7, "app_metadata", Bytes),
        ],
    ),
    (
        "PollInfo",
        &[
            (1, "info", Message("FlightInfo")),
            (2, "flight_descriptor", Message("FlightDescriptor")),
            (3, "progress", OptionalDouble),
            (4, "expiration_time", Message(TIMESTAMP)),
        ],
    ),
    (
        "FlightEndpoint",
        &[
            (1, "ticket", Message("Ticket")),
            (2, "location", Messages("Location")),
            (3, "expiration_time", Message(TIMESTAMP)),
            (4, "app_metadata", Bytes),
        ],
    ),
    ("Location", &[(1, "uri", Text)]),
    ("Ticket", &[(1, "ticket", Bytes)]),
    (
        "FlightData",
        &[
            (1, "flight_descriptor", Message("FlightDescriptor")),
            (2, "data_header", Bytes),
            (3, "app_metadata", Bytes),
            (1000, "data_body", Bytes),
        ],
    ),
    ("PutResult", &[(1, "app_metadata", Bytes)]),
];

/// Name, request, answer, and which of the two are streams.
const METHODS: &[(&str, &str, &str, bool, bool)] = &[
    ("Handshake", "HandshakeRequest", "HandshakeResponse", true, true),
    ("ListFlights", "Criteria", "FlightInfo", false, true),
    ("GetFlightInfo", "FlightDescriptor", "FlightInfo", false, false),
    ("PollFlightInfo", "FlightDescriptor", "PollInfo", false, false),
    ("GetSchema", "FlightDescriptor", "SchemaResult", false, false),
    ("DoGet", "Ticket", "FlightData", false, true),
    ("DoPut", "FlightData", "PutResult", true, true),
    ("DoExchange", "FlightData", "FlightData", true, true),
    ("DoAction", "Action", "Result", false, true),
    ("ListActions", "Empty", "ActionType", false, true),
];

/// `Flight.proto`, and what it imports.
pub(super) fn descriptions() -> FileDescriptorSet {
    FileDescriptorSet { file: vec![timestamp(), flight()] }
}

fn timestamp() -> FileDescriptorProto {
    let field = |number, name: &str, kind: Type| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..FieldDescriptorProto::default()
    };
    FileDescriptorProto {
        name: Some("google/protobuf/timestamp.proto".to_owned()),
        package: Some("google.protobuf".to_owned()),
        message_type: vec![DescriptorProto {
            name: Some("Timestamp".to_owned()),
            field: vec![field(1, "seconds", Type::Int64), field(2, "nanos", Type::Int32)],
            ..DescriptorProto::default()
        }],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

fn flight() -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some("Flight.proto".to_owned()),
        package: Some(PACKAGE.to_owned()),
        dependency: vec!["google/protobuf/timestamp.proto".to_owned()],
        message_type: MESSAGES.iter().map(|(name, fields)| message(name, fields)).collect(),
        service: vec![ServiceDescriptorProto {
            name: Some("FlightService".to_owned()),
            method: METHODS.iter().map(method).collect(),
            ..ServiceDescriptorProto::default()
        }],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

fn message(name: &str, fields: Fields) -> DescriptorProto {
    let enum_type = match name {
        "FlightDescriptor" => vec![descriptor_type()],
        _ => Vec::new(),
    };
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields.iter().map(field).collect(),
        enum_type,
        ..DescriptorProto::default()
    }
}

fn descriptor_type() -> EnumDescriptorProto {
    let value = |(name, number): (&str, i32)| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        ..EnumValueDescriptorProto::default()
    };
    EnumDescriptorProto {
        name: Some("DescriptorType".to_owned()),
        value: [("UNKNOWN", 0), ("PATH", 1), ("CMD", 2)].map(value).into(),
        ..EnumDescriptorProto::default()
    }
}

fn field((number, name, kind): &(i32, &'static str, Kind)) -> FieldDescriptorProto {
    let (label, of, type_name) = match kind {
        Text => (Label::Optional, Type::String, None),
        Bytes => (Label::Optional, Type::Bytes, None),
        U64 => (Label::Optional, Type::Uint64, None),
        I64 => (Label::Optional, Type::Int64, None),
        Bool => (Label::Optional, Type::Bool, None),
        OptionalDouble => (Label::Optional, Type::Double, None),
        Texts => (Label::Repeated, Type::String, None),
        Message(name) => (Label::Optional, Type::Message, Some(full_name(name))),
        Messages(name) => (Label::Repeated, Type::Message, Some(full_name(name))),
        Enumeration(name) => (Label::Optional, Type::Enum, Some(full_name(name))),
    };
    FieldDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(*number),
        label: Some(label.into()),
        r#type: Some(of.into()),
        type_name,
        ..FieldDescriptorProto::default()
    }
}

fn method(
    (name, request, answer, client_streams, server_streams): &(&str, &str, &str, bool, bool),
) -> MethodDescriptorProto {
    MethodDescriptorProto {
        name: Some((*name).to_owned()),
        input_type: Some(full_name(request)),
        output_type: Some(full_name(answer)),
        client_streaming: Some(*client_streams),
        server_streaming: Some(*server_streams),
        ..MethodDescriptorProto::default()
    }
}

fn full_name(name: &str) -> String {
    match name.starts_with('.') {
        true => name.to_owned(),
        false => format!(".{PACKAGE}.{name}"),
    }
}
