//! A hash of a data set.

use anyhow::{Result, bail};
use fkp_core::{Dataset, LabeledBox, fnv1a};
use rayon::prelude::*;

/// A hash of all images and labels, to detect changed data. Refuses a data set without any label.
/// Reads each sample once.
pub fn digest(dataset: &dyn Dataset, part: &str) -> Result<String> {
    let one = |index: usize| -> Result<(u64, usize)> {
        let sample = dataset.get(index)?;
        let mut bytes = sample.image.content_hash().to_le_bytes().to_vec();
        for (i, keypoint) in sample.keypoints.labeled() {
            bytes.extend((i as u64).to_le_bytes());
            bytes.extend(keypoint.x.to_le_bytes());
            bytes.extend(keypoint.y.to_le_bytes());
        }
        if !sample.is_face {
            bytes.push(u8::MAX);
        }
        for LabeledBox { bounds, ignore } in &sample.boxes {
            for number in [bounds.x, bounds.y, bounds.width, bounds.height] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.push(u8::from(*ignore));
        }
        let labels = sample.keypoints.labeled().count() + sample.boxes.len();
        Ok((fnv1a(bytes), labels))
    };
    let read: Vec<Result<(u64, usize)>> = (0..dataset.len()).into_par_iter().map(one).collect();
    let read = read.into_iter().collect::<Result<Vec<_>>>()?;
    let labeled: usize = read.iter().map(|(_, labeled)| labeled).sum();
    if labeled == 0 {
        bail!("nothing in the {part} set is labeled: there is nothing to train or evaluate on");
    }
    let hash = fnv1a(read.iter().flat_map(|(hash, _)| hash.to_le_bytes()));
    Ok(format!("{hash:016x}"))
}
