//! The decoders of client bytes, each as a function of bytes alone, for fuzzing and for the tests
//! that feed them mutated packets. What is decoded is dropped: the one answer is that nothing
//! panics, hangs or grows. No part of the server calls these.

use super::auth::{
    Account, AuthPlugin, Authenticator, Credential, Exchange, StoredCredentials, TlsRequirement,
};
use super::command::{Command, change_user_request};
use super::handshake::{
    CAPABILITIES, Login, NONCE_BYTES, offered, parse_change_user, parse_response,
};
use super::packet::{Algorithm, Channel, PacketReader, PacketWriter};
use super::prepared::decoding;
use super::proxy_protocol::take_header;
use super::query_attributes::skip_attributes;
use crate::statement::{Parameters, SqlMode, parse_with};
use mooring_spi::Value;
use mysql_common::constants::CapabilityFlags;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Small, so that short packets meet it.
const PAYLOAD_MAX_BYTES: usize = 1 << 16;
/// A length byte that stands for the answer of an RSA key of 2048 bits.
const RSA_ANSWER: u8 = 0xFF;
const RSA_ANSWER_BYTES: usize = 256;
const NONCE: [u8; NONCE_BYTES] = *b"abcdefghij0123456789";
/// Of the password `secret`.
const STORED: &str = "$A$005$012345678901234567895fkz3MBocEd.OaaR71/j.w9RXSrKttgCSpI2fGX1100";

thread_local! {
    static RUNTIME: Option<Runtime> =
        Builder::new_current_thread().enable_time().build().ok();
}

fn run(future: impl Future<Output = ()>) {
    RUNTIME.with(|runtime| {
        if let Some(runtime) = runtime {
            runtime.block_on(future);
        }
    });
}

/// The packets of a connection, one after the other.
pub fn decode_packets(bytes: &[u8]) {
    run(async {
        let mut reader = PacketReader::new(bytes, PAYLOAD_MAX_BYTES);
        while reader.read(0).await.is_ok() {}
    });
}

/// Packets within frames; the first byte says of which algorithm.
pub fn decode_compressed_packets(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let algorithm = match choice & 1 {
        0 => Algorithm::Zlib,
        _ => Algorithm::Zstd { level: 3 },
    };
    run(async {
        let mut reader = PacketReader::new(bytes, PAYLOAD_MAX_BYTES);
        reader.compress(algorithm);
        while reader.read(0).await.is_ok() {}
    });
}

/// A PROXY header and the packet behind it.
pub fn decode_proxy_header(bytes: &[u8]) {
    run(async {
        let mut reader = PacketReader::new(bytes, PAYLOAD_MAX_BYTES);
        if take_header(&mut reader).await.is_ok() {
            let _ = reader.read(1).await;
        }
    });
}

/// `Protocol::HandshakeResponse41` and `Protocol::SSLRequest`, of a door with TLS and without.
pub fn decode_handshake_response(bytes: &[u8]) {
    for tls in [true, false] {
        let _ = parse_response(bytes, offered(tls));
    }
}

/// COM_CHANGE_USER.
pub fn decode_change_user(bytes: &[u8]) {
    let Some(request) = change_user_request(bytes) else {
        return;
    };
    for capabilities in [CAPABILITIES, CapabilityFlags::empty()] {
        let _ = parse_change_user(request, capabilities);
    }
}

/// Every other command.
pub fn decode_command(bytes: &[u8]) {
    for capabilities in [CapabilityFlags::empty(), CapabilityFlags::all()] {
        let _ = Command::parse(bytes, capabilities);
    }
}

/// The attributes in front of a COM_QUERY.
pub fn decode_query_attributes(bytes: &[u8]) {
    let _ = skip_attributes(bytes);
}

/// COM_STMT_EXECUTE behind its code. The first byte says how many parameters the statement has.
pub fn decode_execute(bytes: &[u8]) {
    decoding::execute(bytes);
}

/// Types and values of parameters.
pub fn decode_parameter_values(bytes: &[u8]) {
    decoding::parameter_values(bytes);
}

/// Pieces of COM_STMT_SEND_LONG_DATA behind their codes, each behind a byte of its length.
pub fn decode_long_data(bytes: &[u8]) {
    decoding::long_data(bytes);
}

/// Cuts a text into statements. The first byte chooses the lexical modes.
pub fn decode_statement_places(bytes: &[u8]) {
    let (mode, text) = text_in_mode(bytes);
    for place in crate::statement::statement_places(&text, mode) {
        debug_assert!(text.get(place).is_some());
    }
}

/// Parses a statement, as one of COM_QUERY, of COM_STMT_PREPARE and of COM_STMT_EXECUTE. The first
/// byte chooses the lexical modes.
pub fn decode_statement(bytes: &[u8]) {
    let (mode, text) = text_in_mode(bytes);
    let _ = parse_with(&text, mode, Parameters::None);
    if let Ok((_, count)) = parse_with(&text, mode, Parameters::Numbered)
        && count > 0
    {
        let values = vec![Value::Text("a'b".to_owned()); count];
        let _ = parse_with(&text, mode, Parameters::Values(&values));
    }
}

fn text_in_mode(bytes: &[u8]) -> (SqlMode, String) {
    let (choice, text) = bytes.split_first().unwrap_or((&0, &[]));
    let mode = SqlMode {
        ansi_quotes: choice & 1 != 0,
        no_backslash_escapes: choice & 2 != 0,
        pipes_as_or: choice & 4 != 0,
    };
    (mode, String::from_utf8_lossy(text).into_owned())
}

/// A whole authentication. The first byte chooses account, encryption and what the client speaks;
/// then come its proof and its answers, each behind a byte of its length.
pub fn decode_auth_answers(bytes: &[u8]) {
    static AUTHENTICATOR: OnceLock<Authenticator> = OnceLock::new();
    let (choice, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let mut answers = pieces(rest).into_iter();
    let login = Login {
        user: "ana".to_owned(),
        auth_response: answers.next().unwrap_or_default().to_vec(),
        database: None,
        plugin: spoken_plugin(choice >> 4),
        attributes: Arc::new([]),
    };
    let capabilities = match choice & 0x80 {
        0 => CAPABILITIES,
        _ => CAPABILITIES.difference(CapabilityFlags::CLIENT_PLUGIN_AUTH),
    };
    // The server speaks first, and then each in turn.
    let packets: Vec<u8> = answers
        .zip((1_u8..).step_by(2))
        .flat_map(|(answer, sequence)| packet(sequence, answer))
        .collect();
    let account = account(choice & 3);
    run(async {
        let authenticator = AUTHENTICATOR
            .get_or_init(|| Authenticator::start(Arc::new(StoredCredentials::default()), [0; 32]));
        let mut channel = Channel {
            reader: PacketReader::new(&packets[..], PAYLOAD_MAX_BYTES),
            writer: PacketWriter::new(
                tokio::io::sink(),
                Duration::from_secs(60),
                Default::default(),
            ),
        };
        let exchange = Exchange {
            login: &login,
            account: account.as_ref(),
            capabilities,
            is_encrypted: choice & 4 != 0,
            nonce: &NONCE,
            is_nonce_used: choice & 8 != 0,
        };
        let _ = authenticator.authenticate(&mut channel, exchange).await;
    });
}

fn spoken_plugin(choice: u8) -> Option<String> {
    let name = match choice & 7 {
        0 => return None,
        1 => "mysql_native_password",
        2 => "mysql_clear_password",
        3 => "dummy_fallback_auth",
        _ => "caching_sha2_password",
    };
    Some(name.to_owned())
}

fn account(choice: u8) -> Option<Account> {
    let (plugin, credential) = match choice {
        0 => (AuthPlugin::CachingSha2Password, Credential::CachingSha2(STORED.to_owned())),
        1 => (AuthPlugin::NativePassword, Credential::Native(super::native_credential("secret"))),
        2 => (AuthPlugin::CachingSha2Password, Credential::NoPassword),
        _ => return None,
    };
    Some(Account {
        user: "ana".to_owned(),
        host: "%".to_owned(),
        locked: false,
        administrator: false,
        plugin,
        credential,
        tls: TlsRequirement::None,
    })
}

/// Cuts bytes into pieces that stand behind their lengths; the last may be shorter than it says.
pub(super) fn pieces(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let length = if *length == RSA_ANSWER { RSA_ANSWER_BYTES } else { usize::from(*length) };
        let (piece, rest) = rest.split_at(length.min(rest.len()));
        found.push(piece);
        bytes = rest;
    }
    found
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    [&payload.len().to_le_bytes()[..3], &[sequence], payload].concat()
}
