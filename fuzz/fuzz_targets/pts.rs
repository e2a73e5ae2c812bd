//! Fuzzes the reader of the files of 300-W.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::Pts, "a.pts", Opened::Folder, bytes));
