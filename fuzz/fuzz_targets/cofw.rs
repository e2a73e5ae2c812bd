//! Fuzzes the reader of the MATLAB file of COFW.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::Cofw, "COFW_train.mat", Opened::File, bytes));
