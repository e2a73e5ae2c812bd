//! Kaggle's table as a data set.

use super::samples::Samples;
use crate::DataError;
use crate::formats::reader::ReadDataset;
use crate::origin::{Labels, Origin, SourceDataset};
use crate::schema::SchemaSource;
use fkp_core::{CropRule, Dataset, DatasetError, Image, Sample, Schema};
use std::sync::Arc;

/// Kaggle's table with its images in memory.
#[derive(Debug, Clone)]
pub(super) struct KaggleTable {
    pub(super) schema: Schema,
    pub(super) schema_source: SchemaSource,
    /// The name of the file, for the names of the samples.
    pub(super) file: String,
    /// Width and height of every image.
    pub(super) side: usize,
    /// The samples as they were parsed. One large vector of pixels would be copied when it grows.
    pub(super) parts: Vec<Samples>,
    /// The index of the first sample of each part.
    pub(super) firsts: Vec<usize>,
    /// Number of samples.
    pub(super) len: usize,
    /// Whether the table has coordinate columns; Kaggle's test file has none.
    pub(super) is_labeled: bool,
    /// Whether there are images; a table of labels alone can be inspected.
    pub(super) has_images: bool,
    /// What a user should know.
    pub(super) notes: Vec<String>,
}

impl KaggleTable {
    /// The part that has a sample, and its number there.
    fn part(&self, index: usize) -> (&Samples, usize) {
        let part = self.firsts.partition_point(|first| *first <= index) - 1;
        (&self.parts[part], index - self.firsts[part])
    }

    /// Appends a part.
    pub(super) fn push(&mut self, mut samples: Samples) {
        if samples.len() == 0 {
            return;
        }
        self.side = samples.side;
        self.notes.append(&mut samples.notes);
        self.firsts.push(self.len);
        self.len += samples.len();
        self.parts.push(samples);
    }
}

impl From<KaggleTable> for ReadDataset {
    fn from(mut table: KaggleTable) -> Self {
        Self {
            schema_source: table.schema_source,
            crop: Some(CropRule::Whole),
            pixel_size: Some((table.side, table.side)),
            predefined_split: None,
            notes: std::mem::take(&mut table.notes),
            dataset: Arc::new(table),
        }
    }
}

impl Dataset for KaggleTable {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        if index >= self.len {
            return Err(DatasetError::out_of_range(index, self.len));
        }
        if !self.has_images {
            return Err(DatasetError::new(index, "the table has no images"));
        }
        let (samples, row) = self.part(index);
        let image = Image::new(self.side, self.side, 1, samples.pixels(row).to_vec())
            .map_err(|error| DatasetError::new(index, error))?;
        let keypoints = samples.keypoints(row, self.schema.len());
        Ok(Sample::new(samples.id(row, &self.file), image, keypoints))
    }
}

impl SourceDataset for KaggleTable {
    fn origin(&self, index: usize) -> Origin {
        Origin {
            image: index,
            person: None,
        }
    }

    fn labels(&self, index: usize) -> Result<Labels, DataError> {
        let (samples, row) = self.part(index);
        Ok(Labels {
            id: samples.id(row, &self.file),
            keypoints: samples.keypoints(row, self.schema.len()),
            group: None,
            boxes: Vec::new(),
        })
    }

    fn has_images(&self) -> bool {
        self.has_images
    }

    fn encoded_image(&self, _index: usize) -> Result<Option<Vec<u8>>, DataError> {
        Ok(None)
    }
}
