//! Faces in an image: their labels, and what a detector finds.

use crate::{Affine, BoundingBox, Image};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The labeled box of a face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabeledBox {
    /// The face from forehead to chin and from ear to ear, in pixels of the image.
    pub bounds: BoundingBox,
    /// Neither a face to find nor background: too small, too blurred, or a crowd in one box.
    pub ignore: bool,
}

impl LabeledBox {
    /// The box of a face to find.
    pub fn face(bounds: BoundingBox) -> Self {
        Self {
            bounds,
            ignore: false,
        }
    }

    /// The label in another frame: the smallest axis-aligned box around the mapped one.
    #[must_use]
    pub fn map(&self, dst_from_src: &Affine) -> Self {
        Self {
            bounds: self.bounds.map(dst_from_src),
            ..*self
        }
    }
}

/// A face that a detector found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// The face from forehead to chin and from ear to ear, in pixels of the image.
    pub bounds: BoundingBox,
    /// How likely it is a face, from 0 to 1.
    pub score: f32,
}

impl Detection {
    /// The detection in another frame: the smallest axis-aligned box around the mapped one.
    #[must_use]
    pub fn map(&self, dst_from_src: &Affine) -> Self {
        Self {
            bounds: self.bounds.map(dst_from_src),
            ..*self
        }
    }
}

/// What a detector finds, for a caller that combines the scores with those of another model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// The detections, those with the highest score first.
    pub found: Vec<Detection>,
    /// The threshold of the combined score, where the scores are probabilities. `None`: all are faces, and
    /// their scores are not combined with others.
    pub min_score: Option<f32>,
}

/// Finds the faces of an image. Implement it to use another detector than that of `fkp-model`.
pub trait Detector: Send + Sync {
    /// The faces, those with the highest score first; none is not an error.
    ///
    /// # Errors
    /// If the detector itself fails.
    fn detect(
        &self,
        image: &Image,
    ) -> Result<Vec<Detection>, Box<dyn std::error::Error + Send + Sync>>;

    /// Detections that may be faces, also those below the threshold, for a caller that combines their
    /// scores with those of a second model. By default the faces of [`Self::detect`], whose scores are not
    /// combined with others.
    ///
    /// # Errors
    /// If the detector itself fails.
    fn detect_candidates(
        &self,
        image: &Image,
    ) -> Result<Candidates, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Candidates {
            found: self.detect(image)?,
            min_score: None,
        })
    }
}

/// Implements [`Detector`] for pointers to detectors.
macro_rules! forward_detector {
    ($($pointer:ty),*) => {$(
        impl<D: Detector + ?Sized> Detector for $pointer {
            fn detect(
                &self,
                image: &Image,
            ) -> Result<Vec<Detection>, Box<dyn std::error::Error + Send + Sync>> {
                (**self).detect(image)
            }

            fn detect_candidates(
                &self,
                image: &Image,
            ) -> Result<Candidates, Box<dyn std::error::Error + Send + Sync>> {
                (**self).detect_candidates(image)
            }
        }
    )*};
}

forward_detector!(&D, Box<D>, Arc<D>);

/// Keeps the detection with the highest score, removes those that overlap it by more than
/// `max_iou` (intersection over union), and so on with the rest. The result has the highest scores
/// first.
///
/// ```
/// use fkp_core::{BoundingBox, Detection, non_maximum_suppression};
/// let found = |x, score| Detection {
///     bounds: BoundingBox::from_image_edges(x, 0.0, 10.0, 10.0),
///     score,
/// };
/// let kept = non_maximum_suppression(vec![found(0.0, 0.6), found(1.0, 0.9), found(30.0, 0.3)], 0.4);
/// assert_eq!(kept, [found(1.0, 0.9), found(30.0, 0.3)]);
/// ```
pub fn non_maximum_suppression(mut detections: Vec<Detection>, max_iou: f64) -> Vec<Detection> {
    detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for detection in detections {
        let overlaps = |other: &Detection| other.bounds.iou(&detection.bounds) > max_iou;
        if !kept.iter().any(overlaps) {
            kept.push(detection);
        }
    }
    kept
}
