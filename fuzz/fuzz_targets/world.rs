#![no_main]

libfuzzer_sys::fuzz_target!(
    init: shokyo_fuzz::seeds::write_if_asked(),
    |data: &[u8]| shokyo_fuzz::machines::world(data)
);
