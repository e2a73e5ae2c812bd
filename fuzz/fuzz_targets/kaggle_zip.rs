//! Fuzzes the reader of Kaggle's table in an archive.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::Kaggle, "training.zip", Opened::File, bytes));
