//! The check that a predefined split does not leak.

use super::{PredefinedSplit, SplitIndices};
use crate::DataError;
use crate::hashes::{Hashes, for_each_sample};
use fkp_core::Dataset;
use std::collections::BTreeMap;
use std::path::Path;

/// Refuses the first validation sample with a person or an image of the training part. `path` is
/// the folder of the data set.
///
/// This is stricter than [`split`](super::split()): images are compared even where persons are known, because a
/// copy under the name of another person is also a leak.
pub(crate) fn refuse_leak<D: Dataset + ?Sized>(
    dataset: &D,
    split: &PredefinedSplit,
    path: &Path,
) -> Result<(), DataError> {
    let hashes = |indices: &[usize]| {
        for_each_sample(dataset, indices.to_vec(), |_, sample| Hashes::of(sample))
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

#[cfg(test)]
mod tests {
    use super::super::testing::set;
    use super::*;

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
}
