//! The rule by which a model crops: from keypoints or a box to the square that the network sees.

use crate::{
    BoundingBox, BoxConvention, CropError, CropSquare, FaceBox, Image, Keypoints, Schema, SchemaMap,
};
use serde::{Deserialize, Serialize};

/// Which square of an image the network sees. Part of a model file, because a model is accurate
/// only on crops like those that it was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CropRule {
    /// The smallest square that contains the whole image, which is a crop already.
    Whole,
    /// The square that aligns the labeled keypoints to the mean shape: in it, their bounding box
    /// has the position and size that the box of the *same* keypoints has in `mean_shape`, so that
    /// missing labels do not shift the crop. The size is taken from the longer side, the position
    /// from the center.
    MeanShape {
        /// Where each keypoint lies on average, in fractions of the crop's side.
        mean_shape: Vec<[f64; 2]>,
        /// Where the face from forehead to chin lies on average, in the same fractions; `None` for
        /// keypoints of other objects than faces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        face_box: Option<BoundingBox>,
    },
}

impl CropRule {
    /// Aligned to the schema's mean shape, or the whole image if the schema does not have one.
    pub fn for_schema(schema: &Schema) -> Self {
        match schema.mean_shape() {
            [] => Self::Whole,
            mean_shape => Self::MeanShape {
                mean_shape: mean_shape.to_vec(),
                face_box: schema.face_box().copied(),
            },
        }
    }

    /// The same crops for keypoints of another schema: its squares are those of this rule, and its
    /// boxes around keypoints are around the mapped ones. `None` if a mapped keypoint has no
    /// source, so that its place in the crop is not known.
    ///
    /// # Panics
    /// If the map is from another number of keypoints.
    pub fn onto(&self, map: &SchemaMap) -> Option<Self> {
        let Self::MeanShape {
            mean_shape,
            face_box,
        } = self
        else {
            return Some(Self::Whole);
        };
        let place = |axis: usize| {
            let places: Vec<f64> = mean_shape.iter().map(|place| place[axis]).collect();
            map.means(&places).into_iter()
        };
        let mapped = place(0).zip(place(1)).map(|(x, y)| Some([x?, y?]));
        Some(Self::MeanShape {
            mean_shape: mapped.collect::<Option<_>>()?,
            face_box: *face_box,
        })
    }

    /// The square for an image: from its labeled keypoints, or from the box if too few are labeled.
    ///
    /// # Errors
    /// If there are neither enough keypoints nor a box.
    pub fn square(
        &self,
        image: &Image,
        keypoints: &Keypoints,
        face_box: Option<&FaceBox>,
    ) -> Result<CropSquare, CropError> {
        let Self::MeanShape { mean_shape, .. } = self else {
            return Ok(CropSquare::whole(image));
        };
        let labeled = keypoints
            .labeled()
            .map(|(i, _)| i)
            .filter(|i| *i < mean_shape.len());
        let reference = BoundingBox::around(labeled.map(|i| (mean_shape[i][0], mean_shape[i][1])));
        let found = keypoints.bounding_box().zip(reference);
        let aligned = found
            .and_then(|(found, reference)| align(&found, &reference, BoundingBox::longer_side));
        match (aligned, face_box) {
            (Some(square), _) => Ok(square),
            (None, Some(face_box)) => self.square_of(face_box),
            (None, None) => Err(CropError::NoKeypointsOrBox),
        }
    }

    /// The square that the network sees of the face in a box, whatever the box's convention.
    ///
    /// A box around keypoints is scaled to the mean shape's by the longer side, as in training; a
    /// box of a face by √(width · height), because some detectors return squares.
    ///
    /// ```
    /// use fkp_core::{BoundingBox, CropRule, FaceBox, Schema};
    /// let rule = CropRule::for_schema(&Schema::kaggle15());
    /// let face = FaceBox::face(BoundingBox::from_image_edges(50.0, 40.0, 90.0, 118.0));
    /// let square = rule.square_of(&face)?;
    /// assert!((square.side - 100.0).abs() < 1e-9);
    /// # Ok::<(), fkp_core::CropError>(())
    /// ```
    ///
    /// # Errors
    /// If the box has no area, or the rule does not support its convention ([`CropRule::Whole`]
    /// supports [`BoxConvention::Crop`] only).
    pub fn square_of(&self, given: &FaceBox) -> Result<CropSquare, CropError> {
        let FaceBox { convention, bounds } = given;
        let bad = CropError::BadBox { given: *bounds };
        let scale = match convention {
            BoxConvention::Crop => return CropSquare::around(bounds),
            // Keypoints may lie on a line.
            BoxConvention::Keypoints if bounds.is_finite() && bounds.longer_side() > 0.0 => {
                BoundingBox::longer_side
            }
            BoxConvention::Face if bounds.is_usable() => BoundingBox::mean_side,
            BoxConvention::Keypoints | BoxConvention::Face => return Err(bad),
        };
        align(bounds, &self.reference(*convention)?, scale).ok_or(bad)
    }

    /// The same face's box in another convention, by the mean shape.
    ///
    /// # Errors
    /// As for [`Self::square_of`], for either convention.
    pub fn convert(&self, given: &FaceBox, to: BoxConvention) -> Result<FaceBox, CropError> {
        if given.convention == to {
            return Ok(*given);
        }
        let crop = self.square_of(given)?.bounds();
        let bounds = match to {
            BoxConvention::Crop => crop,
            BoxConvention::Keypoints | BoxConvention::Face => {
                let part = self.reference(to)?;
                BoundingBox {
                    x: crop.x + part.x * crop.width,
                    y: crop.y + part.y * crop.height,
                    width: part.width * crop.width,
                    height: part.height * crop.height,
                }
            }
        };
        Ok(FaceBox {
            convention: to,
            bounds,
        })
    }

    /// Where the box of a convention lies in a crop, in fractions of its side.
    fn reference(&self, convention: BoxConvention) -> Result<BoundingBox, CropError> {
        let known = match (self, convention) {
            (Self::MeanShape { mean_shape, .. }, BoxConvention::Keypoints) => {
                BoundingBox::around(mean_shape.iter().map(|&[x, y]| (x, y)))
            }
            (Self::MeanShape { face_box, .. }, BoxConvention::Face) => *face_box,
            _ => None,
        };
        known.ok_or(CropError::NoMeanShape { convention })
    }
}

/// The square in which `found` has the position and size that `reference` has in the unit square.
fn align(
    found: &BoundingBox,
    reference: &BoundingBox,
    scale: impl Fn(&BoundingBox) -> f64,
) -> Option<CropSquare> {
    let side = scale(found) / scale(reference);
    let (fx, fy) = found.center();
    let (rx, ry) = reference.center();
    (side.is_finite() && side > 0.0).then_some(CropSquare {
        center: (fx + (0.5 - rx) * side, fy + (0.5 - ry) * side),
        side,
    })
}
