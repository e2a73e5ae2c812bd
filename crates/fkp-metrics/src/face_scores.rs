//! How well face scores separate faces from other images.

use fkp_core::{Prediction, Sample};

/// Face scores of images with and without a face.
///
/// ```
/// use fkp_core::{Image, Keypoints, Prediction, Sample};
/// use fkp_metrics::FaceScores;
/// let image = || Image::filled(9, 9, 1, 0);
/// let face = Sample::new("face", image(), Keypoints::from_xy(&[[1.0, 2.0]]));
/// let other = Sample {
///     is_face: false,
///     ..Sample::new("other", image(), Keypoints::unlabeled(1))
/// };
/// let scored = |score| Prediction {
///     face_score: Some(score),
///     ..Prediction::new(Keypoints::unlabeled(1))
/// };
/// let mut scores = FaceScores::default();
/// for (score, sample) in [(0.9, &face), (0.4, &face), (0.6, &other), (0.1, &other)] {
///     scores.add(&scored(score), sample);
/// }
/// assert_eq!(scores.auc(), Some(0.75));
/// assert_eq!(scores.threshold(0.5), Some(0.9));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaceScores {
    faces: Vec<f32>,
    others: Vec<f32>,
}

impl FaceScores {
    /// Adds the score of an image. Predictions without a score do not count.
    pub fn add(&mut self, predicted: &Prediction, truth: &Sample) {
        let scores = match truth.is_face {
            true => &mut self.faces,
            false => &mut self.others,
        };
        scores.extend(predicted.face_score);
    }

    /// Number of faces and of other images.
    pub fn counts(&self) -> [usize; 2] {
        [self.faces.len(), self.others.len()]
    }

    /// The area under the receiver operating characteristic: the probability that a face has a
    /// higher score than another image, equal scores counting half (Mann and Whitney 1947). `None`
    /// without faces or without other images.
    pub fn auc(&self) -> Option<f64> {
        if self.faces.is_empty() || self.others.is_empty() {
            return None;
        }
        let mut others = self.others.clone();
        others.sort_by(f32::total_cmp);
        let wins = self.faces.iter().map(|face| {
            let below = others.partition_point(|other| other < face);
            let equal = others.partition_point(|other| other <= face) - below;
            below as f64 + 0.5 * equal as f64
        });
        Some(wins.sum::<f64>() / (self.faces.len() * others.len()) as f64)
    }

    /// The highest threshold that at least this fraction of the faces have; `None` without faces.
    pub fn threshold(&self, fraction: f64) -> Option<f32> {
        let mut faces = self.faces.clone();
        faces.sort_by(|a, b| b.total_cmp(a));
        let kept = (fraction * faces.len() as f64).ceil() as usize;
        faces.get(kept.max(1) - 1).copied()
    }

    /// The fraction of the faces with at least this score; `None` without faces.
    pub fn true_positive_rate(&self, threshold: f32) -> Option<f64> {
        let reached = self.faces.iter().filter(|score| **score >= threshold);
        crate::keypoint_error::mean(reached.count() as f64, self.faces.len())
    }

    /// The fraction of the other images with at least this score; `None` without other images.
    pub fn false_positive_rate(&self, threshold: f32) -> Option<f64> {
        let reached = self.others.iter().filter(|score| **score >= threshold);
        crate::keypoint_error::mean(reached.count() as f64, self.others.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(faces: &[f32], others: &[f32]) -> FaceScores {
        FaceScores {
            faces: faces.to_vec(),
            others: others.to_vec(),
        }
    }

    #[test]
    fn the_area_counts_pairs() {
        assert_eq!(scores(&[0.9, 0.8], &[0.1, 0.7]).auc(), Some(1.0));
        assert_eq!(scores(&[0.1], &[0.2]).auc(), Some(0.0));
        assert_eq!(scores(&[0.5, 0.5], &[0.5]).auc(), Some(0.5));
        // 0.6 wins against 0.1 and 0.6 by half, 0.2 wins against 0.1.
        assert_eq!(scores(&[0.6, 0.2], &[0.1, 0.6, 0.9]).auc(), Some(2.5 / 6.0));
        assert_eq!(scores(&[0.5], &[]).auc(), None);
    }

    #[test]
    fn the_threshold_keeps_its_fraction_of_the_faces() {
        let faces: Vec<f32> = (1..=100u8).map(|i| f32::from(i) / 100.0).collect();
        let data = scores(&faces, &[0.01, 0.02, 0.5]);
        assert_eq!(data.threshold(0.99), Some(0.02));
        assert_eq!(data.threshold(1.0), Some(0.01));
        assert_eq!(data.true_positive_rate(0.02), Some(0.99));
        assert_eq!(data.false_positive_rate(0.02), Some(2.0 / 3.0));
        assert_eq!(scores(&[], &[0.5]).threshold(0.99), None);
    }
}
