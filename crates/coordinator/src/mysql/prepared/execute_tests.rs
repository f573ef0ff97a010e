use super::*;
use mysql_common::packets::ComStmtExecuteRequestBuilder;
use mysql_common::proto::MySerialize;
use mysql_common::value::Value as Peer;
use proptest::prelude::*;

/// The payload that `mysql_common`, the peer, sends behind the command's byte.
fn sent(values: &[Peer]) -> Vec<u8> {
    let (request, _) = ComStmtExecuteRequestBuilder::new(7).build(values);
    let mut bytes = Vec::new();
    request.serialize(&mut bytes);
    bytes.split_off(1)
}

fn read(
    payload: &[u8],
    places: &[DataType],
    types: &mut Option<Vec<ParameterType>>,
    with_attributes: bool,
) -> Result<Vec<Value>, WireError> {
    let request = ExecuteRequest::parse(payload)?;
    let long_data = BTreeMap::new();
    read_parameters(&request, Binding { places, types, long_data: &long_data, with_attributes })
}

#[test]
fn the_peers_values_are_read() {
    let values = [
        Peer::Int(-5),
        Peer::UInt(u64::MAX),
        Peer::NULL,
        Peer::Bytes(b"text".to_vec()),
        Peer::Double(0.5),
        Peer::Float(0.25),
        Peer::Date(2024, 2, 29, 1, 2, 3, 4),
        Peer::Time(false, 0, 1, 2, 3, 0),
        Peer::Bytes("x".repeat(300).into_bytes()),
    ];
    let places = vec![DataType::Null; values.len()];
    let found = read(&sent(&values), &places, &mut None, false).expect("values");
    let expected = [
        Value::Int(-5),
        Value::UInt(u64::MAX),
        Value::Null,
        Value::Text("text".into()),
        Value::Float(0.5),
        Value::Float(0.25),
        Value::Timestamp(1_709_168_523_000_004),
        Value::Text("01:02:03".into()),
        Value::Text("x".repeat(300)),
    ];
    assert_eq!(found, expected);
    let request = sent(&values);
    let request = ExecuteRequest::parse(&request).expect("a request");
    assert_eq!((request.statement_id, request.cursor, request.count_is_sent), (7, false, false));
}

/// From the documentation's layout: the second execution sends no types.
#[test]
fn types_are_remembered() {
    let places = [DataType::Int64, DataType::Utf8];
    let first = b"\x01\0\0\0\x00\x01\0\0\0\x00\x01\x08\x00\xFD\x00\x05\0\0\0\0\0\0\0\x01a";
    let again = b"\x01\0\0\0\x00\x01\0\0\0\x02\x00\x06\0\0\0\0\0\0\0";
    let mut types = None;
    let error = read(again, &places, &mut types, false).expect_err("types were never sent");
    assert_eq!(error.errno, 1210);
    let found = read(first, &places, &mut types, false).expect("values");
    assert_eq!(found, [Value::Int(5), Value::Text("a".into())]);
    let found = read(again, &places, &mut types, false).expect("values");
    assert_eq!(found, [Value::Int(6), Value::Null]);
}

/// Three parameters sent for a statement of one: `traceparent` and a NULL are attributes.
#[test]
fn attributes_are_read_and_dropped() {
    let payload = b"\x01\0\0\0\x08\x01\0\0\0\x03\x04\x01\
        \x01\x80\x00\xFE\x00\x0Btraceparent\x06\x00\x01n\xFF\x02ab";
    let places = [DataType::Null];
    let found = read(payload, &places, &mut None, true).expect("values");
    assert_eq!(found, [Value::UInt(255)]);
    let without = b"\x01\0\0\0\x08\x01\0\0\0\x01\x00\x01\xFE\x00\x0Btraceparent\x02ab";
    assert_eq!(read(without, &[], &mut None, true).expect("values"), []);
    // What mysql-connector-python sends for 1 and NULL: a count without the flag.
    let unflagged = b"\x01\0\0\0\x00\x01\0\0\0\x02\x02\x01\x01\x80\x00\x06\x00\x00\x01";
    let two = [DataType::Null, DataType::Null];
    let found = read(unflagged, &two, &mut None, true).expect("values");
    assert_eq!(found, [Value::UInt(1), Value::Null]);
    let fewer = b"\x01\0\0\0\x08\x01\0\0\0\x00";
    assert_eq!(read(fewer, &places, &mut None, true).expect_err("refused").errno, 1210);
}

#[test]
fn long_data_stands_for_its_parameter() {
    let places = [DataType::Binary, DataType::Int64];
    let payload = b"\x01\0\0\0\x00\x01\0\0\0\x01\x01\xFC\x00\x01\x00\x07";
    let request = ExecuteRequest::parse(payload).expect("a request");
    let long_data = BTreeMap::from([(0, b"long".to_vec())]);
    let binding = Binding {
        places: &places,
        types: &mut None,
        long_data: &long_data,
        with_attributes: false,
    };
    let found = read_parameters(&request, binding).expect("values");
    assert_eq!(found, [Value::Binary(b"long".to_vec()), Value::Int(7)]);
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(
        payload in proptest::collection::vec(any::<u8>(), 0..64),
        places in 0_usize..20,
        with_attributes: bool,
    ) {
        let places = vec![DataType::Null; places];
        let _ = read(&payload, &places, &mut None, with_attributes);
    }

    /// What a peer sends, with bytes changed and cut off.
    #[test]
    fn mutated_requests_are_refused_or_read(
        numbers in proptest::collection::vec(any::<i64>(), 1..12),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut: prop::sample::Index,
        with_attributes: bool,
    ) {
        let mut values: Vec<Peer> = numbers.into_iter().map(Peer::Int).collect();
        values.push(Peer::Bytes(vec![7; 20]));
        values.push(Peer::Date(2024, 2, 29, 1, 2, 3, 4));
        let places = vec![DataType::Utf8; values.len()];
        let mut payload = sent(&values);
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        payload.truncate(cut.index(payload.len()) + 1);
        let mut types = None;
        let _ = read(&payload, &places, &mut types, with_attributes);
        let _ = read(&payload, &places, &mut types, with_attributes);
    }

    /// Numbers of parameters that the payload has no room for.
    #[test]
    fn a_wrong_count_is_refused(count in 100_u64.., rest in proptest::collection::vec(any::<u8>(), 0..9)) {
        let mut payload = b"\x01\0\0\0\x08\x01\0\0\0\xFE".to_vec();
        payload.extend_from_slice(&count.to_le_bytes());
        payload.extend_from_slice(&rest);
        prop_assert!(read(&payload, &[], &mut None, true).is_err());
    }
}
