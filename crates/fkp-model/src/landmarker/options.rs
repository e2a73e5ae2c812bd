//! Options of a prediction that trade time for accuracy.

use super::crop::Crop;
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
    /// Number of threads of this landmarker, at least 1; if absent, the threads of the global pool of
    /// `rayon`.
    pub threads: Option<usize>,
}

/// Which faces a [`Landmarker`](crate::Landmarker) crops again by the keypoints found and predicts once
/// more, so that the result depends less on the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Refine {
    /// None: one forward pass for each face.
    Never,
    /// Those in the box of a face detector ([`BoxConvention::Face`]) whose crop by the keypoints differs
    /// from that by the box by more than 6 % of its side, in place or size, but still overlaps it: about
    /// half of the faces of photographs.
    #[default]
    Inexact,
    /// All: twice the time.
    Always,
}

impl Refine {
    /// Whether the face of a crop, which the keypoints would crop as `again`, is predicted again.
    pub(super) fn applies(self, crop: &Crop<'_>, again: &CropSquare) -> bool {
        /// In sides of the crop. On the training parts of `ibug68` and `ytf68`, the error from the whole
        /// image with `faces` and `fast` is 6.2 and 7.3 % without a second prediction, 5.7 and 6.8 % if
        /// every face has one, and 5.8 and 6.8 % with this limit.
        const LIMIT: f64 = 0.06;
        /// With a smaller intersection over union, the keypoints are those of a face beside the box, or
        /// of none.
        const MIN_IOU: f64 = 0.3;
        let Crop {
            square, convention, ..
        } = crop;
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Inexact => {
                let [dx, dy, size] = [
                    again.center.0 - square.center.0,
                    again.center.1 - square.center.1,
                    again.side - square.side,
                ];
                *convention == Some(BoxConvention::Face)
                    && dx.abs().max(dy.abs()).max(size.abs()) > LIMIT * square.side
                    && square.bounds().iou(&again.bounds()) > MIN_IOU
            }
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
