//! Fuzzes the reader of model files.

#![no_main]

use fkp_fuzz::within_memory;
use fkp_model::{FaceDetector, Landmarker};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| within_memory(bytes.len(), || {
    let _ = Landmarker::from_bytes(bytes);
    let _ = FaceDetector::from_bytes(bytes);
}));
