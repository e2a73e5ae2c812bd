//! Readers of data sets of landmarks and of face boxes: one module per format, one function that
//! opens them all.
//!
//! A reader checks the whole annotation file when it is opened, and decodes images when they are
//! requested: errors appear before hours of training, and a data set may be larger than memory. The
//! exception is Kaggle's table, whose images are part of the annotations and are kept in memory.
//!
//! [`open`] returns a [`fkp_core::Dataset`] in the schema and pixels of the source. Wrappers are
//! data sets again: [`Mapped`] onto another schema, a [`Union`] of several, [`Cropped`] to the input
//! of a network, [`Cached`] in memory. [`filter()`], [`split()`], [`stratified_split`] and [`k_folds`]
//! select samples.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod annotated_set;
#[cfg(test)]
mod any_dataset;
mod box_images;
mod coco_values;
mod corrections;
mod decode;
mod error;
mod far_labels;
mod files;
mod filter;
mod folder;
mod folder_tree;
mod formats;
mod hashes;
#[cfg(feature = "hub")]
pub mod hub;
mod id_lookup;
mod image_source;
pub mod inspect;
mod json_document;
mod json_keys;
mod mat;
#[cfg(test)]
mod messages;
mod missing_images;
mod npy;
mod open;
mod origin;
mod packed;
mod parallel;
mod progress;
mod pts_file;
mod records;
mod schema;
mod split;
mod summary;
mod table;
mod wrappers;
mod y4m;

pub use corrections::Corrections;
pub use decode::{decode_image, decode_upright};
pub use error::{AnnotationError, DataError, PackedError};
pub use far_labels::FarLabels;
pub use filter::{Duplicates, Filtered, RemovedSamples, SampleFilter, filter};
pub use folder::{FolderFormat, FolderReport, write_folder};
pub use formats::Format;
pub use id_lookup::{IdLookup, IdLookupTable};
pub use inspect::{InspectOptions, Inspection, inspect};
pub use missing_images::MissingImages;
pub use open::{OpenOptions, OpenedDataset, TrainVal, open};
pub use packed::{
    ImageEncoding, PackInput, PackOptions, PackReport, PackedFile, PackedSource, pack,
};
pub use progress::{Progress, ProgressReport};
pub use schema::{SchemaSource, schema_from};
pub use split::{
    PredefinedSplit, Split, SplitIndices, SplitRule, hold_out, k_folds, split, stratified_split,
};
pub use summary::{PartSummary, Summary};
pub use wrappers::{
    BoxSource, Cached, Cropped, FaceRegions, Fitted, Mapped, Mosaic, Union, UnionPart, UnionSource,
};
pub use y4m::{VideoError, Y4mReader};
