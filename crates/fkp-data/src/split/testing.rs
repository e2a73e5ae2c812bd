//! Small data sets and rules for the tests of splits.

use super::SplitRule;
use fkp_core::{Image, InMemory, Keypoints, Purpose, Rng, Sample, Schema, rng_for};

/// Sample i shows image `images[i]`, of a person if there is one.
pub(super) fn set(images: &[(u8, Option<u8>)]) -> InMemory {
    let sample = |&(image, person): &(u8, Option<u8>)| {
        let image = Image::filled(3, 2, 1, image);
        let mut sample = Sample::new("x", image, Keypoints::unlabeled(15));
        sample.group = person.map(|person| format!("person {person}"));
        sample
    };
    InMemory::new(Schema::kaggle15(), images.iter().map(sample).collect()).unwrap()
}

pub(super) fn rule(seed: u64, val_fraction: f64) -> SplitRule {
    SplitRule { seed, val_fraction }
}

/// The same samples in a random order.
pub(super) fn shuffled(images: &[(u8, Option<u8>)], seed: u64) -> Vec<(u8, Option<u8>)> {
    let numbered = images.iter().copied().enumerate();
    let mut numbered: Vec<_> = numbered.collect();
    numbered.sort_by_key(|(i, _)| rng_for(seed, Purpose::Shuffle, 0, *i as u64).next_u64());
    numbered.into_iter().map(|(_, image)| image).collect()
}

/// Images and persons of some samples, sorted.
pub(super) fn ids(images: &[(u8, Option<u8>)], indices: &[usize]) -> Vec<(u8, Option<u8>)> {
    let mut ids: Vec<_> = indices.iter().map(|&index| images[index]).collect();
    ids.sort_unstable();
    ids
}
