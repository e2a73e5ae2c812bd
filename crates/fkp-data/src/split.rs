//! Splits into training and validation samples without a leak: by person or by image.

use crate::DataError;
use fkp_core::{Dataset, Purpose, Rng, Sample, fnv1a, rng_for};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Split {
    /// All samples.
    #[default]
    All,
    /// The training samples.
    Train,
    /// The validation samples.
    Val,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Train => "train",
            Self::Val => "val",
        })
    }
}

impl FromStr for Split {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        match name {
            "all" => Ok(Self::All),
            "train" => Ok(Self::Train),
            "val" => Ok(Self::Val),
            _ => Err(DataError::UnknownSplitName {
                given: name.to_owned(),
            }),
        }
    }
}

/// How a data set without a predefined split is split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitRule {
    /// Seed of the random split.
    pub seed: u64,
    /// Fraction of the groups in the validation part on average, between 0 and 1.
    pub val_fraction: f64,
}

impl Default for SplitRule {
    /// A fifth of the groups, as in most published recipes for this task.
    fn default() -> Self {
        Self {
            seed: 0,
            val_fraction: 0.2,
        }
    }
}

impl SplitRule {
    /// Checks every field.
    ///
    /// # Errors
    /// If the fraction is not a number between 0 and 1, both excluded.
    pub fn validate(&self) -> Result<(), DataError> {
        if self.val_fraction > 0.0 && self.val_fraction < 1.0 {
            return Ok(());
        }
        let given = self.val_fraction;
        Err(DataError::InvalidValFraction { given })
    }
}

/// The indices of the training and of the validation samples, each in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitIndices {
    /// Training samples.
    pub train: Vec<usize>,
    /// Validation samples.
    pub val: Vec<usize>,
}

/// The split that comes with a data set, as separate tables or lists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PredefinedSplit {
    /// Which samples are in each part.
    pub indices: SplitIndices,
    /// The files or folders of the two parts, such as `train.csv` and `val.csv`.
    pub files: &'static [&'static str; 2],
}

/// Splits by person where samples have a group, otherwise by the content of the image, so that
/// copies of an image and all faces in it are in the same part.
///
/// The part of a group depends only on the seed and on its name or pixels, not on other samples or
/// their order, so that a growing data set keeps its split. There is one exception: if a part would
/// be empty, the group nearest to the threshold moves there. Split the images of the source, before
/// crops and augmentation.
///
/// Every image is decoded once, in parallel.
///
/// # Errors
/// If the rule is invalid, a sample cannot be read, or there are fewer than two groups.
pub fn split<D: Dataset + ?Sized>(
    dataset: &D,
    rule: &SplitRule,
) -> Result<SplitIndices, DataError> {
    split_for(Purpose::Split, dataset, rule)
}

/// Holds out a part of the training samples for choosing the best epoch, hyperparameters or
/// thresholds, so that the validation part is used for reporting only: `val` is the held-out part,
/// `train` the rest. It splits by person or image like [`split`]. The indices are those of
/// `dataset`, such as the [`Subset`](fkp_core::Subset) of [`TrainVal::train`](crate::TrainVal).
///
/// [`split`] with the same seed does not work here: it would generate the same random numbers for
/// the groups again, all of which are above the threshold in a training part, so that only one
/// group would be held out.
///
/// ```
/// use fkp_core::{Dataset, Image, InMemory, Keypoints, Sample, Schema, Subset};
/// use fkp_data::{SplitRule, hold_out, split};
/// let sample = |i: u8| Sample::new("x", Image::filled(2, 2, 1, i), Keypoints::unlabeled(15));
/// let set = InMemory::new(Schema::kaggle15(), (0..200).map(sample).collect())?;
/// let rule = SplitRule::default();
/// let train = Subset::new(&set, split(&set, &rule)?.train)?;
/// let parts = hold_out(&train, &rule)?;
/// assert_eq!(parts.train.len() + parts.val.len(), train.len());
/// assert!((15..60).contains(&parts.val.len()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As for [`split`].
pub fn hold_out<D: Dataset + ?Sized>(
    dataset: &D,
    rule: &SplitRule,
) -> Result<SplitIndices, DataError> {
    split_for(Purpose::HoldOut, dataset, rule)
}

fn split_for<D: Dataset + ?Sized>(
    purpose: Purpose,
    dataset: &D,
    rule: &SplitRule,
) -> Result<SplitIndices, DataError> {
    rule.validate()?;
    let random_number = |sample: Sample| {
        let group = Hashes::of(&sample).group();
        rng_for(rule.seed, purpose, 0, group).next_u64()
    };
    let numbers = for_each_sample(dataset, 0..dataset.len(), random_number)?;
    let groups: BTreeSet<u64> = numbers.iter().copied().collect();
    let (Some(&lowest), Some(&highest), 2..) = (groups.first(), groups.last(), groups.len()) else {
        return Err(DataError::TooFewGroups {
            samples: dataset.len(),
            groups: groups.len(),
        });
    };
    // Numbers below the threshold are validation; neither part may be empty.
    let threshold = (rule.val_fraction * 2f64.powi(64)) as u64;
    let threshold = threshold.clamp(lowest + 1, highest);
    let (val, train) = (0..numbers.len()).partition(|&index| numbers[index] < threshold);
    Ok(SplitIndices { train, val })
}

/// Refuses the first validation sample with a person or an image of the training part. `path` is
/// the folder of the data set.
///
/// This is stricter than [`split`]: images are compared even where persons are known, because a
/// copy under the name of another person is also a leak.
pub(crate) fn refuse_leak<D: Dataset + ?Sized>(
    dataset: &D,
    split: &PredefinedSplit,
    path: &Path,
) -> Result<(), DataError> {
    let hashes = |indices: &[usize]| {
        for_each_sample(dataset, indices.to_vec(), |sample| Hashes::of(&sample))
    };
    let SplitIndices { train, val } = &split.indices;
    let (train_hashes, val_hashes) = (hashes(train)?, hashes(val)?);
    let mut known = BTreeMap::new();
    for (hashes, &index) in train_hashes.iter().zip(train) {
        for hash in hashes.all() {
            known.entry(hash).or_insert(index);
        }
    }
    let counterpart = |hashes: &Hashes| hashes.all().find_map(|hash| known.get(&hash).copied());
    let leaks = val_hashes.iter().zip(val);
    let mut leaks = leaks.filter_map(|(hashes, &index)| Some((counterpart(hashes)?, index)));
    let Some((train, val)) = leaks.next() else {
        return Ok(());
    };
    let (train, val) = (dataset.get(train)?, dataset.get(val)?);
    let shared = match &val.group {
        Some(person) if train.group == val.group => format!("show one person, `{person}`"),
        _ => "are the same image".to_owned(),
    };
    Err(DataError::LeakingSplit {
        path: path.to_owned(),
        files: split.files,
        train_id: train.id,
        val_id: val.id,
        shared,
    })
}

/// The result of `map` for each sample, in the order of the indices, computed in parallel.
fn for_each_sample<D: Dataset + ?Sized, T: Send>(
    dataset: &D,
    indices: impl IntoParallelIterator<Item = usize, Iter: IndexedParallelIterator>,
    map: impl Fn(Sample) -> T + Sync,
) -> Result<Vec<T>, DataError> {
    let samples = indices.into_par_iter();
    samples.map(|index| Ok(map(dataset.get(index)?))).collect()
}

/// Hashes that identify the person and the image of a sample.
struct Hashes {
    person: Option<u64>,
    image: u64,
}

impl Hashes {
    fn of(sample: &Sample) -> Self {
        let person = sample.group.as_ref();
        Self {
            person: person.map(|person| hash(b'g', person.as_bytes())),
            image: hash(b'p', &sample.image.content_hash().to_le_bytes()),
        }
    }

    /// The group of the sample in a split.
    fn group(&self) -> u64 {
        self.person.unwrap_or(self.image)
    }

    fn all(&self) -> impl Iterator<Item = u64> {
        self.person.into_iter().chain([self.image])
    }
}

/// The first byte separates the hashes of names and of images.
fn hash(kind: u8, content: &[u8]) -> u64 {
    fnv1a(std::iter::once(kind).chain(content.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, InMemory, Keypoints, Schema, Subset};
    use proptest::prelude::*;

    /// Sample i shows image `images[i]`, of a person if there is one.
    fn set(images: &[(u8, Option<u8>)]) -> InMemory {
        let sample = |&(image, person): &(u8, Option<u8>)| {
            let image = Image::filled(3, 2, 1, image);
            let mut sample = Sample::new("x", image, Keypoints::unlabeled(15));
            sample.group = person.map(|person| format!("person {person}"));
            sample
        };
        InMemory::new(Schema::kaggle15(), images.iter().map(sample).collect()).unwrap()
    }

    fn rule(seed: u64, val_fraction: f64) -> SplitRule {
        SplitRule { seed, val_fraction }
    }

    proptest! {
        #[test]
        fn no_person_and_no_copy_of_an_image_is_in_both_parts(
            images in prop::collection::vec((0u8..12, prop::option::of(0u8..6)), 2..40),
            seed in any::<u64>(), fraction in 0.01f64..0.99,
        ) {
            let set = set(&images);
            let Ok(split) = split(&set, &rule(seed, fraction)) else {
                let groups: BTreeSet<_> = images.iter().map(|(i, p)| p.ok_or(*i)).collect();
                prop_assert_eq!(groups.len(), 1);
                return Ok(());
            };
            prop_assert!(!split.val.is_empty() && !split.train.is_empty());
            let mut all: Vec<_> = split.train.iter().chain(&split.val).copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..images.len()).collect::<Vec<_>>());
            let group = |i: &usize| images[*i].1.ok_or(images[*i].0);
            let train: BTreeSet<_> = split.train.iter().map(group).collect();
            prop_assert!(!split.val.iter().map(group).any(|g| train.contains(&g)));
        }
    }

    #[test]
    fn three_parts_have_no_person_and_no_image_in_common() {
        // 60 persons with three images each, and 120 images without a person, each twice.
        let named = (0..180).map(|i| (i, Some(i / 3)));
        let images: Vec<_> = named.chain((0..240).map(|i| (i / 2, None))).collect();
        let set = set(&images);
        for seed in 0..5 {
            let rule = rule(seed, 0.2);
            let outer = split(&set, &rule).unwrap();
            let train = Subset::new(&set, outer.train.clone()).unwrap();
            let inner = hold_out(&train, &rule).unwrap();
            let of = |indices: &[usize]| -> BTreeSet<(bool, u8)> {
                let group = |&i: &usize| match images[i] {
                    (_, Some(person)) => (true, person),
                    (image, None) => (false, image),
                };
                indices.iter().map(group).collect()
            };
            let mapped = |part: &[usize]| part.iter().map(|i| outer.train[*i]).collect::<Vec<_>>();
            let parts = [
                of(&mapped(&inner.train)),
                of(&mapped(&inner.val)),
                of(&outer.val),
            ];
            assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), 180);
            assert!(parts[0].is_disjoint(&parts[1]) && parts[0].is_disjoint(&parts[2]));
            assert!(parts[1].is_disjoint(&parts[2]));
            assert!((14..45).contains(&parts[1].len()), "{}", parts[1].len());
            // `split` with the same seed holds out only one group, as documented.
            let again = split(&train, &rule).unwrap();
            assert_eq!(of(&mapped(&again.val)).len(), 1);
        }
    }

    #[test]
    fn the_part_of_a_sample_does_not_depend_on_the_others() {
        let images: Vec<_> = (0..200).map(|i| (i, None)).collect();
        let full = set(&images);
        let rule = rule(7, 0.3);
        let whole = split(&full, &rule).unwrap();
        assert!((35..=85).contains(&whole.val.len()), "{}", whole.val.len());
        // Every third sample, backwards.
        let some: Vec<usize> = (0..200).rev().step_by(3).collect();
        let part = split(&Subset::new(&full, some.clone()).unwrap(), &rule).unwrap();
        for index in part.val {
            assert!(whole.val.contains(&some[index]));
        }
        for index in part.train {
            assert!(whole.train.contains(&some[index]));
        }
    }

    #[test]
    fn the_seed_determines_the_split_and_invalid_fractions_are_refused() {
        let images: Vec<_> = (0..100).map(|i| (i, Some(i))).collect();
        let set = set(&images);
        let with_seed = |seed| split(&set, &rule(seed, 0.2)).unwrap();
        assert_eq!(with_seed(1), with_seed(1));
        assert_ne!(with_seed(1), with_seed(2));
        for fraction in [0.0, 1.0, -0.5, f64::NAN] {
            let message = split(&set, &rule(0, fraction)).unwrap_err().to_string();
            assert!(message.contains("val_fraction"), "{message}");
        }
    }

    #[test]
    fn leaks_by_person_and_by_image_are_found() {
        let leak = |images: &[(u8, Option<u8>)]| {
            let (train, val) = (vec![0, 1], (2..images.len()).collect());
            let predefined = PredefinedSplit {
                indices: SplitIndices { train, val },
                files: &["train.csv", "val.csv"],
            };
            match refuse_leak(&set(images), &predefined, Path::new("x")) {
                Err(DataError::LeakingSplit { shared, .. }) => Some(shared),
                other => other.map(|()| None).unwrap(),
            }
        };
        assert_eq!(leak(&[(1, None), (1, None), (2, None)]), None);
        assert_eq!(leak(&[(1, Some(1)), (2, Some(1)), (3, Some(2))]), None);
        let person = leak(&[(1, Some(1)), (2, Some(2)), (3, Some(3)), (4, Some(1))]).unwrap();
        assert_eq!(person, "show one person, `person 1`");
        // A copy is a leak without names, with another name, and if only one of the two has a name.
        for [train, val] in [[None, None], [Some(1), Some(2)], [Some(1), None]] {
            let copy = leak(&[(1, train), (2, None), (1, val), (2, None)]).unwrap();
            assert_eq!(copy, "are the same image");
        }
    }

    #[test]
    fn one_person_cannot_be_split() {
        let error = split(&set(&[(1, Some(1)), (2, Some(1))]), &SplitRule::default()).unwrap_err();
        assert!(error.to_string().contains("two groups"), "{error}");
        assert!(split(&set(&[]), &SplitRule::default()).is_err());
    }

    #[test]
    fn names_of_splits_round_trip() {
        for split in [Split::All, Split::Train, Split::Val] {
            assert_eq!(split.to_string().parse::<Split>().unwrap(), split);
        }
        assert!("test".parse::<Split>().is_err());
    }
}
