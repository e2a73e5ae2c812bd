//! Fuzzes the reader of the file of corrections.

#![no_main]

use fkp_data::Corrections;
use fkp_fuzz::with_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| with_file("fixes.toml", bytes, |path| {
    let _ = Corrections::load(path);
}));
