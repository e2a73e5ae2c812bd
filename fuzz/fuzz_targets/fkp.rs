//! Fuzzes the reader of the dataset format.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::Fkp, "set.fkp", Opened::File, bytes));
