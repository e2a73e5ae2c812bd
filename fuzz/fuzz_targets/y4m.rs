//! Fuzzes the reader of raw video.

#![no_main]

use fkp_data::Y4mReader;
use fkp_fuzz::within_memory;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| within_memory(bytes.len(), || {
    let Ok(reader) = Y4mReader::new(bytes) else {
        return;
    };
    for frame in reader.take(3) {
        if frame.is_err() {
            break;
        }
    }
}));
