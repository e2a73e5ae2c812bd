//! The parts of a data set: training, selection and validation.

use crate::{RunNotes, Selection, SelectionPart};
use anyhow::{Context, Result, bail};
use fkp_core::Subset;
use fkp_data::{OpenedDataset, SplitIndices, SplitRule, hold_out};
use std::fmt;
use std::str::FromStr;

/// The part of a data set on which a model is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
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
    /// A part of the training samples and those of the selection together, taken out by person or
    /// image. It depends on the data and the rule, and only where the data has no split of its own
    /// on the model.
    OfTrain(SplitRule),
}

impl FromStr for Part {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (fraction, seed) = match parts[..] {
            ["train"] => return Ok(Self::Train),
            ["selection"] => return Ok(Self::Selection),
            ["val"] => return Ok(Self::Val),
            ["all"] => return Ok(Self::All),
            ["train", fraction] => (fraction, "0"),
            ["train", fraction, seed] => (fraction, seed),
            _ => bail!(
                "`{text}` is not train, selection, val, all, or train:FRACTION:SEED, such as \
                 train:0.5:0"
            ),
        };
        let rule = SplitRule {
            val_fraction: fraction.parse().with_context(|| {
                format!("`{text}`: the fraction must be a number, got `{fraction}`")
            })?,
            seed: seed.parse().with_context(|| {
                format!("`{text}`: the seed must be a whole number, got `{seed}`")
            })?,
        };
        let is_fraction = rule.val_fraction > 0.0 && rule.val_fraction < 1.0;
        if !is_fraction {
            bail!("`{text}`: the fraction must be between 0 and 1, got {fraction}");
        }
        Ok(Self::OfTrain(rule))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Train => f.write_str("train"),
            Self::Selection => f.write_str("selection"),
            Self::Val => f.write_str("val"),
            Self::All => f.write_str("all"),
            Self::OfTrain(rule) => write!(f, "train:{}:{}", rule.val_fraction, rule.seed),
        }
    }
}

/// The indices of a part of the samples, by the split that the notes of a model have.
pub(super) fn part_of(opened: &OpenedDataset, part: Part, notes: &RunNotes) -> Result<Vec<usize>> {
    let parts = || Parts::of(opened, &notes.split, &notes.selection);
    Ok(match part {
        Part::All => (0..opened.complete.len()).collect(),
        Part::Train => parts()?.train,
        Part::Selection => parts()?.selection,
        Part::Val => opened.train_val()?.indices.val,
        Part::OfTrain(rule) => carve(opened, &opened.train_val()?.indices.train, &rule)?.val,
    })
}

/// Indices of the samples of each part in the complete set.
pub(super) struct Parts {
    pub(super) train: Vec<usize>,
    pub(super) selection: Vec<usize>,
    pub(super) val: Vec<usize>,
}

impl Parts {
    /// The parts with their names, for a summary.
    pub(super) fn shown(&self, selected_on: SelectionPart) -> Vec<(&'static str, &[usize])> {
        let train: (_, &[usize]) = ("train", &self.train);
        match selected_on {
            SelectionPart::Carved => vec![
                train,
                ("selection, carved out of it", &self.selection),
                ("val, not opened", &self.val),
            ],
            SelectionPart::Validation => {
                vec![
                    train,
                    ("val, which chooses the best epoch", &self.selection),
                ]
            }
        }
    }

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
                let rule = SplitRule {
                    val_fraction: selection.fraction,
                    ..*split
                };
                let carved = carve(opened, &train, &rule).context(
                    "cannot set aside a part of the training part for choosing the best epoch",
                )?;
                Ok(Self {
                    train: carved.train,
                    selection: carved.val,
                    val,
                })
            }
        }
    }
}

/// Splits the training part by person or image: `val` is the part that is taken out.
fn carve(opened: &OpenedDataset, train: &[usize], rule: &SplitRule) -> Result<SplitIndices> {
    let part = Subset::new(opened.complete.clone(), train.to_vec())?;
    let carved = hold_out(&part, rule)?;
    let named = |indices: Vec<usize>| indices.into_iter().map(|i| train[i]).collect();
    Ok(SplitIndices {
        train: named(carved.train),
        val: named(carved.val),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_parsed_and_shown() {
        for text in ["train", "selection", "val", "all", "train:0.5:7"] {
            assert_eq!(text.parse::<Part>().unwrap().to_string(), text);
        }
        let half = "train:0.5".parse::<Part>().unwrap();
        assert_eq!(half.to_string(), "train:0.5:0");
        let refused = |text: &str| format!("{:#}", text.parse::<Part>().unwrap_err());
        assert!(refused("test").contains("train:FRACTION:SEED"));
        assert!(refused("val:0.5").contains("train:FRACTION:SEED"));
        assert!(refused("train:half").contains("must be a number, got `half`"));
        assert!(refused("train:1.5").contains("between 0 and 1, got 1.5"));
        assert!(refused("train:NaN").contains("between 0 and 1"));
        assert!(refused("train:0.5:x").contains("whole number, got `x`"));
    }
}
