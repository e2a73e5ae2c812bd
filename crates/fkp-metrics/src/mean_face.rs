//! The baseline that any model must beat: always predict the mean face.

use fkp_core::{Keypoint, Keypoints};
use std::borrow::Borrow;

/// The mean labeled position of every keypoint, predicted whatever the image shows.
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
    /// Per keypoint: sums of x and y, and how many were added.
    sums: Vec<(f64, f64, usize)>,
}

impl MeanFace {
    /// The mean of nothing yet, of `count` keypoints.
    pub fn new(count: usize) -> Self {
        Self {
            sums: vec![(0.0, 0.0, 0); count],
        }
    }

    /// The mean over these faces of `count` keypoints each, in pixels of one common frame.
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

    /// Takes one more face into account; unlabeled keypoints are left out.
    ///
    /// # Panics
    /// If the face has another number of keypoints.
    pub fn update(&mut self, face: &Keypoints) {
        assert_eq!(face.len(), self.sums.len(), "another number of keypoints");
        for (index, keypoint) in face.labeled() {
            let (x, y, count) = &mut self.sums[index];
            *x += f64::from(keypoint.x);
            *y += f64::from(keypoint.y);
            *count += 1;
        }
    }

    /// The mean face. A keypoint that no face labeled is unlabeled, which counts as infinitely
    /// wrong where it is asked for.
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
    fn each_point_is_averaged_over_its_own_labels() {
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
