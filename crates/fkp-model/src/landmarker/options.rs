//! Options of a prediction that trade time for accuracy.

use crate::ModelError;
use fkp_core::{
    Affine, BoxConvention, CoordinateFrame, CropSquare, Keypoint, Keypoints, Prediction, Schema,
};

/// How a [`Landmarker`](crate::Landmarker) predicts; the default is one forward pass for each face, and
/// a second one where the box of a detector was inexact.
///
/// ```
/// use fkp_model::{DetectOptions, Image, Landmarker, Refine};
/// let options = DetectOptions { flip: true, refine: Refine::Always, ..DetectOptions::default() };
/// let landmarker = Landmarker::pretrained()?.with_options(options)?;
/// let face = landmarker.detect(&Image::filled(96, 96, 1, 128))?;
/// # assert_eq!(face.keypoints().count(), 68);
/// # Ok::<(), fkp_model::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DetectOptions {
    /// Average the predictions for the image and its mirror image: twice the time, and an error that
    /// does not depend on the side.
    pub flip: bool,
    /// Which faces are cropped again by the keypoints found, and predicted once more.
    pub refine: Refine,
    /// Number of threads of this landmarker; if absent, the threads of the global pool of `rayon`.
    pub threads: Option<usize>,
}

/// Which faces a [`Landmarker`](crate::Landmarker) crops again by the keypoints found and predicts once
/// more, so that the result depends less on the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Refine {
    /// None: one forward pass for each face.
    Never,
    /// Those in the box of a face detector ([`BoxConvention::Face`]) whose crop by the keypoints differs
    /// from that by the box by more than 6 % of its side, in place or size: about half of the faces of
    /// a photograph, which makes almost all of the difference between the other two.
    #[default]
    Inexact,
    /// All: twice the time.
    Always,
}

impl Refine {
    /// Whether a face is predicted again: in a crop by a box of this convention, or in an image that
    /// is a crop (`None`), which the keypoints would crop as `again`.
    pub(super) fn applies(
        self,
        convention: Option<BoxConvention>,
        crop: &CropSquare,
        again: &CropSquare,
    ) -> bool {
        const LIMIT: f64 = 0.06;
        let (dx, dy) = (
            again.center.0 - crop.center.0,
            again.center.1 - crop.center.1,
        );
        let difference = dx.abs().max(dy.abs()).max((again.side - crop.side).abs());
        match self {
            Self::Never => false,
            Self::Inexact => {
                convention == Some(BoxConvention::Face) && difference > LIMIT * crop.side
            }
            Self::Always => true,
        }
    }
}

/// The mean of the predictions for a crop and for its mirror image, both in pixels of their crop.
pub(super) fn average(
    plain: &Prediction,
    mirrored: &Prediction,
    schema: &Schema,
    frame: CoordinateFrame,
) -> Result<Prediction, ModelError> {
    let mut back = mirrored
        .keypoints
        .map(&Affine::flip_horizontal(frame.width));
    let swapped = back.swap_pairs(schema);
    swapped.map_err(|error| ModelError::config("flip", error))?;
    let mean = |(a, b): (&Keypoint, &Keypoint)| Keypoint {
        x: (a.x + b.x) / 2.0,
        y: (a.y + b.y) / 2.0,
        ..*a
    };
    let pairs = plain.keypoints.iter().zip(back.iter());
    let sigmas = plain.sigma_px.as_ref().zip(mirrored.sigma_px.as_ref());
    let sigma_px = sigmas.map(|(plain, mirrored)| {
        let mut back = mirrored.clone();
        for &(left, right) in schema.flip_pairs() {
            back.swap(left, right);
        }
        let pairs = plain.iter().zip(&back);
        pairs.map(|(a, b)| (a + b) / 2.0).collect()
    });
    Ok(Prediction {
        keypoints: pairs.map(mean).collect::<Keypoints>(),
        sigma_px,
        face_score: plain
            .face_score
            .zip(mirrored.face_score)
            .map(|(a, b)| (a + b) / 2.0),
        detections: Vec::new(),
    })
}

/// Mirrors an input `[channels, height, width]` into another.
pub(super) fn mirror(input: &[f32], width: usize, out: &mut [f32]) {
    for (row, out) in input.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        for (value, out) in row.iter().zip(out.iter_mut().rev()) {
            *out = *value;
        }
    }
}
