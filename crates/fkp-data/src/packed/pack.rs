//! Writes data sets into one packed file: [`pack`].

use super::header::PackedSource;
use super::journal::Job;
use super::layout::ImageLayout;
use super::values::{Part, check_box, check_finite};
use super::writer::{Packed, PackedImage, Writer};
use crate::error::PackedError;
use crate::origin::SourceDataset;
use crate::schema::check_one_schema;
use crate::split::SplitIndices;
use crate::{DataError, Mapped, OpenedDataset, Progress};
use fkp_core::{CropRule, Dataset, DatasetError, Image, Sample, SchemaMap};
use image::{DynamicImage, ImageFormat};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

/// Number of samples that are decoded at the same time.
const BATCH: usize = 128;

/// A data set that is written into a packed file.
#[derive(Clone)]
pub struct PackInput {
    name: String,
    license: Option<String>,
    identity: String,
    dataset: Arc<dyn Dataset>,
    /// The image files, if the samples have their pixels.
    files: Option<Arc<dyn SourceDataset>>,
    split: Option<SplitIndices>,
    crop: Option<CropRule>,
}

/// How images are stored in a packed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageEncoding {
    /// As pixels if no source has image files, else as files.
    #[default]
    Auto,
    /// As pixels, which are not decoded when they are read; all images must have the same size.
    Pixels,
    /// As image files: the bytes of the source, or PNG where the source has pixels only.
    Files,
}

/// How to write a packed file.
#[derive(Debug, Clone, Default)]
pub struct PackOptions {
    /// How images are stored.
    pub images: ImageEncoding,
    /// What to call while the file is written.
    pub progress: Progress,
}

/// What [`pack`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackReport {
    /// Number of samples in the file.
    pub samples: usize,
    /// Number of samples that were already in an unfinished file.
    pub resumed: usize,
    /// Size of the file in bytes.
    pub bytes: u64,
}

impl PackInput {
    /// The samples of a data set.
    pub fn new(name: impl Into<String>, dataset: Arc<dyn Dataset>) -> Self {
        Self {
            name: name.into(),
            license: None,
            identity: String::new(),
            dataset,
            files: None,
            split: None,
            crop: None,
        }
    }

    /// All samples of a file or folder with their predefined split, mapped onto a schema. Image files
    /// are stored with the bytes that they have.
    ///
    /// # Panics
    /// If the map is from another number of keypoints.
    pub fn opened(name: impl Into<String>, opened: &OpenedDataset, map: Option<SchemaMap>) -> Self {
        let dataset: Arc<dyn Dataset> = match map {
            Some(map) => Arc::new(Mapped::new(opened.complete.clone(), map)),
            None => opened.complete.clone(),
        };
        let split = opened.predefined_split.as_ref();
        Self {
            files: Some(opened.source()),
            split: split.map(|split| split.indices.clone()),
            crop: opened.crop.clone(),
            ..Self::new(name, dataset)
        }
    }

    /// The license of the images and labels.
    #[must_use]
    pub fn with_license(self, license: impl Into<String>) -> Self {
        Self {
            license: Some(license.into()),
            ..self
        }
    }

    /// The parts of a split, which the file then has as its predefined split.
    #[must_use]
    pub fn with_split(self, split: SplitIndices) -> Self {
        Self {
            split: Some(split),
            ..self
        }
    }

    /// The rule by which the images of the data set were cropped.
    #[must_use]
    pub fn with_crop(self, crop: CropRule) -> Self {
        Self {
            crop: Some(crop),
            ..self
        }
    }

    /// A text that distinguishes the data from other data of this name, such as a path and options: an
    /// unfinished file is continued only if it is the same.
    #[must_use]
    pub fn with_identity(self, identity: impl Into<String>) -> Self {
        Self {
            identity: identity.into(),
            ..self
        }
    }
}

/// Writes data sets of one schema into one file, one after the other. Images are decoded on all threads
/// of rayon's pool, and at most a few hundred samples are in memory.
///
/// The file gets its name when it is complete. Until then `OUT.partial` and `OUT.partial.journal` are
/// beside it; after an error or a kill, the same call continues from there. Equal data gives equal
/// bytes, resumed or not, on any number of threads.
///
/// # Errors
/// If there are no samples, a sample cannot be read, a label is not finite, the sources do not have one
/// schema and crop rule, images do not have one size although they are stored as pixels, an unfinished
/// file is of other sources, or the file cannot be written.
pub fn pack(
    inputs: &[PackInput],
    out: impl AsRef<Path>,
    options: &PackOptions,
) -> Result<PackReport, DataError> {
    let out = out.as_ref();
    let job = job(inputs, out, options.images)?;
    let samples = Samples::new(inputs, &job);
    let mut writer = Writer::open(out, &job)?;
    let resumed = writer.samples();
    let total = job.samples as u64;
    options.progress.report(resumed as u64, total, "images");
    let batch_from = |start: usize| {
        let end = (start + BATCH).min(job.samples);
        let batch = (start..end).into_par_iter();
        batch
            .map(|index| samples.get(index, out))
            .collect::<Result<Vec<_>, _>>()
    };
    let mut batch = batch_from(resumed)?;
    while !batch.is_empty() {
        let next = writer.samples() + batch.len();
        let (following, written) = rayon::join(|| batch_from(next), || writer.write(batch));
        written?;
        options.progress.report(next as u64, total, "images");
        batch = match following {
            Ok(batch) => batch,
            Err(error) => {
                // What is written so far need not be written again.
                writer.sync()?;
                return Err(error);
            }
        };
    }
    Ok(PackReport {
        samples: job.samples,
        resumed,
        bytes: writer.finish()?,
    })
}

/// What is written, decided by the first sample.
fn job(inputs: &[PackInput], out: &Path, images: ImageEncoding) -> Result<Job, DataError> {
    let failed = |error| DataError::packed(out, error);
    let samples = inputs.iter().map(|input| input.dataset.len()).sum();
    let first = inputs.iter().find(|input| !input.dataset.is_empty());
    let Some(first) = first else {
        return Err(failed(PackedError::NoSamples));
    };
    for input in inputs {
        let [own, expected] = [input, first].map(|input| (&*input.name, input.dataset.schema()));
        check_one_schema(own, expected)?;
        if input.crop != first.crop {
            let name = input.name.clone();
            return Err(failed(PackedError::CropDiffers { name }));
        }
    }
    let mut has_files = false;
    for input in inputs.iter().filter(|input| !input.dataset.is_empty()) {
        if let Some(files) = &input.files {
            has_files |= files.encoded_image(0)?.is_some();
        }
    }
    let as_pixels = match images {
        ImageEncoding::Auto => !has_files,
        ImageEncoding::Pixels => true,
        ImageEncoding::Files => false,
    };
    let pixels = match as_pixels {
        false => None,
        true => {
            let sample = first.sample(0)?;
            let image = &sample.image;
            Some([image.width(), image.height(), image.channels()])
        }
    };
    Ok(Job {
        samples,
        schema: first.dataset.schema().clone(),
        sources: inputs
            .iter()
            .map(|input| PackedSource {
                name: input.name.clone(),
                license: input.license.clone(),
            })
            .collect(),
        identities: inputs.iter().map(|input| input.identity.clone()).collect(),
        crop: first.crop.clone(),
        pixels,
    })
}

impl PackInput {
    fn sample(&self, index: usize) -> Result<Sample, DataError> {
        let sample = self.dataset.get(index);
        sample.map_err(|source| DataError::NotConverted {
            name: self.name.clone(),
            source,
        })
    }

    /// The part of the split that each sample is in.
    fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::Neither; self.dataset.len()];
        if let Some(split) = &self.split {
            for (indices, part) in [(&split.train, Part::Train), (&split.val, Part::Val)] {
                for &index in indices {
                    if let Some(slot) = parts.get_mut(index) {
                        *slot = part;
                    }
                }
            }
        }
        parts
    }

    /// For each sample whose image is also that of an earlier one, the first one that has it.
    fn shared_images(&self) -> BTreeMap<usize, usize> {
        let Some(files) = &self.files else {
            return BTreeMap::new();
        };
        let mut first: BTreeMap<usize, usize> = BTreeMap::new();
        let mut shared = BTreeMap::new();
        for index in 0..files.len() {
            let image = files.origin(index).image;
            let earlier = *first.entry(image).or_insert(index);
            if earlier != index {
                shared.insert(index, earlier);
            }
        }
        shared
    }
}

/// All samples of all inputs.
struct Samples<'a> {
    parts: Vec<InputPart<'a>>,
    images: ImageLayout,
}

struct InputPart<'a> {
    input: &'a PackInput,
    /// The index of its first sample in the file.
    first: usize,
    source: u32,
    shared: BTreeMap<usize, usize>,
    /// The part of each sample.
    split: Vec<Part>,
}

impl<'a> Samples<'a> {
    fn new(inputs: &'a [PackInput], job: &Job) -> Self {
        let images = job.shape().images;
        let mut first = 0;
        let parts = inputs.iter().zip(0..).map(|(input, source)| {
            let part = InputPart {
                input,
                first,
                source,
                shared: match images {
                    ImageLayout::Pixels { .. } => BTreeMap::new(),
                    ImageLayout::Encoded => input.shared_images(),
                },
                split: input.parts(),
            };
            first += input.dataset.len();
            part
        });
        Self {
            parts: parts.collect(),
            images,
        }
    }

    fn get(&self, index: usize, out: &Path) -> Result<Packed, DataError> {
        let part = self.parts.partition_point(|part| part.first <= index) - 1;
        let part = &self.parts[part];
        let inner = index - part.first;
        let sample = part.input.sample(inner)?;
        let failed = |error| DataError::packed(out, error);
        let checked = sample.check_count(part.input.dataset.schema());
        checked.map_err(|error| DataError::NotConverted {
            name: part.input.name.clone(),
            source: DatasetError::new(inner, error),
        })?;
        check(index, &sample).map_err(failed)?;
        let image = match (self.images, part.shared.get(&inner)) {
            (ImageLayout::Encoded, Some(earlier)) => PackedImage::Shared(part.first + earlier),
            (ImageLayout::Encoded, None) => PackedImage::Bytes(part.encoded(inner, &sample)?),
            (pixels, _) if pixels == ImageLayout::pixels_of(&sample.image) => {
                PackedImage::Bytes(sample.image.as_bytes().to_vec())
            }
            (
                ImageLayout::Pixels {
                    width,
                    height,
                    channels,
                },
                _,
            ) => {
                return Err(failed(PackedError::SizeDiffers {
                    index,
                    expected: format!("{width}×{height}×{channels}"),
                    found: ImageLayout::describe(&sample.image),
                    id: sample.id,
                }));
            }
        };
        Ok(Packed {
            sample,
            source: part.source,
            part: part.split[inner],
            image,
        })
    }
}

impl InputPart<'_> {
    /// The bytes of the image file, or a PNG file.
    fn encoded(&self, index: usize, sample: &Sample) -> Result<Vec<u8>, DataError> {
        let files = self.input.files.as_ref();
        let bytes = files.map(|files| files.encoded_image(index)).transpose()?;
        match bytes.flatten() {
            Some(bytes) => Ok(bytes),
            None => png(&sample.image).map_err(|source| DataError::NotConverted {
                name: self.input.name.clone(),
                source: DatasetError::new(index, source),
            }),
        }
    }
}

/// Checks what a reader checks, so that a file that is written can be read.
fn check(index: usize, sample: &Sample) -> Result<(), PackedError> {
    for (number, keypoint) in sample.keypoints.labeled() {
        for value in [keypoint.x, keypoint.y] {
            check_finite(index, || format!("keypoint {number}"), value.into())?;
        }
    }
    if let Some(face_box) = &sample.face_box {
        check_box(index, "face_boxes", &face_box.bounds)?;
    }
    for label in &sample.boxes {
        check_box(index, "boxes", &label.bounds)?;
    }
    Ok(())
}

/// An image as a PNG file, without loss.
pub(crate) fn png(image: &Image) -> Result<Vec<u8>, image::ImageError> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image.clone()).write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
