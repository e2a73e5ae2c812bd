//! What is known of a sample without decoding its image: its labels, and which image and which
//! person it shows.

use crate::DataError;
use fkp_core::{Dataset, Keypoints, LabeledBox};

/// The image and the person of a sample, known without decoding the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Samples of the same image have the same number.
    pub(crate) image: usize,
    /// Samples of the same person have the same number.
    pub(crate) person: Option<usize>,
}

/// The annotations of a sample, known without decoding the image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Labels {
    pub(crate) id: String,
    /// As in the file: whether one is outside the image may not be known yet.
    pub(crate) keypoints: Keypoints,
    pub(crate) group: Option<String>,
    pub(crate) boxes: Vec<LabeledBox>,
}

/// The samples of a file or folder, in the schema and the pixels of the source.
pub(crate) trait SourceDataset: Dataset {
    /// The image and the person of the sample at `index`.
    ///
    /// # Panics
    /// If the index is out of range.
    fn origin(&self, index: usize) -> Origin;

    /// The annotations of the sample at `index`.
    ///
    /// # Errors
    /// If a file that is not read as a whole when it is opened is damaged there.
    ///
    /// # Panics
    /// If the index is out of range.
    fn labels(&self, index: usize) -> Result<Labels, DataError>;

    /// Whether there are images: a table of labels alone can be inspected, not trained on.
    fn has_images(&self) -> bool {
        true
    }

    /// The bytes of the image file of the sample at `index`; `None` if the source has pixels only.
    ///
    /// # Panics
    /// If the index is out of range.
    fn encoded_image(&self, index: usize) -> Result<Option<Vec<u8>>, DataError>;
}
