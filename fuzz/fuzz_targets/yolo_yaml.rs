//! Fuzzes the reader of the description of a YOLO data set.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::YoloPose, "data.yaml", Opened::Folder, bytes));
