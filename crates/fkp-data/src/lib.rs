//! Readers of landmark data sets.
#![doc = include_str!("../README.md")]

mod cached;
pub mod coco;
mod cropped;
mod error;
mod folder;
mod format;
pub mod image_csv;
pub mod kaggle;
mod mapped;
mod open;
mod picture;
pub mod pts;
mod schemas;
mod split;
mod table;
pub mod testing;

pub use cached::Cached;
pub use coco::Coco;
pub use cropped::{Channels, Cropped};
pub use error::{DataError, Problem};
pub(crate) use folder::SchemaPoint;
pub use format::{Format, Split};
pub use image_csv::ImageCsv;
pub use kaggle::Kaggle;
pub use mapped::Mapped;
pub use open::{OpenOptions, Opened, TrainVal, open};
pub use picture::{MAX_PIXELS, decode_image};
pub use pts::Pts;
pub use schemas::{schema_from, schema_from_toml};
pub use split::{SplitIndices, SplitRule, split};
