//! Fuzzes the reader of schema files.

#![no_main]

use fkp_data::schema_from;
use fkp_fuzz::with_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| with_file("schema.toml", bytes, |path| {
    let _ = path.to_str().map(schema_from);
}));
