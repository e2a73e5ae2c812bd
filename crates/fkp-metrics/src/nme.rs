//! Normalised mean error: distances in units of a length in the true face.

use crate::error::{mean, scored};
use fkp_core::{Keypoint, Keypoints, Metric, NormalisingPair, Prediction, Sample, Schema};

/// The length in the true face by which its errors are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normaliser {
    /// The distance between the means of two groups of points, such as the outer eye corners.
    Pair(NormalisingPair),
    /// `√(w·h)` of the smallest box around the truth's labelled points (Bulat and Tzimiropoulos,
    /// *How far are we from solving the 2D & 3D Face Alignment problem?*, ICCV 2017). Defined for
    /// profile faces too, where eye distances shrink to nothing.
    Box,
}

impl Normaliser {
    /// The schema's first normalising pair, or the box if it has none.
    pub fn preferred(schema: &Schema) -> Self {
        match schema.normalising_pairs().first() {
            Some(pair) => Self::Pair(pair.clone()),
            None => Self::Box,
        }
    }

    /// The schema's normalising pairs in its order, then the box.
    pub fn all(schema: &Schema) -> Vec<Self> {
        let pairs = schema.normalising_pairs().iter().cloned().map(Self::Pair);
        pairs.chain([Self::Box]).collect()
    }

    /// The field's name of the length: the pair's, or `box`.
    pub fn name(&self) -> &str {
        match self {
            Self::Pair(pair) => &pair.name,
            Self::Box => "box",
        }
    }

    /// The length in pixels. `None` where it is not defined: a point it needs is not labelled, or
    /// it is zero or not finite.
    pub fn length_px(&self, truth: &Keypoints) -> Option<f64> {
        let length = match self {
            Self::Pair(pair) => {
                let (from, to) = (centre(truth, &pair.from)?, centre(truth, &pair.to)?);
                (from[0] - to[0]).hypot(from[1] - to[1])
            }
            Self::Box => {
                let around = truth.bounding_box()?;
                (around.width * around.height).sqrt()
            }
        };
        (length.is_finite() && length > 0.0).then_some(length)
    }
}

/// The error of one picture: the mean Euclidean distance of its labelled points, divided by the
/// picture's normalising length. A fraction: 0.05 is 5 %. `None` where the length is not defined.
///
/// # Panics
/// If the two sets have different lengths.
pub fn picture_nme(
    predicted: &Keypoints,
    truth: &Keypoints,
    normaliser: &Normaliser,
) -> Option<f64> {
    let length = normaliser.length_px(truth)?;
    let (mut sum, mut count) = (0.0, 0);
    for (_, [x, y]) in scored(predicted, truth) {
        sum += x.hypot(y);
        count += 1;
    }
    mean(sum, count).map(|distance| distance / length)
}

/// Normalised mean error: the mean of [`picture_nme`] over the pictures where it is defined.
///
/// ```
/// use fkp_core::{Keypoints, Metric};
/// use fkp_metrics::{Nme, Normaliser};
/// let mut nme = Nme::new(Normaliser::Box);
/// let truth = Keypoints::from_xy(&[[0.0, 0.0], [40.0, 10.0]]); // box √(40·10) = 20 px
/// nme.add(&Keypoints::from_xy(&[[3.0, 4.0], [40.0, 10.0]]), &truth);
/// assert_eq!(nme.value(), Some(0.125)); // (5 + 0) / 2 / 20
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Nme {
    normaliser: Normaliser,
    name: String,
    sum: f64,
    pictures: usize,
}

impl Nme {
    /// Normalised by this length.
    pub fn new(normaliser: Normaliser) -> Self {
        Self {
            name: format!("nme_{}", normaliser.name()),
            normaliser,
            sum: 0.0,
            pictures: 0,
        }
    }

    /// The length that errors are divided by.
    pub fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }
}

impl Nme {
    /// Takes the keypoints of one more image into account, both in one frame.
    ///
    /// # Panics
    /// If the two sets have different lengths.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        if let Some(error) = picture_nme(predicted, truth, &self.normaliser) {
            self.sum += error;
            self.pictures += 1;
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
        mean(self.sum, self.pictures)
    }

    fn reset(&mut self) {
        (self.sum, self.pictures) = (0.0, 0);
    }
}

/// Mean position of some points, if all of them are labelled.
fn centre(points: &Keypoints, group: &[usize]) -> Option<[f64; 2]> {
    let mut sum = [0.0; 2];
    for &index in group {
        let Keypoint { x, y, .. } = points.get(index).filter(|point| point.is_labelled())?;
        sum[0] += f64::from(*x);
        sum[1] += f64::from(*y);
    }
    Some(sum.map(|v| v / group.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Normaliser {
        Normaliser::Pair(NormalisingPair {
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
    fn no_length_where_an_end_is_missing_or_both_coincide() {
        let mut truth = Keypoints::from_xy(&[[0.0, 0.0], [0.0, 6.0], [4.0, 0.0]]);
        truth[1] = Keypoint::unlabelled();
        assert_eq!(pair().length_px(&truth), None);
        let same = Keypoints::from_xy(&[[1.0, 1.0]; 3]);
        assert_eq!(pair().length_px(&same), None);
        assert_eq!(Normaliser::Box.length_px(&same), None);
        assert_eq!(Normaliser::Box.length_px(&Keypoints::unlabelled(3)), None);
    }

    #[test]
    fn the_mean_is_over_pictures_not_over_points() {
        let mut nme = Nme::new(pair());
        let truth = Keypoints::from_xy(&[[0.0, 0.0], [0.0, 0.0], [10.0, 0.0]]);
        let off = Keypoints::from_xy(&[[0.0, 3.0], [0.0, 3.0], [10.0, 3.0]]);
        nme.add(&off, &truth);
        nme.add(&truth, &truth);
        assert_eq!(nme.value(), Some(0.15));
        assert_eq!(nme.name(), "nme_span");
        // A picture without the distance does not dilute the mean.
        let mut partial = truth.clone();
        partial[2] = Keypoint::unlabelled();
        nme.add(&truth, &partial);
        assert_eq!(nme.value(), Some(0.15));
    }

    #[test]
    fn kaggle_faces_are_normalised_by_the_pupils_first() {
        let schema = Schema::kaggle15();
        assert_eq!(Normaliser::preferred(&schema).name(), "inter_pupil");
        let all = Normaliser::all(&schema);
        let names: Vec<_> = all.iter().map(Normaliser::name).collect();
        assert_eq!(names, ["inter_pupil", "inter_ocular", "box"]);
        let plain = Schema::numbered("plain", 2).unwrap();
        assert_eq!(Normaliser::preferred(&plain), Normaliser::Box);
    }
}
