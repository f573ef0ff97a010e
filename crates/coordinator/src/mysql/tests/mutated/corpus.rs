//! Valid packets of every kind, made by the peer library's client side or by the documentation.

use crate::mysql::decoders;
use crate::mysql::handshake::CAPABILITIES;
use crate::mysql::packet::Algorithm;
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::{
    AuthPlugin, ComChangeUser, ComChangeUserMoreData, ComStmtExecuteRequestBuilder,
    HandshakeResponse, SslRequest,
};
use mysql_common::proto::MySerialize;
use mysql_common::value::Value;

/// Bytes that one decoder takes.
pub(super) struct Seed {
    pub(super) name: &'static str,
    pub(super) decode: fn(&[u8]),
    pub(super) bytes: Vec<u8>,
    /// Used once in so many times.
    pub(super) seldom: usize,
}

pub(super) fn corpus() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |name, decode, bytes, seldom| seeds.push(Seed { name, decode, bytes, seldom });
    let packets = [packet(0, b"\x03SELECT 1"), packet(0, b""), packet(0, &[7; 300])].concat();
    add("packets", decoders::decode_packets as fn(&[u8]), packets.clone(), 1);
    for (choice, algorithm) in [(0, Algorithm::Zlib), (1, Algorithm::Zstd { level: 3 })] {
        let (frames, _) = algorithm.frames(&packets, 0).expect("frames");
        let bytes = [&[choice], &frames[..]].concat();
        add("compressed packets", decoders::decode_compressed_packets, bytes, 4);
    }
    let line = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xC0\0\x02\x07\xC0\0\x02\x01\x30\x39\x0C\xEB\x04\0\x01\0";
    for start in [&line[..], header] {
        let bytes = [start, &packet(1, b"more")].concat();
        add("PROXY header", decoders::decode_proxy_header, bytes, 1);
    }
    for capabilities in [CAPABILITIES, CAPABILITIES.difference(CapabilityFlags::CLIENT_COMPRESS)] {
        let bytes = handshake_response(capabilities);
        add("handshake response", decoders::decode_handshake_response, bytes, 1);
    }
    let request = SslRequest::new(CAPABILITIES | CapabilityFlags::CLIENT_SSL, 1 << 24, 46);
    add("SSLRequest", decoders::decode_handshake_response, serialized(&request), 4);
    add("COM_CHANGE_USER", decoders::decode_change_user, change_user(), 1);
    for bytes in commands() {
        add("command", decoders::decode_command, bytes, 2);
    }
    add("query attributes", decoders::decode_query_attributes, attributes(), 1);
    let values = values();
    let (execute, _) = ComStmtExecuteRequestBuilder::new(7).build(&values);
    let execute = serialized(&execute);
    for choice in [values.len() as u8, values.len() as u8 | 0x40] {
        let bytes = [&[choice], &execute[1..]].concat();
        add("COM_STMT_EXECUTE", decoders::decode_execute, bytes, 1);
    }
    let with_attributes = b"\x01\x01\0\0\0\x08\x01\0\0\0\x03\x04\x01\
        \x01\x80\x00\xFE\x00\x0Btraceparent\x06\x00\x01n\xFF\x02ab";
    add("execute with attributes", decoders::decode_execute, with_attributes.to_vec(), 1);
    let typed = b"\x08\0\x01\0\0\0\0\0\0\0\xFE\0\x03foo\x0C\0\x0B\xE8\x07\x02\x1D\x01\x02\x03\x04\0\0\0\
        \x0B\0\x0C\x01\x01\0\0\0\x01\x02\x03\x04\0\0\0\xF6\0\x05-1.5e\xFC\0\x02ab\x05\0\0\0\0\0\0\0\0\x40";
    add("parameter values", decoders::decode_parameter_values, typed.to_vec(), 1);
    let pieces = b"\x05\x01\0abc\x02\0\0\x04\x01\0de\x03\x07\0x";
    add("long data", decoders::decode_long_data, pieces.to_vec(), 1);
    for text in STATEMENTS {
        let bytes = [&b"\0"[..], text.as_bytes()].concat();
        add("statement places", decoders::decode_statement_places, bytes.clone(), 16);
        add("statement", decoders::decode_statement, bytes, 64);
    }
    // Account, encryption and plugin by the first byte; the answers follow.
    for bytes in [
        [&b"\x10\x14"[..], &[1; 20], b"\x20", &[2; 32], b"\x01\x02\xFF", &[3; 256]].concat(),
        [&b"\x44\x20"[..], &[1; 32], b"\x07secret\0"].concat(),
        [&b"\x01\x20"[..], &[1; 32], b"\x14", &[2; 20]].concat(),
        [&b"\x24\x07"[..], b"secret\0"].concat(),
        [&b"\x4A\x00"[..], b"\x00"].concat(),
        [&b"\x33\x03abc"[..], b"\x20", &[5; 32]].concat(),
    ] {
        add("authentication", decoders::decode_auth_answers, bytes, 1500);
    }
    seeds
}

pub(super) fn handshake_response(capabilities: CapabilityFlags) -> Vec<u8> {
    serialized(&HandshakeResponse::new(
        Some(&b"0123456789abcdefghij0123456789ab"[..]),
        (8, 0, 36),
        Some(&b"sha"[..]),
        Some(&b"tpch.tiny"[..]),
        Some(AuthPlugin::CachingSha2Password),
        capabilities,
        Some([("program_name".to_owned(), "test".to_owned())].into()),
        1 << 24,
    ))
}

fn change_user() -> Vec<u8> {
    let more = ComChangeUserMoreData::new(46)
        .with_auth_plugin(Some(AuthPlugin::CachingSha2Password))
        .with_connect_attributes(Some([("a".to_owned(), "b".to_owned())].into()));
    serialized(
        &ComChangeUser::new()
            .with_user(Some(&b"sha"[..]))
            .with_auth_plugin_data(Some(&[7; 32][..]))
            .with_database(Some(&b"tpch.tiny"[..]))
            .with_more_data(Some(more)),
    )
}

/// A text, a NULL and an integer, by the layout of "COM_QUERY"; then the statement.
fn attributes() -> Vec<u8> {
    b"\x03\x01\x02\x01\xFE\x00\x01a\x06\x00\x01b\x03\x00\x00\x02xy\x07\0\0\0SELECT 2".to_vec()
}

/// Every command that a session answers. Statement 1 is prepared by the first of them.
pub(super) fn commands() -> Vec<Vec<u8>> {
    let values = values();
    let (execute, _) = ComStmtExecuteRequestBuilder::new(1).build(&values[..2]);
    let mut commands: Vec<Vec<u8>> = [
        &b"\x16echo ? ?"[..],
        b"\x03rows",
        b"\x03wrong",
        b"\x03SET x; rows; wrong later",
        b"\x02tpch.tiny",
        b"\x04lineitem\0l_%\0",
        b"\x09",
        b"\x0A",
        b"\x0C\x05\x01\0\0",
        b"\x0E",
        b"\x18\x01\0\0\0\x01\0ab",
        b"\x1C\x01\0\0\0\x0A\0\0\0",
        b"\x1A\x01\0\0\0",
        b"\x19\x01\0\0\0",
        b"\x1B\0\0",
        b"\x1F",
    ]
    .map(<[u8]>::to_vec)
    .into();
    commands.push(serialized(&execute));
    commands.push([&b"\x03"[..], &attributes()].concat());
    commands.push(change_user());
    commands
}

fn values() -> [Value; 9] {
    [
        Value::Int(-5),
        Value::Bytes(b"text".to_vec()),
        Value::UInt(u64::MAX),
        Value::NULL,
        Value::Double(0.5),
        Value::Float(0.25),
        Value::Date(2024, 2, 29, 1, 2, 3, 4),
        Value::Time(false, 0, 1, 2, 3, 0),
        Value::Bytes(vec![0xFF; 260]),
    ]
}

const STATEMENTS: [&str; 10] = [
    "SELECT a, COUNT(*) FROM t JOIN u USING (b) WHERE c IN (1, 2) AND d LIKE 'x%' GROUP BY a HAVING COUNT(*) > 1 ORDER BY 2 DESC LIMIT 5, 10",
    "SELECT 'it''s', \"x\\\"y\", `a``b`, X'00ff', 0x1F, 1e5, .5, -- comment\n # other\n /* third */ ?;",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r;;SELECT ?, ?",
    "SELECT CASE WHEN a BETWEEN 1 AND 2 THEN DATE '2024-02-29' ELSE CAST(? AS DECIMAL(38, 2)) END, INTERVAL 1 DAY + d, SUM(x) OVER (PARTITION BY y ORDER BY z ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES (1), (2)) v",
    "SHOW FULL COLUMNS FROM `tpch.tiny`.lineitem WHERE Field LIKE 'l\\_%'",
    "SET @@session.sql_mode = 'ANSI_QUOTES', NAMES utf8mb4, @a := 1, autocommit = ON",
    "CREATE USER IF NOT EXISTS 'ana'@'10.%' IDENTIFIED WITH caching_sha2_password BY 'secret' REQUIRE SUBJECT '/CN=x' AND ISSUER '/CN=y'",
    "CREATE EXTERNAL TABLE IF NOT EXISTS a.b.t (x INT, y DECIMAL(10, 2)) STORED AS CSV PARTITIONED BY (z) LOCATION 's3://bucket/path/' OPTIONS ('format.delimiter' ';')",
    "EXPLAIN ANALYZE SELECT a DIV b MOD c ^ d << 2 && e XOR NOT f <=> NULL COLLATE utf8mb4_bin FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
    "KILL QUERY 5; BEGIN; COMMIT AND NO CHAIN; USE `tpch.tiny`; DROP TABLE IF EXISTS a, b",
];

fn serialized(value: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.serialize(&mut bytes);
    bytes
}

pub(super) fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    [&payload.len().to_le_bytes()[..3], &[sequence], payload].concat()
}
