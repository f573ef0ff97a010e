#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring_coordinator::mysql::decoders::decode_statement_places;

fuzz_target!(|bytes: &[u8]| decode_statement_places(bytes));
