#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring_coordinator::mysql::decoders::decode_proxy_header;

fuzz_target!(|bytes: &[u8]| decode_proxy_header(bytes));
