//! What the fuzz targets share: a folder in memory, and the limit of memory that a parser may use.

#[cfg(feature = "models")]
pub mod training;

use cap::Cap;
use fkp_data::{FarLabels, Format, OpenOptions, open};
use std::alloc::System;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Ends the program at an allocation beyond the limit.
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

/// A folder in memory with an image, `a.png`, beside the file that is fuzzed and in `images/`, and the
/// files that a YOLO data set needs.
pub fn folder() -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = parent.join(format!("fkp-fuzz-{}", std::process::id()));
        for inner in ["images", "labels"] {
            std::fs::create_dir_all(folder.join(inner)).expect("a folder");
        }
        let image = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(8 * x + y) as u8]));
        for path in ["a.png", "images/a.png"] {
            image.save(folder.join(path)).expect("an image of 8×8 pixels");
        }
        folder
    });
    FOLDER.clone()
}

/// What is opened: the file that is fuzzed, or its folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    File,
    Folder,
}

/// Opens a data set in which one file has these bytes, and reads its first samples. An error is a
/// result; a panic is not.
pub fn open_file(format: Format, name: &str, opened: Opened, bytes: &[u8]) {
    static YOLO: LazyLock<()> = LazyLock::new(|| {
        let yaml = "train: images\nval: images\nkpt_shape: [2, 3]\n";
        let labels = "0 0.5 0.5 0.5 0.5 0.2 0.3 2 0.4 0.5 1\n";
        let folder = folder();
        std::fs::write(folder.join("data.yaml"), yaml).expect("a file in memory");
        std::fs::write(folder.join("labels/a.txt"), labels).expect("a file in memory");
    });
    if format == Format::YoloPose {
        LazyLock::force(&YOLO);
    }
    with_file(name, bytes, |file| {
        let folder = folder();
        let path = if opened == Opened::File { file } else { &folder };
        for format in [Some(format), None] {
            let options = OpenOptions {
                format,
                far_labels: FarLabels::Unlabel,
                ..OpenOptions::default()
            };
            let Ok(set) = open(path, &options) else {
                continue;
            };
            for index in 0..set.complete.len().min(3) {
                let _ = set.complete.get(index);
            }
            let _ = set.summary(&[("all", &[0])]).to_string();
        }
    });
}

/// Calls a parser with a file of this name that has these bytes.
pub fn with_file(name: &str, bytes: &[u8], parse: impl FnOnce(&Path)) {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("a file in memory");
    within_memory(bytes.len(), || parse(&path));
}

/// The number of pixels that the header of an image declares.
pub fn pixels(bytes: &[u8]) -> u64 {
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format();
    let size = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    size.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
}
