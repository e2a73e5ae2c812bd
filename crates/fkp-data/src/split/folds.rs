//! Folds for cross-validation.

use super::SplitIndices;
use super::groups::largest_first;
use crate::DataError;
use crate::hashes::{Hashes, for_each_sample};
use fkp_core::{Dataset, Purpose};

/// The `k` splits of a cross-validation: every sample is in the validation part of exactly one of
/// them. Samples of one person, and copies of an image, are in one fold, also where the copies have
/// different names.
///
/// The groups are assigned from the largest to the smallest, each to the fold with the fewest
/// samples; groups of the same size are in a random order. The folds therefore differ by no more
/// samples than the smallest group of the largest fold has: by at most one sample if every group is
/// a single sample. The fold of a group depends on the seed and on the other groups, not on the
/// order of the samples.
///
/// Every image is decoded once, in parallel.
///
/// ```
/// use fkp_core::{Image, InMemory, Keypoints, Sample, Schema};
/// use fkp_data::k_folds;
/// // Three persons with 2 images each, and four images without a person.
/// let sample = |i: u8| Sample {
///     group: (i < 6).then(|| format!("person {}", i / 2)),
///     ..Sample::new("x", Image::filled(2, 2, 1, i), Keypoints::unlabeled(15))
/// };
/// let set = InMemory::new(Schema::kaggle15(), (0..10).map(sample).collect())?;
/// let folds = k_folds(&set, 5, 0)?;
/// assert!(folds.iter().all(|fold| (fold.train.len(), fold.val.len()) == (8, 2)));
/// assert!(folds.iter().any(|fold| fold.val == [0, 1]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If `k` is less than 2 or larger than the number of groups, or a sample cannot be read.
pub fn k_folds<D: Dataset + ?Sized>(
    dataset: &D,
    k: usize,
    seed: u64,
) -> Result<Vec<SplitIndices>, DataError> {
    if k < 2 {
        return Err(DataError::TooFewFolds { given: k });
    }
    let samples = dataset.len();
    let hashes = for_each_sample(dataset, 0..samples, |_, sample| Hashes::of(sample))?;
    let groups = largest_first(&hashes, seed, Purpose::Folds);
    if k > groups.len() {
        return Err(DataError::TooManyFolds {
            folds: k,
            samples,
            groups: groups.len(),
        });
    }
    let mut sizes = vec![0; k];
    let mut fold_of = vec![0; samples];
    for group in &groups {
        let fold = (0..k).min_by_key(|&fold| sizes[fold]).unwrap_or_default();
        sizes[fold] += group.samples.len();
        for &sample in &group.samples {
            fold_of[sample] = fold;
        }
    }
    let split = |fold| {
        let (val, train) = (0..samples).partition(|&sample| fold_of[sample] == fold);
        SplitIndices { train, val }
    };
    Ok((0..k).map(split).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ids, set, shuffled};
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn folds_partition_the_samples_without_a_leak_and_are_balanced(
            images in prop::collection::vec((0u8..30, prop::option::of(0u8..12)), 2..60),
            seed in any::<u64>(), k in 2usize..7,
        ) {
            let set = set(&images);
            let folds = match k_folds(&set, k, seed) {
                Ok(folds) => folds,
                Err(DataError::TooManyFolds { folds, groups, .. }) => {
                    prop_assert!(folds == k && groups < k);
                    return Ok(());
                }
                Err(error) => panic!("{error}"),
            };
            let mut all: Vec<usize> = folds.iter().flat_map(|fold| fold.val.clone()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..images.len()).collect::<Vec<_>>());
            for fold in &folds {
                let of = |part: &[usize]| -> BTreeSet<(bool, u8)> {
                    let ids = part.iter().flat_map(|&i| {
                        let (image, person) = images[i];
                        person.map(|person| (true, person)).into_iter().chain([(false, image)])
                    });
                    ids.collect()
                };
                prop_assert!(of(&fold.train).is_disjoint(&of(&fold.val)));
                prop_assert_eq!(fold.train.len() + fold.val.len(), images.len());
                prop_assert!(!fold.val.is_empty() && !fold.train.is_empty());
            }
        }

        #[test]
        fn folds_of_persons_are_balanced_to_their_smallest_group(
            sizes in prop::collection::vec(1u8..9, 5..14), seed in any::<u64>(), k in 2usize..6,
        ) {
            let persons = sizes.iter().enumerate();
            let persons = persons.flat_map(|(person, &size)| vec![person as u8; size.into()]);
            let images: Vec<_> = persons.enumerate().map(|(i, p)| (i as u8, Some(p))).collect();
            let folds = k_folds(&set(&images), k, seed).unwrap();
            let smallest = folds.iter().map(|fold| fold.val.len()).min().unwrap();
            for fold in &folds {
                let persons = fold.val.iter().map(|&i| images[i].1.unwrap());
                let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
                for person in persons {
                    *counts.entry(person).or_default() += 1;
                }
                let smallest_group = counts.values().min().unwrap();
                prop_assert!(fold.val.len() - smallest_group <= smallest);
            }
        }

        #[test]
        fn the_fold_of_a_group_does_not_depend_on_the_order(
            images in prop::collection::vec((0u8..40, prop::option::of(0u8..9)), 12..50),
            seed in any::<u64>(), order_seed in any::<u64>(),
        ) {
            let Ok(folds) = k_folds(&set(&images), 3, seed) else { return Ok(()) };
            let other = shuffled(&images, order_seed);
            let again = k_folds(&set(&other), 3, seed).unwrap();
            for (fold, again) in folds.iter().zip(&again) {
                prop_assert_eq!(ids(&images, &fold.val), ids(&other, &again.val));
            }
        }
    }

    #[test]
    fn the_seed_determines_the_folds() {
        let images: Vec<_> = (0..60).map(|i| (i, None)).collect();
        let set = set(&images);
        let folds = |seed| k_folds(&set, 4, seed).unwrap();
        assert_eq!(folds(1), folds(1));
        assert_ne!(folds(1), folds(2));
        assert!(folds(1).iter().all(|fold| fold.val.len() == 15));
    }

    #[test]
    fn impossible_numbers_of_folds_are_refused() {
        let images = set(&[(1, Some(1)), (2, Some(1)), (3, None), (3, None)]);
        let refused = |k| k_folds(&images, k, 0).unwrap_err().to_string();
        for k in [0, 1] {
            assert!(refused(k).contains(&format!("at least 2, got {k}")));
        }
        let text = refused(3);
        assert!(text.contains("4 samples of 2 group(s)"), "{text}");
        assert!(text.contains("3 folds"), "{text}");
        assert!(refused(usize::MAX).contains("folds"));
        assert_eq!(k_folds(&images, 2, 0).unwrap().len(), 2);
        assert!(k_folds(&set(&[]), 2, 0).is_err());
    }
}
