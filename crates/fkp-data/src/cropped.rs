//! Another data set's samples cut to square crops.

use crate::DataError;
use fkp_core::{CropRule, Dataset, DatasetError, Sample, Schema};
use serde::{Deserialize, Serialize};

/// How many channels a crop has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// One.
    #[default]
    Grey,
    /// Three.
    Rgb,
}

impl Channels {
    /// The number of channels.
    pub fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// A data set of `size × size` crops by a [`CropRule`], the points moved along.
#[derive(Debug, Clone)]
pub struct Cropped<D> {
    inner: D,
    rule: CropRule,
    size: usize,
    channels: Channels,
}

impl<D: Dataset> Cropped<D> {
    /// The samples of `inner`, cut.
    ///
    /// # Panics
    /// If `size` is zero.
    pub fn new(inner: D, rule: CropRule, size: usize, channels: Channels) -> Self {
        assert!(size > 0, "a crop has at least one pixel");
        Self {
            inner,
            rule,
            size,
            channels,
        }
    }

    /// The rule that the crops are cut by.
    pub fn rule(&self) -> &CropRule {
        &self.rule
    }

    /// Width and height of each crop, in pixels.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl<D: Dataset> Dataset for Cropped<D> {
    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let mut sample = self.inner.get(index)?;
        // Fewer channels first, so that no more than needed are resampled.
        if self.channels == Channels::Grey {
            sample.image = sample.image.to_grey();
        }
        let id = sample.id.clone();
        let cut = self.rule.apply(sample, self.size);
        let mut crop =
            cut.map_err(|source| DatasetError::new(index, DataError::Crop { id, source }))?;
        if self.channels == Channels::Rgb {
            crop.image = crop.image.to_rgb();
        }
        Ok(crop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, InMemory, Keypoint, Keypoints};
    use std::error::Error;

    fn set(keypoints: Keypoints) -> InMemory {
        let sample = Sample::new("a.jpg", Image::filled(40, 20, 3, 9), keypoints);
        InMemory::new(Schema::kaggle15(), vec![sample]).unwrap()
    }

    #[test]
    fn size_and_channels_are_as_asked() {
        let mut keypoints = Keypoints::unlabelled(15);
        keypoints[10] = Keypoint::new(19.5, 9.5);
        for (channels, count) in [(Channels::Grey, 1), (Channels::Rgb, 3)] {
            let cropped = Cropped::new(set(keypoints.clone()), CropRule::Whole, 10, channels);
            let crop = cropped.get(0).unwrap();
            assert_eq!(
                (crop.image.size(), crop.image.channels()),
                ((10, 10), count)
            );
            assert_eq!(channels.count(), count);
            assert_eq!(crop.keypoints[10], Keypoint::new(4.5, 4.5));
        }
    }

    #[test]
    fn a_face_that_cannot_be_framed_is_named() {
        let rule = CropRule::for_schema(&Schema::kaggle15());
        let cropped = Cropped::new(set(Keypoints::unlabelled(15)), rule, 96, Channels::Grey);
        let error = cropped.get(0).unwrap_err();
        assert!(error.source().unwrap().to_string().contains("a.jpg"));
    }
}
