//! The parts of a data set: training, selection and validation.

use crate::{Selection, SelectionPart};
use anyhow::{Context, Result};
use clap::ValueEnum;
use fkp_core::Subset;
use fkp_data::{OpenedDataset, SplitIndices, SplitRule, hold_out};
use std::fmt;

/// The part of a data set on which a model is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Part {
    /// The training samples.
    Train,
    /// The samples on which the best epoch was chosen.
    Selection,
    /// Samples that took no part in training.
    #[default]
    Val,
    /// All samples.
    All,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Selection => "selection",
            Self::Val => "val",
            Self::All => "all",
        })
    }
}

/// Indices of the samples of each part in the complete set.
pub(super) struct Parts {
    pub(super) train: Vec<usize>,
    pub(super) selection: Vec<usize>,
    pub(super) val: Vec<usize>,
}

impl Parts {
    /// The data set's own split or one by person or image, and the selection part, which is taken
    /// from the training part.
    pub(super) fn of(
        opened: &OpenedDataset,
        split: &SplitRule,
        selection: &Selection,
    ) -> Result<Self> {
        let SplitIndices { train, val } = opened.train_val()?.indices;
        match selection.part {
            SelectionPart::Validation => Ok(Self {
                train,
                selection: val.clone(),
                val,
            }),
            SelectionPart::Carved => {
                let part = Subset::new(opened.complete.clone(), train.clone())?;
                let rule = SplitRule {
                    val_fraction: selection.fraction,
                    ..*split
                };
                let carved = hold_out(&part, &rule).context(
                    "cannot set aside a part of the training part for choosing the best epoch",
                )?;
                let named = |indices: Vec<usize>| indices.into_iter().map(|i| train[i]).collect();
                Ok(Self {
                    train: named(carved.train),
                    selection: named(carved.val),
                    val,
                })
            }
        }
    }
}
