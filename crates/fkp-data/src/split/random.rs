//! Random splits by person or by image, in which the part of a group depends on nothing else.

use super::{SplitIndices, SplitRule};
use crate::DataError;
use crate::hashes::{Hashes, for_each_sample};
use fkp_core::{Dataset, Purpose, Rng, Sample, rng_for};
use std::collections::BTreeSet;

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
    let random_number = |_, sample: &Sample| {
        let group = Hashes::of(sample).group();
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

#[cfg(test)]
mod tests {
    use super::super::testing::{rule, set};
    use super::*;
    use fkp_core::Subset;
    use proptest::prelude::*;

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
    fn one_person_cannot_be_split() {
        let error = split(&set(&[(1, Some(1)), (2, Some(1))]), &SplitRule::default()).unwrap_err();
        assert!(error.to_string().contains("two groups"), "{error}");
        assert!(split(&set(&[]), &SplitRule::default()).is_err());
    }
}
