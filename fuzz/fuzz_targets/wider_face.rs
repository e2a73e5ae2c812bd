//! Fuzzes the reader of the labels of WIDER FACE.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::WiderFace, "wider_face_train_bbx_gt.txt", Opened::File, bytes));
