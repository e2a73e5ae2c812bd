//! Fuzzes the reader of a table of boxes.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::BoxesCsv, "boxes.csv", Opened::File, bytes));
