//! Fuzzes the reader of image files.

#![no_main]

use fkp_fuzz::within_memory;

// An image may be larger than its file: 16 megapixels at eight bytes are in the limit of memory.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if fkp_fuzz::pixels(bytes) <= 1 << 20 {
        within_memory(bytes.len(), || {
            let _ = fkp_core::decode_upright(bytes);
        });
    }
});
