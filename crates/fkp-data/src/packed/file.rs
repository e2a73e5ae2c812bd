//! Reading a packed file: [`PackedFile`].

use super::contents::Contents;
use super::header::{Header, PackedSource};
use super::storage::Storage;
use super::tensors::Tensors;
use crate::DataError;
use crate::error::PackedError;
use crate::origin::{Labels, Origin, SourceDataset};
use crate::split::SplitIndices;
use fkp_core::{CropRule, Dataset, DatasetError, Sample, Schema};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Up to this size a file is copied into memory and its checksums are compared when it is opened. A
/// larger one is mapped.
const COPY_LIMIT: usize = 32 << 20;

/// A data set in the dataset format, `.fkp`: opened, not parsed, however many samples it has.
///
/// A file of at most 32 MiB is read into memory, and its checksums are compared. A larger one is mapped,
/// so that a data set may be larger than memory: each sample is copied out of the mapping when it is
/// requested, and checked like any other input. [`PackedFile::verify`] compares the checksums.
///
/// ```
/// use fkp_core::{Dataset, Image, InMemory, Keypoints, Sample, Schema};
/// use fkp_data::{PackInput, PackOptions, PackedFile, pack};
/// let sample = Sample::new("a", Image::filled(4, 3, 1, 7), Keypoints::unlabeled(15));
/// let set = InMemory::new(Schema::kaggle15(), vec![sample.clone()])?;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("one.fkp");
/// pack(&[PackInput::new("one", std::sync::Arc::new(set))], &path, &PackOptions::default())?;
/// let file = PackedFile::open(&path)?;
/// assert_eq!((file.len(), file.get(0)?), (1, sample));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PackedFile {
    path: PathBuf,
    contents: Contents,
}

impl PackedFile {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read, is not in the dataset format, or is truncated; if it is small, also if it
    /// is damaged. Damage in a large file is an error of the sample, or found by [`Self::verify`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::open_copying(path.as_ref(), COPY_LIMIT)
    }

    /// Opens a file, which is copied into memory up to this size.
    pub(super) fn open_copying(path: &Path, copy_limit: usize) -> Result<Self, DataError> {
        let io = DataError::io(path);
        let mut file = File::open(path).map_err(io)?;
        let file_len = file.metadata().map_err(io)?.len();
        let invalid = |error| DataError::packed(path, error);
        let header = Header::read(file_len, |start, out| {
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(out)
        });
        let header = header.map_err(invalid)?;
        let metadata = header.metadata().map_err(invalid)?;
        let (len, tensors) = Tensors::of(&header, &metadata).map_err(invalid)?;
        let opened = Self {
            path: path.to_owned(),
            contents: Contents {
                all: header.tensors(),
                storage: Storage::new(file, file_len as usize, copy_limit).map_err(io)?,
                metadata,
                tensors,
                len,
            },
        };
        if let Storage::Memory(_) = opened.contents.storage {
            opened.verify()?;
        }
        Ok(opened)
    }

    /// Compares the checksums of all tensors, for which the whole file is read.
    ///
    /// # Errors
    /// The first tensor whose bytes are not those that were written.
    pub fn verify(&self) -> Result<(), DataError> {
        self.contents.verify().map_err(|error| self.error(error))
    }

    /// The sources of the samples.
    pub fn sources(&self) -> &[PackedSource] {
        &self.contents.metadata.sources
    }

    /// The rule by which the images were cropped; `None` if they are not crops.
    pub fn crop(&self) -> Option<&CropRule> {
        self.contents.metadata.crop.as_ref()
    }

    /// Width and height of the images, if they are stored as pixels, which all have one size; `None` if
    /// they are stored as image files.
    pub fn pixel_size(&self) -> Option<(usize, usize)> {
        self.contents.pixel_size()
    }

    /// Which of [`Self::sources`] a sample is from.
    ///
    /// # Errors
    /// If the file is damaged.
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn source_of(&self, index: usize) -> Result<usize, DataError> {
        let len = self.len();
        assert!(index < len, "there are {len} samples, not {index}");
        let source = self.contents.source_of(index);
        source.map_err(|error| self.error(error))
    }

    /// The parts of the predefined split, if there is one.
    pub(crate) fn predefined_split(&self) -> Result<Option<SplitIndices>, DataError> {
        let split = self.contents.predefined_split();
        split.map_err(|error| self.error(error))
    }

    fn error(&self, error: PackedError) -> DataError {
        DataError::packed(&self.path, error)
    }
}

impl std::fmt::Debug for PackedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackedFile")
            .field("path", &self.path)
            .field("schema", &self.schema().name())
            .field("samples", &self.len())
            .finish_non_exhaustive()
    }
}

impl Dataset for PackedFile {
    fn schema(&self) -> &Schema {
        &self.contents.metadata.schema
    }

    fn len(&self) -> usize {
        self.contents.len
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        if index >= self.len() {
            return Err(DatasetError::out_of_range(index, self.len()));
        }
        let sample = self.contents.sample(index);
        sample.map_err(|error| DatasetError::new(index, self.error(error)))
    }
}

impl SourceDataset for PackedFile {
    fn origin(&self, index: usize) -> Origin {
        self.contents.origin(index)
    }

    fn labels(&self, index: usize) -> Result<Labels, DataError> {
        let labels = self.contents.labels(index);
        labels.map_err(|error| self.error(error))
    }

    fn encoded_image(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        let encoded = self.contents.encoded_image(index);
        encoded.map_err(|error| self.error(error))
    }
}
