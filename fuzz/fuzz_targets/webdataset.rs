//! Fuzzes the reader of shards of WebDataset.

#![no_main]

use fkp_data::Format;
use fkp_fuzz::{Opened, open_file};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| open_file(Format::WebDataset, "shard.tar", Opened::File, bytes));
