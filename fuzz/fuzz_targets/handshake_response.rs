#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring_coordinator::mysql::decoders::decode_handshake_response;

fuzz_target!(|bytes: &[u8]| decode_handshake_response(bytes));
