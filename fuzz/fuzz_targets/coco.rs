//! Fuzzes the reader of COCO keypoints.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::Coco, "annotations.json", Opened::File, bytes));
