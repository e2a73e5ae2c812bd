//! Normalized mean error: distances divided by a length in the true face.

use crate::keypoint_error::{mean, scored};
use fkp_core::{Keypoint, Keypoints, Metric, NormalizingPair, Prediction, Sample, Schema};

/// The length in the true face that errors are divided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normalizer {
    /// The distance between the means of two groups of keypoints, such as the outer eye corners.
    Pair(NormalizingPair),
    /// `√(w·h)` of the smallest box around the truth's labeled keypoints (Bulat and Tzimiropoulos,
    /// *How far are we from solving the 2D & 3D Face Alignment problem?*, ICCV 2017). Also suitable
    /// for profile faces, in which eye distances are close to zero.
    Box,
}

impl Normalizer {
    /// The schema's first normalizing pair, or the box if it has none.
    pub fn preferred(schema: &Schema) -> Self {
        match schema.normalizing_pairs().first() {
            Some(pair) => Self::Pair(pair.clone()),
            None => Self::Box,
        }
    }

    /// The schema's normalizing pairs in its order, then the box.
    pub fn all(schema: &Schema) -> Vec<Self> {
        let pairs = schema.normalizing_pairs().iter().cloned().map(Self::Pair);
        pairs.chain([Self::Box]).collect()
    }

    /// Name of the length: that of the pair, or `box`.
    pub fn name(&self) -> &str {
        match self {
            Self::Pair(pair) => &pair.name,
            Self::Box => "box",
        }
    }

    /// The length in pixels. `None` if it is not defined: one of its keypoints is not labeled, or
    /// it is zero or not finite.
    pub fn length_px(&self, truth: &Keypoints) -> Option<f64> {
        let length = match self {
            Self::Pair(pair) => {
                let (from, to) = (center(truth, &pair.from)?, center(truth, &pair.to)?);
                (from[0] - to[0]).hypot(from[1] - to[1])
            }
            Self::Box => truth.bounding_box()?.mean_side(),
        };
        (length.is_finite() && length > 0.0).then_some(length)
    }
}

/// The error of one image: the mean Euclidean distance of its labeled keypoints, divided by the
/// image's normalizing length. A fraction: 0.05 is 5 %. `None` if the length is not defined.
///
/// # Panics
/// If the two sets have different lengths.
pub fn image_nme(predicted: &Keypoints, truth: &Keypoints, normalizer: &Normalizer) -> Option<f64> {
    let length = normalizer.length_px(truth)?;
    let (mut sum, mut count) = (0.0, 0);
    for (_, [x, y]) in scored(predicted, truth) {
        sum += x.hypot(y);
        count += 1;
    }
    mean(sum, count).map(|distance| distance / length)
}

/// Normalized mean error: the mean of [`image_nme`] over the images for which it is defined.
///
/// ```
/// use fkp_core::{Keypoints, Metric};
/// use fkp_metrics::{Nme, Normalizer};
/// let mut nme = Nme::new(Normalizer::Box);
/// let truth = Keypoints::from_xy(&[[0.0, 0.0], [40.0, 10.0]]); // box √(40·10) = 20 px
/// nme.add(&Keypoints::from_xy(&[[3.0, 4.0], [40.0, 10.0]]), &truth);
/// assert_eq!(nme.value(), Some(0.125)); // (5 + 0) / 2 / 20
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Nme {
    normalizer: Normalizer,
    name: String,
    sum: f64,
    images: usize,
}

impl Nme {
    /// The error normalized by this length.
    pub fn new(normalizer: Normalizer) -> Self {
        Self {
            name: format!("nme_{}", normalizer.name()),
            normalizer,
            sum: 0.0,
            images: 0,
        }
    }

    /// The length that errors are divided by.
    pub fn normalizer(&self) -> &Normalizer {
        &self.normalizer
    }

    /// Accumulates the keypoints of one more image, both in pixels of the same image.
    ///
    /// # Panics
    /// If the two sets have different lengths.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        if let Some(error) = image_nme(predicted, truth, &self.normalizer) {
            self.sum += error;
            self.images += 1;
        }
    }
}

impl Metric for Nme {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
    }

    fn value(&self) -> Option<f64> {
        mean(self.sum, self.images)
    }

    fn reset(&mut self) {
        (self.sum, self.images) = (0.0, 0);
    }
}

/// Mean position of a group of keypoints; `None` if one of them is not labeled.
fn center(keypoints: &Keypoints, group: &[usize]) -> Option<[f64; 2]> {
    let mut sum = [0.0; 2];
    for &index in group {
        let Keypoint { x, y, .. } = keypoints
            .get(index)
            .filter(|keypoint| keypoint.is_labeled())?;
        sum[0] += f64::from(*x);
        sum[1] += f64::from(*y);
    }
    Some(sum.map(|v| v / group.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Normalizer {
        Normalizer::Pair(NormalizingPair {
            name: "span".to_owned(),
            from: vec![0, 1],
            to: vec![2],
        })
    }

    #[test]
    fn length_between_the_means_of_two_groups() {
        let truth = Keypoints::from_xy(&[[0.0, 0.0], [0.0, 6.0], [4.0, 0.0]]);
        assert_eq!(pair().length_px(&truth), Some(5.0)); // (0, 3) to (4, 0)
    }

    #[test]
    fn the_length_is_undefined_if_an_end_is_unlabeled_or_both_coincide() {
        let mut truth = Keypoints::from_xy(&[[0.0, 0.0], [0.0, 6.0], [4.0, 0.0]]);
        truth[1] = Keypoint::unlabeled();
        assert_eq!(pair().length_px(&truth), None);
        let same = Keypoints::from_xy(&[[1.0, 1.0]; 3]);
        assert_eq!(pair().length_px(&same), None);
        assert_eq!(Normalizer::Box.length_px(&same), None);
        assert_eq!(Normalizer::Box.length_px(&Keypoints::unlabeled(3)), None);
    }

    #[test]
    fn the_mean_is_over_images_not_over_keypoints() {
        let mut nme = Nme::new(pair());
        let truth = Keypoints::from_xy(&[[0.0, 0.0], [0.0, 0.0], [10.0, 0.0]]);
        let off = Keypoints::from_xy(&[[0.0, 3.0], [0.0, 3.0], [10.0, 3.0]]);
        nme.add(&off, &truth);
        nme.add(&truth, &truth);
        assert_eq!(nme.value(), Some(0.15));
        assert_eq!(nme.name(), "nme_span");
        // An image for which the distance is undefined does not count.
        let mut partial = truth.clone();
        partial[2] = Keypoint::unlabeled();
        nme.add(&truth, &partial);
        assert_eq!(nme.value(), Some(0.15));
    }

    #[test]
    fn kaggle_faces_are_normalized_by_the_pupils_first() {
        let schema = Schema::kaggle15();
        assert_eq!(Normalizer::preferred(&schema).name(), "inter_pupil");
        let all = Normalizer::all(&schema);
        let names: Vec<_> = all.iter().map(Normalizer::name).collect();
        assert_eq!(names, ["inter_pupil", "inter_ocular", "box"]);
        let plain = Schema::numbered("plain", 2).unwrap();
        assert_eq!(Normalizer::preferred(&plain), Normalizer::Box);
    }
}
