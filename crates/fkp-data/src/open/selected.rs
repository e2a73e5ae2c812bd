//! Some samples of a data set that was opened, as if the files had no others.

use super::OpenedDataset;
use crate::DataError;
use crate::origin::{Labels, Origin, SourceDataset};
use crate::split::{PredefinedSplit, SplitIndices};
use fkp_core::{Dataset, Subset};
use std::collections::BTreeSet;
use std::sync::Arc;

impl OpenedDataset {
    /// The data set with only the samples at `indices` of [`OpenedDataset::complete`], such as those
    /// that a [`filter`](crate::filter()) keeps. Splits, summaries and indices are those of these
    /// samples. All of them are taken, whatever part was opened.
    ///
    /// # Errors
    /// If an index is out of range.
    pub fn select(&self, indices: &[usize]) -> Result<Self, DataError> {
        let source = Arc::new(Subset::new(self.source.clone(), indices.to_vec())?);
        let predefined_split = self.predefined_split.as_ref().map(|split| {
            let positions_of = |part: &[usize]| {
                let part: BTreeSet<usize> = part.iter().copied().collect();
                let positions = 0..indices.len();
                positions
                    .filter(|&position| part.contains(&indices[position]))
                    .collect()
            };
            PredefinedSplit {
                indices: SplitIndices {
                    train: positions_of(&split.indices.train),
                    val: positions_of(&split.indices.val),
                },
                files: split.files,
            }
        });
        let complete: Arc<dyn Dataset> = source.clone();
        Ok(Self {
            dataset: complete.clone(),
            complete,
            predefined_split,
            source,
            ..self.clone()
        })
    }
}

impl SourceDataset for Subset<Arc<dyn SourceDataset>> {
    fn origin(&self, index: usize) -> Origin {
        self.inner().origin(self.indices()[index])
    }

    fn labels(&self, index: usize) -> Result<Labels, DataError> {
        self.inner().labels(self.indices()[index])
    }

    fn has_images(&self) -> bool {
        self.inner().has_images()
    }

    fn encoded_image(&self, index: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.inner().encoded_image(self.indices()[index])
    }
}
