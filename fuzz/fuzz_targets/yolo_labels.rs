//! Fuzzes the reader of the labels of YOLO pose.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::YoloPose, "labels/a.txt", Opened::Folder, bytes));
