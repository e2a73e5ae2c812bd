//! What the fuzz targets share: a folder in memory, and the limit of memory that a parser may use.

use cap::Cap;
use fkp_core::Dataset;
use fkp_data::{FarLabels, Format, OpenOptions, open};
use std::alloc::System;
use std::path::PathBuf;
use std::sync::LazyLock;

mod setup;

pub use setup::{model_bytes, state_bytes, trainer};

/// Fails an allocation beyond the limit, which ends the program.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What a parser may use beside twice its input, in bytes.
const MARGIN: usize = 64 << 20;

/// Runs a parser with as much memory as it may use for an input of `len` bytes.
pub fn within_memory<T>(len: usize, parse: impl FnOnce() -> T) -> T {
    let limit = ALLOCATOR.allocated() + 2 * len + MARGIN;
    let _ = ALLOCATOR.set_limit(limit);
    let result = parse();
    let _ = ALLOCATOR.set_limit(usize::MAX);
    result
}

/// A folder in memory with two images, `a.png` and `images/a.png`.
pub fn folder() -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let parent = PathBuf::from("/dev/shm");
        let parent = if parent.is_dir() { parent } else { std::env::temp_dir() };
        let folder = parent.join(format!("fkp-fuzz-{}", std::process::id()));
        let images = folder.join("images");
        std::fs::create_dir_all(&images).expect("a folder for the images");
        let image = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(8 * x + y) as u8]));
        for path in [folder.join("a.png"), images.join("a.png")] {
            image.save(path).expect("an image of 8×8 pixels");
        }
        folder
    });
    FOLDER.clone()
}

/// Opens a data set of one file with these bytes, and reads its first samples. An error is a result;
/// a panic is not.
pub fn open_file(format: Format, name: &str, bytes: &[u8]) {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("a file in memory");
    within_memory(bytes.len(), || {
        for format in [Some(format), None] {
            let options = OpenOptions {
                format,
                far_labels: FarLabels::Unlabel,
                ..OpenOptions::default()
            };
            let Ok(opened) = open(&path, &options) else {
                continue;
            };
            for index in 0..opened.complete.len().min(3) {
                let _ = opened.complete.get(index);
            }
            let _ = opened.summary(&[("all", &[0])]).to_string();
        }
    });
}
