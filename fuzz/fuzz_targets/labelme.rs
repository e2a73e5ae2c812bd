//! Fuzzes the reader of LabelMe's files.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::LabelMe, "a.json", Opened::Folder, bytes));
