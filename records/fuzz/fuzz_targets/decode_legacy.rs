#![no_main]

mod common;

/// The first byte picks magic and codec; the rest is the wrapper's value.
fn wrapper(data: &[u8]) -> Vec<u8> {
    let (pick, value) = data.split_first().map_or((0, data), |(pick, value)| (*pick, value));
    let magic = pick & 1;
    let mut message = vec![0, 0, 0, 0, magic, (pick >> 1) & 0b1011];
    if magic == 1 {
        message.extend([0; 8]);
    }
    message.extend([0xff; 4]);
    message.extend(i32::try_from(value.len()).expect("inputs are short").to_be_bytes());
    message.extend(value);
    let mut batch = 1000_i64.to_be_bytes().to_vec();
    batch.extend(i32::try_from(message.len()).expect("inputs are short").to_be_bytes());
    batch.extend(message);
    batch
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::decode(&wrapper(data)));
