//! Hashes that identify the person and the image of a sample.

use fkp_core::{Dataset, DatasetError, Sample, fnv1a};
use rayon::prelude::*;

/// Hashes that identify the person and the image of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hashes {
    /// The name of the person, if known.
    pub(crate) person: Option<u64>,
    /// The pixels of the image.
    pub(crate) image: u64,
}

impl Hashes {
    pub(crate) fn of(sample: &Sample) -> Self {
        let person = sample.group.as_ref();
        Self {
            person: person.map(|person| hash(b'g', person.as_bytes())),
            image: hash(b'p', &sample.image.content_hash().to_le_bytes()),
        }
    }

    /// The group of the sample in a random split: the person if known, else the image.
    pub(crate) fn group(&self) -> u64 {
        self.person.unwrap_or(self.image)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = u64> {
        self.person.into_iter().chain([self.image])
    }
}

/// The result of `map` for each sample, in the order of the indices, computed in parallel.
pub(crate) fn for_each_sample<D: Dataset + ?Sized, T: Send>(
    dataset: &D,
    indices: impl IntoParallelIterator<Item = usize, Iter: IndexedParallelIterator>,
    map: impl Fn(usize, &Sample) -> T + Sync,
) -> Result<Vec<T>, DatasetError> {
    let samples = indices.into_par_iter();
    samples
        .map(|index| Ok(map(index, &dataset.get(index)?)))
        .collect()
}

/// The first byte separates the hashes of names and of images.
fn hash(kind: u8, content: &[u8]) -> u64 {
    fnv1a(std::iter::once(kind).chain(content.iter().copied()))
}
