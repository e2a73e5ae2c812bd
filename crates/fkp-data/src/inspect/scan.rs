//! Reads all samples of a data set once, in parallel, and keeps what the inspection needs of them.

use super::perceptual::SmallImage;
use crate::DataError;
use crate::origin::{Origin, SourceDataset};
use crate::{OpenedDataset, Progress};
use fkp_core::{CropRule, Image, Keypoints, LabeledBox, Schema, SchemaMap};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

/// A sample as far as the inspection needs it.
pub(super) struct Scanned {
    pub(super) id: String,
    pub(super) keypoints: Keypoints,
    pub(super) group: Option<String>,
    pub(super) boxes: Vec<LabeledBox>,
    pub(super) origin: Origin,
    pub(super) image: ScannedImage,
}

/// The image of a sample.
pub(super) enum ScannedImage {
    /// The data set has labels alone.
    Absent,
    /// It cannot be decoded, for this reason.
    Unreadable(String),
    Decoded {
        /// (width, height) in pixels.
        size: (usize, usize),
        content_hash: u64,
        /// Of the first sample of an image only.
        whole: Option<SmallImage>,
        /// The crop that is aligned to the labels, if there is a rule for it and enough labels.
        face: Option<SmallImage>,
    },
}

impl Scanned {
    /// (width, height) in pixels, if the image was decoded.
    pub(super) fn size(&self) -> Option<(usize, usize)> {
        match self.image {
            ScannedImage::Decoded { size, .. } => Some(size),
            _ => None,
        }
    }

    /// The hash of the pixels, if the image was decoded.
    pub(super) fn content_hash(&self) -> Option<u64> {
        match self.image {
            ScannedImage::Decoded { content_hash, .. } => Some(content_hash),
            _ => None,
        }
    }
}

/// The samples of a data set, in its order. `progress` counts images of all data sets.
pub(super) fn scan(set: &OpenedDataset, progress: &Counter<'_>) -> Vec<Scanned> {
    let source = &*set.source;
    let faces = FaceCrops::new(source.schema());
    // Several samples may show faces of one image, which is decoded once.
    let mut by_image: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..source.len() {
        let image = source.origin(index).image;
        by_image.entry(image).or_default().push(index);
    }
    let by_image: Vec<Vec<usize>> = by_image.into_values().collect();
    let read = by_image.par_iter().flat_map_iter(|indices| {
        let scanned = scan_image(source, indices, &faces);
        progress.add(indices.len());
        indices.iter().copied().zip(scanned)
    });
    let mut read: Vec<(usize, Scanned)> = read.collect();
    read.sort_unstable_by_key(|(index, _)| *index);
    read.into_iter().map(|(_, scanned)| scanned).collect()
}

/// The samples of one image.
fn scan_image(source: &dyn SourceDataset, indices: &[usize], faces: &FaceCrops) -> Vec<Scanned> {
    let decoded = source.has_images().then(|| source.get(indices[0]));
    let decoded = decoded.map(|read| read.map(|sample| Decoded::new(&sample.image)));
    let scanned = indices.iter().enumerate().map(|(number, &index)| {
        let labels = match source.labels(index) {
            Ok(labels) => labels,
            Err(error) => return unreadable(source, index, &error),
        };
        let mut keypoints = labels.keypoints;
        let image = match &decoded {
            None => ScannedImage::Absent,
            Some(Err(error)) => ScannedImage::Unreadable(Causes(&*error.source).to_string()),
            Some(Ok(decoded)) => {
                let size = decoded.gray.size();
                keypoints = keypoints.mark_out_of_frame(size);
                ScannedImage::Decoded {
                    size,
                    content_hash: decoded.content_hash,
                    face: faces.of(&decoded.gray, &keypoints),
                    whole: (number == 0)
                        .then(|| SmallImage::of_image(&decoded.gray))
                        .flatten(),
                }
            }
        };
        Scanned {
            id: labels.id,
            keypoints,
            group: labels.group,
            boxes: labels.boxes,
            origin: source.origin(index),
            image,
        }
    });
    scanned.collect()
}

/// A sample whose labels are damaged.
fn unreadable(source: &dyn SourceDataset, index: usize, error: &DataError) -> Scanned {
    Scanned {
        id: index.to_string(),
        keypoints: Keypoints::unlabeled(source.schema().len()),
        group: None,
        boxes: Vec::new(),
        origin: source.origin(index),
        image: ScannedImage::Unreadable(Causes(error).to_string()),
    }
}

/// What is computed of an image once for all its samples.
struct Decoded {
    gray: Image,
    content_hash: u64,
}

impl Decoded {
    fn new(image: &Image) -> Self {
        Self {
            content_hash: image.content_hash(),
            gray: image.to_gray(),
        }
    }
}

/// An error with its causes in one line.
struct Causes<'a>(&'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let mut cause = Some(self.0);
        while let Some(error) = cause {
            let joint = if text.is_empty() { "" } else { ": " };
            text += &format!("{joint}{error}");
            cause = error.source();
        }
        f.write_str(&text)
    }
}

/// Crops of the faces, so that the same face is found in another crop of its photograph.
struct FaceCrops {
    rule: CropRule,
    /// Faces of any schema are cropped by the keypoints of one.
    map: Option<SchemaMap>,
}

impl FaceCrops {
    fn new(schema: &Schema) -> Self {
        let common = Schema::kaggle15();
        // Two keypoints do not determine a crop.
        let maps_enough = |map: &SchemaMap| map.unmapped().count() + 3 <= common.len();
        match SchemaMap::between(schema, &common).ok().filter(maps_enough) {
            Some(map) => Self {
                rule: CropRule::for_schema(&common),
                map: Some(map),
            },
            None => Self {
                rule: CropRule::for_schema(schema),
                map: None,
            },
        }
    }

    fn of(&self, gray: &Image, keypoints: &Keypoints) -> Option<SmallImage> {
        if self.rule == CropRule::Whole {
            return None;
        }
        let mapped = self.map.as_ref().map(|map| map.apply(keypoints));
        let keypoints = mapped.as_ref().unwrap_or(keypoints);
        if keypoints.labeled().count() < 3 {
            return None;
        }
        let square = self.rule.square(gray, keypoints, None).ok()?;
        SmallImage::of_square(gray, &square)
    }
}

/// Counts the images that were read, of all data sets together.
pub(super) struct Counter<'a> {
    progress: &'a Progress,
    total: u64,
    done: Mutex<u64>,
}

impl<'a> Counter<'a> {
    pub(super) fn new(progress: &'a Progress, total: usize) -> Self {
        Self {
            progress,
            total: total as u64,
            done: Mutex::new(0),
        }
    }

    fn add(&self, images: usize) {
        // A panic in the function that is called must not hide behind a second one.
        let mut done = self.done.lock().unwrap_or_else(|error| error.into_inner());
        *done += images as u64;
        self.progress.report(*done, self.total, "images");
    }
}
