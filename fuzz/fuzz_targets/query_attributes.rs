#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring_coordinator::mysql::decoders::decode_query_attributes;

fuzz_target!(|bytes: &[u8]| decode_query_attributes(bytes));
