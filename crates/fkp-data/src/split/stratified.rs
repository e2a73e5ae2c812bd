//! A split in which both parts have the same share of each stratum.

use super::groups::{Group, largest_first};
use super::{SplitIndices, SplitRule};
use crate::DataError;
use crate::hashes::{Hashes, for_each_sample};
use fkp_core::{Dataset, Purpose, Sample};
use std::collections::{BTreeMap, BTreeSet};

/// Splits so that the validation part has the fraction [`SplitRule::val_fraction`] of the samples of
/// each stratum. `stratum` gives the stratum of the sample at an index, such as its source
/// ([`Union::source_of`](crate::Union::source_of)), its attributes or its number of labeled
/// keypoints. Samples of one person, and copies of an image, are in one part, also where the copies
/// have different names.
///
/// The groups are assigned from the largest to the smallest, those of the same size in a random
/// order, each to the part in which the shares of its strata, and of all samples, are nearer to
/// the fraction.
///
/// - If the samples of each group have one stratum, the number of validation samples of a stratum
///   differs from `val_fraction` times its samples by at most the size of its largest group (by at
///   most one sample if every group is a single sample).
/// - A group whose samples have several strata counts in each of them with its samples. It is
///   assigned to the part in which the squared deviations of these strata are smaller in sum; there
///   is no general limit then, because such a group cannot be divided.
/// - Neither part is empty: if one would be, the smallest group moves there.
///
/// The part of a group depends on the seed and on the other groups, not on the order of the samples
/// (unless `stratum` depends on the index). With [`split`](super::split()), it does not depend on the
/// other groups either: prefer that one for a data set that grows. Every image is decoded once, in
/// parallel.
///
/// ```
/// use fkp_core::{Image, InMemory, Keypoints, Sample, Schema};
/// use fkp_data::{SplitRule, stratified_split};
/// // 10 of 50 images have the attribute.
/// let sample = |i: u8| Sample {
///     attributes: if i < 10 { vec!["occlusion".to_owned()] } else { Vec::new() },
///     ..Sample::new("x", Image::filled(2, 2, 1, i), Keypoints::unlabeled(15))
/// };
/// let set = InMemory::new(Schema::kaggle15(), (0..50).map(sample).collect())?;
/// let rule = SplitRule { val_fraction: 0.2, seed: 0 };
/// let split = stratified_split(&set, &rule, |_, sample| sample.attributes.clone())?;
/// assert_eq!(split.val.len(), 10);
/// assert_eq!(split.val.iter().filter(|index| **index < 10).count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the rule is invalid, a sample cannot be read, or there are fewer than two groups.
pub fn stratified_split<D: Dataset + ?Sized, K: Ord + Send>(
    dataset: &D,
    rule: &SplitRule,
    stratum: impl Fn(usize, &Sample) -> K + Sync,
) -> Result<SplitIndices, DataError> {
    rule.validate()?;
    let samples = dataset.len();
    let read = for_each_sample(dataset, 0..samples, |index, sample| {
        (Hashes::of(sample), stratum(index, sample))
    })?;
    let (hashes, strata): (Vec<Hashes>, Vec<K>) = read.into_iter().unzip();
    let groups = largest_first(&hashes, rule.seed, Purpose::Stratify);
    let groups: Vec<Counted<'_>> = count(&groups, &strata);
    let [_, .., smallest] = &groups[..] else {
        let groups = groups.len();
        return Err(DataError::TooFewGroups { samples, groups });
    };
    let mut val: BTreeSet<usize> = BTreeSet::new();
    let mut shares = Shares::new(&groups, rule.val_fraction);
    for group in &groups {
        if shares.add(group) == Part::Val {
            val.extend(group.samples);
        }
    }
    if val.is_empty() {
        val.extend(smallest.samples);
    } else if val.len() == samples {
        val.retain(|sample| !smallest.samples.contains(sample));
    }
    let (val, train) = (0..samples).partition(|sample| val.contains(sample));
    Ok(SplitIndices { train, val })
}

/// A group with the number of its samples in each of its strata.
struct Counted<'a> {
    samples: &'a [usize],
    strata: Vec<StratumCount>,
}

/// A number of samples of a stratum.
struct StratumCount {
    stratum: usize,
    samples: usize,
}

/// Counts the samples of each group in its strata, which are numbered in the order of their keys.
fn count<'a, K: Ord>(groups: &'a [Group], strata: &[K]) -> Vec<Counted<'a>> {
    let keys: BTreeSet<&K> = strata.iter().collect();
    let numbers: BTreeMap<&K, usize> = keys.into_iter().zip(0..).collect();
    let counted = groups.iter().map(|group| {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for &sample in &group.samples {
            *counts.entry(numbers[&strata[sample]]).or_default() += 1;
        }
        let counts = counts.into_iter();
        Counted {
            samples: &group.samples,
            strata: counts
                .map(|(stratum, samples)| StratumCount { stratum, samples })
                .collect(),
        }
    });
    counted.collect()
}

/// The part that a group is assigned to.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Train,
    Val,
}

/// How many samples of each stratum, and of all, have been assigned to the two parts.
struct Shares {
    val_fraction: f64,
    strata: Vec<Share>,
    all: Share,
}

/// How many of some samples have been assigned to the two parts.
#[derive(Clone, Copy, Default)]
struct Share {
    assigned: usize,
    val: usize,
    /// The most of these samples that are in one group.
    largest_group: usize,
}

impl Share {
    fn add(&mut self, samples: usize, part: Part) {
        self.assigned += samples;
        if part == Part::Val {
            self.val += samples;
        }
    }

    /// By how many validation samples the share would differ from the fraction, if these samples
    /// were added.
    fn deviation(mut self, samples: usize, part: Part, val_fraction: f64) -> f64 {
        self.add(samples, part);
        self.val as f64 - val_fraction * self.assigned as f64
    }
}

impl Shares {
    fn new(groups: &[Counted<'_>], val_fraction: f64) -> Self {
        let counts = || groups.iter().flat_map(|group| &group.strata);
        let len = counts().map(|count| count.stratum + 1).max().unwrap_or(0);
        let mut strata = vec![Share::default(); len];
        for count in counts() {
            let share = &mut strata[count.stratum];
            share.largest_group = share.largest_group.max(count.samples);
        }
        Self {
            val_fraction,
            strata,
            all: Share::default(),
        }
    }

    /// Assigns a group to the better part.
    fn add(&mut self, group: &Counted<'_>) -> Part {
        let part = match self.cost(group, Part::Val) < self.cost(group, Part::Train) {
            true => Part::Val,
            false => Part::Train,
        };
        for count in &group.strata {
            self.strata[count.stratum].add(count.samples, part);
        }
        self.all.add(group.samples.len(), part);
        part
    }

    /// What is compared to choose the part of a group: first by how much its strata exceed the
    /// limit, which for a group of one stratum one of the two parts never does, then how far they
    /// and all samples together are from the fraction. The latter keeps the parts at their sizes if
    /// there are many strata with few samples, each of which alone would be rounded to none.
    fn cost(&self, group: &Counted<'_>, part: Part) -> (f64, f64) {
        let total = self
            .all
            .deviation(group.samples.len(), part, self.val_fraction);
        let (mut excess, mut squares) = (0.0, total * total);
        for count in &group.strata {
            let share = &self.strata[count.stratum];
            let deviation = share.deviation(count.samples, part, self.val_fraction);
            let over = (deviation.abs() - share.largest_group as f64).max(0.0);
            excess += over * over;
            squares += deviation * deviation;
        }
        (excess, squares)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ids, rule, set, shuffled};
    use super::*;
    use proptest::prelude::*;

    /// The stratum of each sample is a function of its image.
    fn split_by(images: &[(u8, Option<u8>)], rule: &SplitRule, strata: u8) -> SplitIndices {
        let stratum = |_, sample: &Sample| sample.image.pixel(0, 0)[0] % strata;
        stratified_split(&set(images), rule, stratum).unwrap()
    }

    /// The number of samples of each stratum in a part.
    fn by_stratum(images: &[(u8, Option<u8>)], part: &[usize], strata: u8) -> Vec<usize> {
        let mut counts = vec![0; strata.into()];
        for &index in part {
            counts[usize::from(images[index].0 % strata)] += 1;
        }
        counts
    }

    proptest! {
        #[test]
        fn strata_keep_their_share_within_their_largest_group(
            copies in prop::collection::vec(1u8..6, 8..60),
            seed in any::<u64>(), fraction in 0.05f64..0.95, strata in 1u8..6,
        ) {
            // Image i occurs `copies[i]` times, and its stratum is i % strata.
            let images = copies.iter().enumerate();
            let images = images.flat_map(|(i, &n)| vec![(i as u8, None); n.into()]);
            let images: Vec<_> = images.collect();
            let split = split_by(&images, &rule(seed, fraction), strata);
            prop_assert!(!split.val.is_empty() && !split.train.is_empty());
            let all: Vec<usize> = (0..images.len()).collect();
            let (of_val, of_all) = (
                by_stratum(&images, &split.val, strata),
                by_stratum(&images, &all, strata),
            );
            for stratum in 0..usize::from(strata) {
                let largest = copies.iter().skip(stratum).step_by(strata.into()).max().unwrap();
                let expected = fraction * of_all[stratum] as f64;
                let deviation = (of_val[stratum] as f64 - expected).abs();
                prop_assert!(deviation <= f64::from(*largest) + 1e-9, "{deviation} {largest}");
            }
        }

        #[test]
        fn no_group_is_divided_and_no_sample_is_lost(
            images in prop::collection::vec((0u8..30, prop::option::of(0u8..9)), 2..60),
            seed in any::<u64>(), fraction in 0.01f64..0.99, strata in 1u8..9,
        ) {
            // A person has images of several strata.
            let stratum = |_, sample: &Sample| sample.image.pixel(0, 0)[0] % strata;
            let split = match stratified_split(&set(&images), &rule(seed, fraction), stratum) {
                Err(DataError::TooFewGroups { groups, .. }) => {
                    prop_assert_eq!(groups, 1);
                    return Ok(());
                }
                split => split.unwrap(),
            };
            prop_assert!(!split.val.is_empty() && !split.train.is_empty());
            let mut all = [split.train.clone(), split.val.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..images.len()).collect::<Vec<_>>());
            let of = |part: &[usize]| -> BTreeSet<(bool, u8)> {
                let ids = part.iter().flat_map(|&i| {
                    let (image, person) = images[i];
                    person.map(|person| (true, person)).into_iter().chain([(false, image)])
                });
                ids.collect()
            };
            prop_assert!(of(&split.train).is_disjoint(&of(&split.val)));
            let other = shuffled(&images, seed ^ 1);
            let again = stratified_split(&set(&other), &rule(seed, fraction), stratum).unwrap();
            prop_assert_eq!(ids(&images, &split.val), ids(&other, &again.val));
        }
    }

    #[test]
    fn persons_of_mixed_strata_keep_the_shares_nearly() {
        // 60 persons with four images each. Every second person has one of the rare stratum.
        let images: Vec<_> = (0..240).map(|i| (i, Some(i / 4))).collect();
        let is_rare = |image: u8| image.is_multiple_of(8);
        for seed in 0..10 {
            let set = set(&images);
            let by_image = |_, sample: &Sample| is_rare(sample.image.pixel(0, 0)[0]);
            let split = stratified_split(&set, &rule(seed, 0.25), by_image).unwrap();
            let rare = |part: &[usize]| part.iter().filter(|i| is_rare(images[**i].0)).count();
            let rare = rare(&split.val);
            assert!((7..=8).contains(&rare), "{rare} of 30");
            assert!(split.val.len().abs_diff(60) <= 4, "{}", split.val.len());
        }
    }

    #[test]
    fn many_strata_of_one_sample_do_not_leave_the_validation_part_small() {
        let images: Vec<_> = (0..200).map(|i| (i, None)).collect();
        let split = split_by(&images, &rule(3, 0.2), 200);
        assert!(split.val.len().abs_diff(40) <= 1, "{}", split.val.len());
    }

    #[test]
    fn the_seed_determines_the_split_and_neither_part_is_empty() {
        let images: Vec<_> = (0..100).map(|i| (i, None)).collect();
        let with = |seed| split_by(&images, &rule(seed, 0.2), 4);
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
        assert_eq!(by_stratum(&images, &with(1).val, 4), [5; 4]);
        for fraction in [1e-9, 0.2, 0.8, 1.0 - 1e-9] {
            let split = split_by(&images[..2], &rule(0, fraction), 1);
            assert_eq!((split.train.len(), split.val.len()), (1, 1), "{fraction}");
        }
        let one_person = set(&[(1, Some(1)), (2, Some(1))]);
        let error = stratified_split(&one_person, &rule(0, 0.2), |_, _| 0).unwrap_err();
        assert!(error.to_string().contains("two groups"), "{error}");
        let error = stratified_split(&one_person, &rule(0, f64::NAN), |_, _| 0).unwrap_err();
        assert!(error.to_string().contains("val_fraction"), "{error}");
    }
}
