//! Fuzzes the reader of training states.

#![no_main]

use fkp_fuzz::training::{samples, trainer};
use fkp_fuzz::{folder, within_memory};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = folder();
    std::fs::write(folder.join("state.safetensors"), bytes).expect("a file in memory");
    let (trainer, set) = (trainer(&folder), samples());
    within_memory(bytes.len(), || {
        let _ = trainer.differences(&set, &set);
        let _ = trainer.resume_overriding(&set, &set, &mut ());
    });
});
