//! A packed data set that is larger than the memory that a program may have.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use fkp_core::{Dataset, DatasetError, Image, Keypoint, Keypoints, Sample, Schema};
use fkp_data::{PackInput, PackOptions, PackedFile, pack};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Number of images of 96×96 pixels: 341 MB.
const IMAGES: usize = 37_000;
/// What the program that reads may have, in kB: a tenth of the data.
const LIMIT_KB: usize = 32 << 10;
/// Names the file in the process that reads it.
const FILE: &str = "FKP_TEST_PACKED_FILE";

/// Images that are known without being stored.
struct Generated(Schema);

impl Dataset for Generated {
    fn schema(&self) -> &Schema {
        &self.0
    }

    fn len(&self) -> usize {
        IMAGES
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let byte = |pixel: usize| (pixel * 7 + index * 13) as u8;
        let image = Image::new(96, 96, 1, (0..96 * 96).map(byte).collect()).unwrap();
        let keypoints = Keypoints::new(vec![Keypoint::new(index as f32 / 500.0, 4.0)]);
        Ok(Sample::new(index.to_string(), image, keypoints))
    }
}

fn generated() -> Generated {
    Generated(Schema::numbered("one", 1).unwrap())
}

#[test]
fn a_set_ten_times_larger_than_memory_is_read_in_any_order() {
    if let Some(file) = std::env::var_os(FILE) {
        return read_all(Path::new(&file));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.fkp");
    let input = PackInput::new("generated", Arc::new(generated()));
    let report = pack(&[input], &path, &PackOptions::default()).unwrap();
    assert!(report.bytes > 10 * 1024 * LIMIT_KB as u64);
    // The shell sets the limit for the program that replaces it.
    let name = "a_set_ten_times_larger_than_memory_is_read_in_any_order";
    let script = format!("ulimit -d {LIMIT_KB} && exec \"$0\" --exact {name} --nocapture");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(FILE, &path)
        .env("RUST_TEST_THREADS", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("read all"),
        "{text}"
    );
}

fn read_all(path: &Path) {
    // The limit holds: as much memory as the file has cannot be had.
    assert!(
        Vec::<u8>::new()
            .try_reserve_exact(IMAGES * 96 * 96)
            .is_err()
    );
    let file = PackedFile::open(path).unwrap();
    let expected = generated();
    // A permutation, because the step and the number have no common factor.
    for step in 0..IMAGES {
        let index = step * 7919 % IMAGES;
        assert_eq!(file.get(index).unwrap(), expected.get(index).unwrap());
    }
    println!("read all");
}
