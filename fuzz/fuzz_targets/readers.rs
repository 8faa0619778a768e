#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shokyo_fuzz::readers::read(data));
