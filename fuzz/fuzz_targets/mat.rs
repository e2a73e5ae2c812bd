//! Fuzzes the reader of MATLAB files.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::W300Lp, "a.mat", Opened::Folder, bytes));
