#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring_coordinator::mysql::decoders::decode_parameter_values;

fuzz_target!(|bytes: &[u8]| decode_parameter_values(bytes));
