//! The baseline of every model: a prediction that is always the mean face.

use fkp_core::{Keypoint, Keypoints};
use std::borrow::Borrow;

/// The mean position of every keypoint over the training labels, predicted for every image.
///
/// ```
/// use fkp_core::Keypoints;
/// use fkp_metrics::MeanFace;
/// let training = [Keypoints::from_xy(&[[10.0, 20.0]]), Keypoints::from_xy(&[[14.0, 22.0]])];
/// let baseline = MeanFace::fit(1, &training);
/// assert_eq!(baseline.predict(), Keypoints::from_xy(&[[12.0, 21.0]]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MeanFace {
    /// For each keypoint the sums of x and y, and their number.
    sums: Vec<(f64, f64, usize)>,
}

impl MeanFace {
    /// A mean of `count` keypoints without any faces.
    pub fn new(count: usize) -> Self {
        Self {
            sums: vec![(0.0, 0.0, 0); count],
        }
    }

    /// The mean over these faces of `count` keypoints each, in pixels of crops of one size.
    ///
    /// # Panics
    /// If a face has another number of keypoints.
    pub fn fit<K: Borrow<Keypoints>>(count: usize, faces: impl IntoIterator<Item = K>) -> Self {
        let mut mean = Self::new(count);
        for face in faces {
            mean.update(face.borrow());
        }
        mean
    }

    /// Accumulates one more face, without its unlabeled keypoints.
    ///
    /// # Panics
    /// If the face has another number of keypoints.
    pub fn update(&mut self, face: &Keypoints) {
        assert_eq!(
            face.len(),
            self.sums.len(),
            "the face has another number of keypoints"
        );
        for (index, keypoint) in face.labeled() {
            let (x, y, count) = &mut self.sums[index];
            *x += f64::from(keypoint.x);
            *y += f64::from(keypoint.y);
            *count += 1;
        }
    }

    /// The mean face. A keypoint that was not labeled in any face is unlabeled; where the truth has
    /// it, its error is infinite.
    pub fn predict(&self) -> Keypoints {
        let mean = |&(x, y, count): &(f64, f64, usize)| match count {
            0 => Keypoint::unlabeled(),
            n => Keypoint::new((x / n as f64) as f32, (y / n as f64) as f32),
        };
        self.sums.iter().map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keypoint_is_averaged_over_its_own_labels() {
        let mut partial = Keypoints::from_xy(&[[100.0, 100.0], [6.0, 8.0], [0.0, 0.0]]);
        partial[0] = Keypoint::unlabeled();
        partial[2] = Keypoint::unlabeled();
        let mut full = Keypoints::from_xy(&[[1.0, 2.0], [2.0, 2.0], [0.0, 0.0]]);
        full[2] = Keypoint::unlabeled();
        let mean = MeanFace::fit(3, [partial, full]).predict();
        assert_eq!(mean[0], Keypoint::new(1.0, 2.0));
        assert_eq!(mean[1], Keypoint::new(4.0, 5.0));
        assert_eq!(mean[2], Keypoint::unlabeled());
    }
}
