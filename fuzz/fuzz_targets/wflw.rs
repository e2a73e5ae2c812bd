//! Fuzzes the reader of the lists of WFLW.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::Wflw, "list_98pt_test.txt", Opened::File, bytes));
