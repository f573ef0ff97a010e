#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring_coordinator::mysql::decoders::decode_change_user;

fuzz_target!(|bytes: &[u8]| decode_change_user(bytes));
