//! Readers of landmark data sets: one module per foreign format, one way to open them all.
//!
//! A reader checks the whole annotation file when it is opened and decodes images when they are
//! asked for: damage shows before hours of training rather than in the middle, and a set larger
//! than memory can be read. The exception is Kaggle's table, where the images are in the
//! annotations; they are kept as bytes.
//!
//! [`open`] gives a [`fkp_core::Dataset`] in the source's own schema and frame. What follows are
//! wrappers, each a data set again: [`Mapped`] onto another schema, [`Cropped`] to what a network
//! sees, [`Cached`] in memory.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod cached;
mod coco;
mod cropped;
mod error;
mod far_labels;
mod folder;
mod format;
#[cfg(feature = "hub")]
pub mod hub;
mod image_csv;
mod image_file;
mod kaggle;
mod mapped;
mod open;
mod pts;
mod schemas;
mod split;
mod summary;
mod table;
pub mod testing;
mod text;

pub use cached::Cached;
pub use cropped::{Boxes, Cropped};
pub use error::{DataError, Problem};
pub use far_labels::FarLabels;
pub(crate) use folder::SchemaKeypoint;
pub use format::{Format, Split};
pub use image_file::decode_image;
pub use mapped::Mapped;
pub use open::{OpenOptions, Opened, TrainVal, open};
pub use schemas::schema_from;
pub use split::{SplitIndices, SplitRule, carve, split};
pub use summary::{PartSummary, SchemaSource, Summary};
