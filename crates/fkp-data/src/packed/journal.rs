//! The record of an unfinished file, from which writing it resumes: a line of JSON for the sources
//! and options, then one for each batch of samples that is in the file.

use super::header::PackedSource;
use super::layout::{ImageLayout, Shape};
use crate::DataError;
use crate::error::PackedError;
use fkp_core::{CropRule, LabeledBox, Schema};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What an unfinished file is made from. Writing resumes only with the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    pub(super) samples: usize,
    pub(super) schema: Schema,
    pub(super) sources: Vec<PackedSource>,
    /// What distinguishes the data of each source from other data of the same name.
    pub(super) identities: Vec<String>,
    pub(super) crop: Option<CropRule>,
    /// Width, height and channels, if the images are stored as pixels.
    pub(super) pixels: Option<[usize; 3]>,
}

impl Job {
    /// The shape of the file.
    pub(super) fn shape(&self) -> Shape {
        let images = match self.pixels {
            Some([width, height, channels]) => ImageLayout::Pixels {
                width,
                height,
                channels,
            },
            None => ImageLayout::Encoded,
        };
        Shape {
            samples: self.samples,
            keypoints: self.schema.len(),
            images,
        }
    }

    /// Refuses to resume a file that was begun with another job.
    pub(super) fn check_same(&self, begun: &Self) -> Result<(), PackedError> {
        let differences = [
            ("the number of samples", self.samples != begun.samples),
            ("the schema", self.schema != begun.schema),
            ("the list of sources", self.sources != begun.sources),
            ("the data of a source", self.identities != begun.identities),
            ("the crop", self.crop != begun.crop),
            ("the way images are stored", self.pixels != begun.pixels),
        ];
        match differences.into_iter().find(|(_, differs)| *differs) {
            Some((what, _)) => Err(PackedError::OtherJob { what }),
            None => Ok(()),
        }
    }
}

/// What is recorded of a batch of samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// Number of bytes of all images up to and including this batch.
    pub(super) image_bytes: u64,
    pub(super) records: Vec<Record>,
}

/// What is recorded of a sample: all that has no fixed place in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) boxes: Vec<LabeledBox>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) attributes: Vec<String>,
    /// Where its image is among all bytes of images.
    pub(super) image: [u64; 2],
}

/// The job and the batches of an unfinished file, and the length of their text. A last line that is cut
/// short belongs to a batch that was not finished.
pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Option<(Job, Vec<Batch>, u64)>, DataError> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut length = 0;
    let mut complete = lines.by_ref().map_while(|line| line.strip_suffix(b"\n"));
    let invalid = |line, source| DataError::packed(path, PackedError::Journal { line, source });
    let Some(first) = complete.next() else {
        return Ok(None);
    };
    length += first.len() as u64 + 1;
    let job = serde_json::from_slice(first).map_err(|error| invalid(1, error))?;
    let mut batches = Vec::new();
    for (number, line) in complete.enumerate() {
        let batch = serde_json::from_slice(line).map_err(|error| invalid(number + 2, error))?;
        batches.push(batch);
        length += line.len() as u64 + 1;
    }
    Ok(Some((job, batches, length)))
}
