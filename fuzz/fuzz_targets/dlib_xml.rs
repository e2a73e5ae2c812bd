//! Fuzzes the reader of dlib's XML.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::DlibXml, "faces.xml", Opened::File, bytes));
