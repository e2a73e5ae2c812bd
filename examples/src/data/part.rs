//! The parts of a data set: training, selection and validation.

use crate::{CrossValidation, Division, RunNotes, SelectionPart, Stratify};
use anyhow::{Context, Result, bail};
use fkp_core::{Sample, Subset};
use fkp_data::{OpenedDataset, SplitIndices, SplitRule, hold_out, k_folds, stratified_split};
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
    let division = notes.division();
    let parts = || Parts::of(opened, &division);
    let train_val = || train_val(opened, &division);
    Ok(match part {
        Part::All => (0..opened.complete.len()).collect(),
        Part::Train => parts()?.train,
        Part::Selection => parts()?.selection,
        Part::Val => train_val()?.val,
        Part::OfTrain(rule) => carve(opened, &train_val()?.train, &rule, None)?.val,
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
    pub(super) fn of(opened: &OpenedDataset, division: &Division) -> Result<Self> {
        let SplitIndices { train, val } = train_val(opened, division)?;
        match division.selection.part {
            SelectionPart::Validation => Ok(Self {
                train,
                selection: val.clone(),
                val,
            }),
            SelectionPart::Carved => {
                let rule = SplitRule {
                    val_fraction: division.selection.fraction,
                    ..division.split
                };
                let carved = carve(opened, &train, &rule, division.stratify).context(
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

/// The data set's own split, or one by person or image.
fn train_val(opened: &OpenedDataset, division: &Division) -> Result<SplitIndices> {
    let (samples, rule) = (&opened.complete, &division.split);
    match (&opened.predefined_split, division.cross_validation) {
        (Some(own), Some(_)) => bail!(
            "data.cross_validation is for data without a split of its own, and this has `{}` and `{}`",
            own.files[0],
            own.files[1]
        ),
        (None, Some(CrossValidation { folds, fold })) => {
            let mut splits = (1..).zip(k_folds(samples, folds, rule.seed)?);
            let split = splits.find(|(number, _)| *number == fold);
            let (_, split) =
                split.with_context(|| format!("there is no fold {fold} of {folds}"))?;
            Ok(split)
        }
        (Some(_), None) => Ok(opened.train_val()?.indices),
        (None, None) => match division.stratify {
            Some(stratify) => Ok(stratified_split(samples, rule, stratum(stratify))?),
            None => Ok(opened.train_val()?.indices),
        },
    }
}

/// The stratum of a sample.
fn stratum(by: Stratify) -> impl Fn(usize, &Sample) -> (usize, Vec<String>) {
    move |_, sample| match by {
        Stratify::Labels => {
            let labels = sample.keypoints.labeled().count() + sample.boxes.len();
            (labels, Vec::new())
        }
        Stratify::Attributes => {
            let mut attributes = sample.attributes.clone();
            attributes.sort();
            (0, attributes)
        }
    }
}

/// Splits the training part by person or image: `val` is the part that is taken out.
fn carve(
    opened: &OpenedDataset,
    train: &[usize],
    rule: &SplitRule,
    stratify: Option<Stratify>,
) -> Result<SplitIndices> {
    let part = Subset::new(opened.complete.clone(), train.to_vec())?;
    let carved = match stratify {
        None => hold_out(&part, rule)?,
        Some(stratify) => stratified_split(&part, rule, stratum(stratify))?,
    };
    let named = |indices: Vec<usize>| indices.into_iter().map(|i| train[i]).collect();
    Ok(SplitIndices {
        train: named(carved.train),
        val: named(carved.val),
    })
}

#[cfg(test)]
mod tests {
    use super::super::filtered::filtered;
    use super::*;
    use crate::{Selection, SelectionPart};
    use fkp_data::{Duplicates, OpenOptions, SampleFilter};
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Writes 12 persons with two images each. Every fourth image has a label for one keypoint only.
    fn write_set(folder: &Path, table: &str, persons: std::ops::Range<u8>) {
        let mut text = "image,nose_tip_x,nose_tip_y,mouth_x,mouth_y".to_owned();
        for person in persons {
            for number in 0..2 {
                let name = format!("person{person}x_{number}.png");
                let value = image::Luma([2 * person + number]);
                let image = image::GrayImage::from_pixel(8, 8, value);
                image.save(folder.join(&name)).unwrap();
                let mouth = if person % 2 == 0 && number == 0 {
                    ","
                } else {
                    "4,5"
                };
                text += &format!("\n{name},4,3,{mouth}");
            }
        }
        std::fs::write(folder.join(table), text + "\n").unwrap();
    }

    fn division(part: SelectionPart) -> Division {
        Division {
            split: SplitRule::default(),
            cross_validation: None,
            stratify: None,
            selection: Selection {
                part,
                fraction: 0.25,
            },
        }
    }

    fn opened(folder: &Path) -> OpenedDataset {
        fkp_data::open(folder, &OpenOptions::default()).unwrap()
    }

    #[test]
    fn each_person_is_in_the_validation_part_of_one_fold() {
        let folder = tempfile::tempdir().unwrap();
        write_set(folder.path(), "keypoints.csv", 0..12);
        let opened = opened(folder.path());
        let mut seen = BTreeSet::new();
        for fold in 1..=4 {
            let cross_validation = Some(CrossValidation { folds: 4, fold });
            let division = Division {
                cross_validation,
                ..division(SelectionPart::Carved)
            };
            let parts = Parts::of(&opened, &division).unwrap();
            let persons = |part: &[usize]| -> BTreeSet<Option<String>> {
                let person = |i: &usize| opened.complete.get(*i).unwrap().group;
                part.iter().map(person).collect()
            };
            let val = persons(&parts.val);
            assert_eq!((parts.val.len(), val.len()), (6, 3));
            assert_eq!(parts.train.len() + parts.selection.len(), 18);
            assert!(val.is_disjoint(&persons(&parts.train)));
            assert!(val.is_disjoint(&persons(&parts.selection)));
            seen.extend(val);
        }
        assert_eq!(seen.len(), 12);
        // What a model file with invalid notes asks for.
        for fold in [0, 5] {
            let cross_validation = Some(CrossValidation { folds: 4, fold });
            let division = Division {
                cross_validation,
                ..division(SelectionPart::Carved)
            };
            let error = Parts::of(&opened, &division).err().unwrap();
            assert!(error.to_string().contains("there is no fold"), "{error}");
        }
    }

    #[test]
    fn a_split_of_its_own_is_not_divided_into_folds() {
        let folder = tempfile::tempdir().unwrap();
        write_set(folder.path(), "train.csv", 0..8);
        write_set(folder.path(), "val.csv", 8..12);
        let opened = opened(folder.path());
        let division = Division {
            cross_validation: Some(CrossValidation { folds: 4, fold: 1 }),
            ..division(SelectionPart::Validation)
        };
        let error = Parts::of(&opened, &division).err().unwrap().to_string();
        assert!(error.contains("`train.csv` and `val.csv`"), "{error}");
    }

    #[test]
    fn parts_have_the_same_share_of_incomplete_labels() {
        let folder = tempfile::tempdir().unwrap();
        write_set(folder.path(), "keypoints.csv", 0..12);
        let opened = opened(folder.path());
        let stratified = Division {
            split: SplitRule {
                val_fraction: 1.0 / 3.0,
                seed: 4,
            },
            stratify: Some(Stratify::Labels),
            ..division(SelectionPart::Carved)
        };
        let parts = Parts::of(&opened, &stratified).unwrap();
        let incomplete = |part: &[usize]| {
            let labels = |i: &usize| opened.complete.get(*i).unwrap().keypoints;
            let counts = part.iter().map(|i| labels(i).labeled().count());
            counts.filter(|count| *count == 1).count()
        };
        let sizes = [&parts.train, &parts.selection, &parts.val].map(|part| part.len());
        assert_eq!(sizes, [12, 4, 8]);
        let found = [&parts.train, &parts.selection, &parts.val].map(|part| incomplete(part));
        assert_eq!(found, [3, 1, 2]);
        // The images have no attributes: one stratum.
        let by_attributes = Division {
            stratify: Some(Stratify::Attributes),
            ..stratified
        };
        assert_eq!(Parts::of(&opened, &by_attributes).unwrap().val.len(), 8);
    }

    #[test]
    fn a_filter_selects_before_the_split_and_leaves_a_note() {
        let folder = tempfile::tempdir().unwrap();
        write_set(folder.path(), "keypoints.csv", 0..12);
        // A copy under the name of another person.
        let copy = |from: &str, to: &str| {
            std::fs::copy(folder.path().join(from), folder.path().join(to)).unwrap()
        };
        copy("person1x_0.png", "person2x_1.png");
        let opened = opened(folder.path());
        let wanted = SampleFilter {
            min_labeled: Some(2),
            duplicates: Duplicates::KeepFirst,
            ..SampleFilter::default()
        };
        let schema = opened.complete.schema().clone();
        let selected = filtered(opened.clone(), Some(&wanted), &schema).unwrap();
        assert_eq!(selected.complete.len(), 17);
        let note = "data.filter: 7 of 24 samples removed: 6 with too few labeled keypoints, 1 as \
                    duplicates";
        assert!(
            selected.notes.iter().any(|found| found == note),
            "{:?}",
            selected.notes
        );
        let parts = Parts::of(&selected, &division(SelectionPart::Validation)).unwrap();
        assert_eq!(parts.train.len() + parts.val.len(), 17);
        let summary = selected.summary(&parts.shown(SelectionPart::Validation));
        assert!(
            summary.to_string().contains("7 of 24 samples removed"),
            "{summary}"
        );
        // By the keypoints of another schema, of which the data has only one.
        let mapped = filtered(opened.clone(), Some(&wanted), &fkp_core::Schema::kaggle15());
        let error = mapped.err().unwrap().to_string();
        assert!(
            error.contains("24 of 24 samples removed") && error.contains("none"),
            "{error}"
        );
        let unchanged = filtered(opened, None, &schema).unwrap();
        assert_eq!(unchanged.complete.len(), 24);
    }

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
