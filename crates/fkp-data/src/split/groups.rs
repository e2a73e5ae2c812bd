//! Groups of samples that are never divided, because they share a person or an image.

use crate::hashes::Hashes;
use fkp_core::{Purpose, Rng, rng_for};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Samples that share a person or an image, also through each other: if a person has an image that
/// is also listed under another name, all samples of both names are one group.
pub(super) struct Group {
    /// Identifies the group independently of the order of the samples.
    key: u64,
    /// The samples, in ascending order.
    pub(super) samples: Vec<usize>,
}

/// The groups, the largest first and those of equal size in a random order. The result depends on
/// the seed and on the samples, not on the order of the samples.
pub(super) fn largest_first(hashes: &[Hashes], seed: u64, purpose: Purpose) -> Vec<Group> {
    let mut groups = groups(hashes);
    groups.sort_by_cached_key(|group| {
        let number = rng_for(seed, purpose, 0, group.key).next_u64();
        (Reverse(group.samples.len()), number, group.key)
    });
    groups
}

fn groups(hashes: &[Hashes]) -> Vec<Group> {
    let mut parents: Vec<usize> = (0..hashes.len()).collect();
    let mut first_with = BTreeMap::new();
    for (sample, hashes) in hashes.iter().enumerate() {
        for hash in hashes.all() {
            let first = *first_with.entry(hash).or_insert(sample);
            let (a, b) = (root(&mut parents, first), root(&mut parents, sample));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for (sample, hashes) in hashes.iter().enumerate() {
        let group = groups.entry(root(&mut parents, sample)).or_insert(Group {
            key: u64::MAX,
            samples: Vec::new(),
        });
        group.key = hashes.all().fold(group.key, u64::min);
        group.samples.push(sample);
    }
    groups.into_values().collect()
}

/// The representative of a sample's group. Halves the path to it, so that chains stay short.
fn root(parents: &mut [usize], mut sample: usize) -> usize {
    while parents[sample] != sample {
        parents[sample] = parents[parents[sample]];
        sample = parents[sample];
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_person_or_an_image_are_one_group_also_through_others() {
        let hashes = |person: Option<u64>, image| Hashes { person, image };
        let samples = [
            hashes(Some(1), 100),
            hashes(Some(2), 101),
            hashes(None, 102),
            // The same image as the first, under the name of the second.
            hashes(Some(2), 100),
            hashes(None, 102),
            hashes(Some(3), 103),
        ];
        let mut found: Vec<_> = groups(&samples)
            .into_iter()
            .map(|group| (group.key, group.samples))
            .collect();
        found.sort();
        let expected = [(1, vec![0, 1, 3]), (3, vec![5]), (102, vec![2, 4])];
        assert_eq!(found, expected);
        let order = largest_first(&samples, 5, Purpose::Folds);
        let sizes: Vec<usize> = order.iter().map(|group| group.samples.len()).collect();
        assert_eq!(sizes, [3, 2, 1]);
    }

    #[test]
    fn a_chain_of_many_samples_is_one_group() {
        // Sample i has image i and person i / 2, and every second image occurs twice.
        let samples: Vec<Hashes> = (0..20_000u64)
            .map(|i| Hashes {
                person: Some(i / 2),
                image: 1_000_000 + i.div_ceil(2),
            })
            .collect();
        assert_eq!(groups(&samples).len(), 1);
    }
}
