//! Opening a data set: detecting its format and schema, reading its annotations, splitting it.

mod selected;

use crate::corrections::Corrections;
use crate::formats::reader::{ReadDataset, ReadOptions};
use crate::origin::SourceDataset;
use crate::schema::SchemaSource;
use crate::split::{PredefinedSplit, Split, SplitIndices, SplitRule, refuse_leak, split};
use crate::summary::{PartSummary, Summary};
use crate::{DataError, FarLabels, Format, IdLookupTable, MissingImages, Progress};
use fkp_core::{CropRule, Dataset, Schema, Subset};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How to open a data set. The default detects format and schema and takes all samples.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The format; detected from the files if `None`.
    pub format: Option<Format>,
    /// The schema of the files, such as from [`crate::schema_from`]. If `None`, the names of a
    /// built-in schema in any order give that schema, other names a new schema, and numbers
    /// [`Schema::numbered`]; 68 numbered keypoints are `ibug68` and 98 are `wflw98` if the labels
    /// have its shape. Boxes have [`Schema::boxes`].
    pub schema: Option<Schema>,
    /// How to handle labels far outside their image.
    pub far_labels: FarLabels,
    /// The part to open.
    pub split: Split,
    /// How to split a data set without a predefined split.
    pub split_rule: SplitRule,
    /// What to call while a long file is read.
    pub progress: Progress,
    /// Samples to exclude and labels to correct, such as from [`Corrections::load`].
    pub corrections: Option<Corrections>,
    /// How to handle a table of labels without images.
    pub missing_images: MissingImages,
}

impl OpenOptions {
    /// The options that concern a reader.
    pub(crate) fn for_reader(&self) -> ReadOptions {
        ReadOptions {
            schema: self.schema.clone(),
            far_labels: self.far_labels,
            progress: self.progress.clone(),
            missing_images: self.missing_images,
        }
    }
}

/// A data set that was opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenedDataset {
    /// The format of the files.
    pub format: Format,
    /// Where the schema of the samples comes from.
    pub schema_source: SchemaSource,
    /// The samples of the requested part.
    pub dataset: Arc<dyn Dataset>,
    /// All samples, to which the indices of splits refer.
    pub complete: Arc<dyn Dataset>,
    /// The split that comes with the data set, as separate tables or lists.
    pub predefined_split: Option<PredefinedSplit>,
    /// The rule by which the images were cropped, if they are crops as a network takes them: the
    /// whole image for Kaggle's table.
    pub crop: Option<CropRule>,
    /// Width and height of the images, if they are stored as pixels of one size: reading one decodes
    /// nothing.
    pub pixel_size: Option<(usize, usize)>,
    /// What a user should know, such as annotations without keypoints that were ignored.
    pub notes: Vec<String>,
    split_rule: SplitRule,
    pub(crate) path: PathBuf,
    pub(crate) source: Arc<dyn SourceDataset>,
}

/// The two parts of a data set, without a leak between them.
#[derive(Clone)]
#[non_exhaustive]
pub struct TrainVal {
    /// The training samples.
    pub train: Arc<dyn Dataset>,
    /// The validation samples.
    pub val: Arc<dyn Dataset>,
    /// Their indices in [`OpenedDataset::complete`].
    pub indices: SplitIndices,
}

impl OpenedDataset {
    /// What a reader has read from `path`.
    pub(crate) fn new(
        format: Format,
        path: PathBuf,
        read: ReadDataset,
        options: &OpenOptions,
    ) -> Result<Self, DataError> {
        let complete: Arc<dyn Dataset> = read.dataset.clone();
        let mut opened = Self {
            format,
            schema_source: read.schema_source,
            crop: read.crop,
            pixel_size: read.pixel_size,
            dataset: complete.clone(),
            complete,
            predefined_split: read.predefined_split,
            notes: read.notes,
            split_rule: options.split_rule,
            path,
            source: read.dataset,
        };
        match options.split {
            Split::All => {}
            Split::Train => opened.dataset = opened.train_val()?.train,
            Split::Val => opened.dataset = opened.train_val()?.val,
        }
        Ok(opened)
    }

    /// The summary of the given parts; no image is decoded for it.
    ///
    /// Each part has a name and the indices of its samples in [`OpenedDataset::complete`], such as
    /// [`TrainVal::indices`].
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn summary(&self, parts: &[(&str, &[usize])]) -> Summary {
        let part = |&(name, indices): &(&str, &[usize])| {
            PartSummary::new(name, indices.iter().map(|&index| self.source.origin(index)))
        };
        Summary {
            format: self.format,
            schema: self.complete.schema().clone(),
            schema_source: self.schema_source,
            parts: parts.iter().map(part).collect(),
            notes: self.notes.clone(),
        }
    }

    /// All samples, with what is known of them without decoding images.
    pub(crate) fn source(&self) -> Arc<dyn SourceDataset> {
        self.source.clone()
    }

    /// The `IdLookupTable.csv` beside the table of a data set of Kaggle's competition, if there is one.
    pub fn id_lookup_file(&self) -> Option<PathBuf> {
        let folder = match self.path.is_file() {
            true => self.path.parent()?,
            false => &self.path,
        };
        let file = folder.join("IdLookupTable.csv");
        (self.format == Format::Kaggle && file.is_file()).then_some(file)
    }

    /// Reads the coordinates of these images that Kaggle's competition asks for, such as from
    /// [`OpenedDataset::id_lookup_file`].
    ///
    /// # Errors
    /// If the file cannot be read, or a row has an image that is not in the data set or twice, a name
    /// that is not a keypoint of the schema and `_x` or `_y`, or the number of another row.
    pub fn id_lookup(&self, file: &Path) -> Result<IdLookupTable, DataError> {
        let mut images: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for index in 0..self.complete.len() {
            let id = self.source.labels(index)?.id;
            images.entry(id).or_default().push(index);
        }
        IdLookupTable::read(file, self.complete.schema(), &images)
    }

    /// The training and the validation part: by the predefined split if there is one, else by
    /// person or image ([`crate::split`]). In both cases every image is decoded once, in parallel.
    ///
    /// # Errors
    /// If the data set is too small, an image cannot be read, or the predefined split has a person
    /// or copies of an image in both parts ([`DataError::LeakingSplit`]).
    pub fn train_val(&self) -> Result<TrainVal, DataError> {
        let indices = match &self.predefined_split {
            Some(predefined) => {
                refuse_leak(&self.complete, predefined, &self.path)?;
                predefined.indices.clone()
            }
            None => split(&self.complete, &self.split_rule)?,
        };
        let part = |indices: &[usize]| -> Result<Arc<dyn Dataset>, DataError> {
            let subset = Subset::new(self.complete.clone(), indices.to_vec())?;
            Ok(Arc::new(subset))
        };
        Ok(TrainVal {
            train: part(&indices.train)?,
            val: part(&indices.val)?,
            indices,
        })
    }
}

impl std::fmt::Debug for OpenedDataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenedDataset")
            .field("format", &self.format)
            .field("schema", &self.dataset.schema().name())
            .field("samples", &self.dataset.len())
            .field("predefined_split", &self.predefined_split.is_some())
            .finish_non_exhaustive()
    }
}

/// Opens a data set: detects its format and reads and checks all annotations. Images are decoded
/// when a sample is requested.
///
/// # Errors
/// If the path does not exist, no format is detected (the message lists what each format expects
/// and what was found), an annotation is invalid, or the data set cannot be split as requested.
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<OpenedDataset, DataError> {
    let path = path.as_ref();
    options.split_rule.validate()?;
    // A path that does not exist is an I/O error, not an unknown format.
    std::fs::metadata(path).map_err(DataError::io(path))?;
    let (format, path) = match options.format {
        Some(format) => (format, path.to_owned()),
        None => Format::detect(path)?,
    };
    let mut read = format.reader().read(&path, &options.for_reader())?;
    if let Some(corrections) = &options.corrections {
        read = corrections.apply(read)?;
    }
    OpenedDataset::new(format, path, read, options)
}

#[cfg(test)]
mod tests;
