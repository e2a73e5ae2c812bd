//! The dataset format: one file with all images and labels of a data set, which is opened without
//! being parsed. `docs/dataset-format.md` specifies it.

mod contents;
mod file;
mod header;
mod journal;
mod layout;
mod mapping;
mod pack;
mod storage;
mod tensors;
mod values;
mod writer;

pub use file::PackedFile;
pub use header::PackedSource;
pub use pack::{ImageEncoding, PackInput, PackOptions, PackReport, pack};

pub(crate) use header::is_packed;
pub(crate) use pack::png;

#[cfg(test)]
mod tests;
