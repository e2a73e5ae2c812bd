//! Mean absolute and root mean squared coordinate error, in pixels.

use crate::keypoint_error::{mean, scored};
use fkp_core::{Keypoints, Metric, Prediction, Sample};

/// Mean absolute coordinate error in pixels: `Σ |predicted − true| / n` over all labeled
/// coordinates, where x and y each count. This is Keras' `mae` of the network's outputs in pixels,
/// not a distance: an error of (3, 4) contributes 3 and 4.
///
/// ```
/// use fkp_core::{Keypoints, Metric};
/// let mut mae = fkp_metrics::Mae::default();
/// assert_eq!(mae.value(), None);
/// let truth = Keypoints::from_xy(&[[10.0, 10.0]]);
/// mae.add(&Keypoints::from_xy(&[[13.0, 14.0]]), &truth);
/// assert_eq!(mae.value(), Some(3.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mae {
    sum: f64,
    count: usize,
}

impl Mae {
    /// Accumulates the keypoints of one more image, both in pixels of the same image.
    ///
    /// # Panics
    /// If the two sets have different lengths.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        for (_, [x, y]) in scored(predicted, truth) {
            self.sum += x.abs() + y.abs();
            self.count += 2;
        }
    }
}

impl Metric for Mae {
    fn name(&self) -> &str {
        "mae_px"
    }

    fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
    }

    fn value(&self) -> Option<f64> {
        mean(self.sum, self.count)
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Root mean squared coordinate error in pixels: `√(Σ (predicted − true)² / n)` over all labeled
/// coordinates of all images, the score of Kaggle's *Facial Keypoints Detection*.
///
/// ```
/// use fkp_core::{Keypoints, Metric};
/// let mut rmse = fkp_metrics::Rmse::default();
/// let truth = Keypoints::from_xy(&[[10.0, 10.0]]);
/// rmse.add(&Keypoints::from_xy(&[[11.0, 17.0]]), &truth);
/// assert_eq!(rmse.value(), Some(5.0)); // √((1 + 49) / 2)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rmse {
    sum: f64,
    count: usize,
}

impl Rmse {
    /// Accumulates the keypoints of one more image, both in pixels of the same image.
    ///
    /// # Panics
    /// If the two sets have different lengths.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        for (_, [x, y]) in scored(predicted, truth) {
            self.sum += x * x + y * y;
            self.count += 2;
        }
    }
}

impl Metric for Rmse {
    fn name(&self) -> &str {
        "rmse_px"
    }

    fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
    }

    fn value(&self) -> Option<f64> {
        mean(self.sum, self.count).map(f64::sqrt)
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::Keypoint;

    #[test]
    fn only_labeled_coordinates_count() {
        let mut truth = Keypoints::from_xy(&[[0.0, 0.0], [50.0, 50.0], [9.0, 9.0]]);
        truth[1] = Keypoint::unlabeled();
        let predicted = Keypoints::from_xy(&[[1.0, 2.0], [f32::NAN, 7.0], [9.0, 6.0]]);
        let (mut mae, mut rmse) = (Mae::default(), Rmse::default());
        mae.add(&predicted, &truth);
        rmse.add(&predicted, &truth);
        assert_eq!(mae.value(), Some(1.5)); // (1 + 2 + 0 + 3) / 4
        assert_eq!(rmse.value(), Some((14.0f64 / 4.0).sqrt()));
    }

    #[test]
    fn an_image_without_labels_changes_nothing() {
        let mut mae = Mae::default();
        mae.add(&Keypoints::from_xy(&[[1.0, 1.0]]), &Keypoints::unlabeled(1));
        assert_eq!(mae.value(), None);
    }

    #[test]
    #[should_panic(expected = "different numbers of keypoints")]
    fn lengths_must_agree() {
        Mae::default().add(&Keypoints::unlabeled(2), &Keypoints::unlabeled(1));
    }
}
