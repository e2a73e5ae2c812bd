//! The rule that cuts a square face crop out of an image.

use crate::{
    Affine, Border, BoundingBox, BoxConvention, FaceBox, Filter, Image, InputSpec, Keypoints,
    Sample, Schema, warp_affine,
};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// An image cannot be cropped by the rule.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// There is neither a usable set of keypoints nor a box to frame the crop by.
    #[error("the crop needs two labeled keypoints apart from each other, or a box; got neither")]
    NothingToFrame,
    /// The rule does not say where a box of this convention lies in a crop.
    #[error(
        "the model's crop rule says nothing of {}; give {}",
        match convention {
            BoxConvention::Face => "boxes of faces from forehead to chin",
            _ => "boxes around keypoints",
        },
        match convention {
            BoxConvention::Face => "the box around the keypoints, or the crop itself",
            _ => "the crop itself",
        }
    )]
    NoMeanShape {
        /// The convention of the box.
        convention: BoxConvention,
    },
    /// A box has no area or is not finite.
    #[error("the box {given:?} has no area or is not finite")]
    BadBox {
        /// The box in question.
        given: BoundingBox,
    },
}

crate::debug_as_sentence!(CropError);

/// A square region of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CropSquare {
    /// The center of the square.
    pub center: (f64, f64),
    /// Length of a side in pixels of the image.
    pub side: f64,
}

impl CropSquare {
    /// The smallest square about a box's center that holds the box.
    pub fn about(given: &BoundingBox) -> Result<Self, CropError> {
        if !given.is_usable() {
            return Err(CropError::BadBox { given: *given });
        }
        Ok(Self {
            center: given.center(),
            side: given.longer_side(),
        })
    }

    /// The smallest square that holds a whole image, about its center.
    pub fn whole(image: &Image) -> Self {
        Self {
            center: image.center(),
            side: image.width().max(image.height()) as f64,
        }
    }

    /// The square as a box.
    pub fn bounds(&self) -> BoundingBox {
        BoundingBox {
            x: self.center.0 - self.side / 2.0,
            y: self.center.1 - self.side / 2.0,
            width: self.side,
            height: self.side,
        }
    }

    /// The map into a `size × size` crop: edges onto edges.
    ///
    /// # Errors
    /// If the square has no finite positive side.
    pub fn crop_from_image(&self, size: usize) -> Result<Affine, CropError> {
        let scale = size as f64 / self.side;
        let shift = |center: f64| (size as f64 - 1.0) / 2.0 - scale * center;
        let rows = [
            [scale, 0.0, shift(self.center.0)],
            [0.0, scale, shift(self.center.1)],
        ];
        Affine::new(rows).map_err(|_| CropError::BadBox {
            given: self.bounds(),
        })
    }

    /// The crop as a `size × size` image, and the map that made it. Averages over pixel areas
    /// when shrinking; outside the image the edge pixels are repeated.
    pub fn cut(&self, image: &Image, size: usize) -> Result<(Image, Affine), CropError> {
        let crop_from_image = self.crop_from_image(size)?;
        let frame = (size, size);
        // An image that is already the crop is left alone, to the byte.
        if image.size() == frame && crop_from_image == Affine::identity() {
            return Ok((image.clone(), crop_from_image));
        }
        let crop = warp_affine(
            image,
            &crop_from_image,
            frame,
            Filter::Area,
            Border::Replicate,
        );
        Ok((crop, crop_from_image))
    }
}

/// How far a face detector's box is off at most: uniform errors that a model is trained for and
/// evaluated with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxJitter {
    /// Limit of the shift along each axis, as a fraction of the side.
    pub shift: f64,
    /// Limit of the change of the side, as a fraction of it.
    pub scale: f64,
}

impl Default for BoxJitter {
    /// ±8 % of the side along each axis, and a side off by ±10 %.
    fn default() -> Self {
        Self {
            shift: 0.08,
            scale: 0.1,
        }
    }
}

impl BoxJitter {
    /// A square that is off from this one by as much as the generator's state says.
    pub fn apply(&self, square: &CropSquare, rng: &mut dyn Rng) -> CropSquare {
        let mut within = |limit: f64| limit * rng.random_range(-1.0..=1.0);
        let (dx, dy, grow) = (within(self.shift), within(self.shift), within(self.scale));
        CropSquare {
            center: (
                square.center.0 + dx * square.side,
                square.center.1 + dy * square.side,
            ),
            side: square.side * (1.0 + grow),
        }
    }
}

/// Which square of an image the network sees. Part of a model file, because a model is only as
/// good as the mean_shape it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CropRule {
    /// The smallest square about the whole image, which is a crop already.
    Whole,
    /// The square in which the box of the labeled keypoints has the place and size that the box
    /// of the *same* keypoints has in `mean_shape`, so that missing labels do not shift the crop.
    /// Size by the longer side, place by the center.
    MeanShape {
        /// Where each keypoint lies on average, in fractions of the crop's side.
        mean_shape: Vec<[f64; 2]>,
        /// Where the face from forehead to chin lies on average, in the same fractions; `None`
        /// where that means nothing, as for keypoints of other things than faces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        face_box: Option<BoundingBox>,
    },
}

impl CropRule {
    /// Framing by the schema's mean positions, or the whole image where it has none.
    pub fn for_schema(schema: &Schema) -> Self {
        match schema.mean_shape() {
            [] => Self::Whole,
            mean_shape => Self::MeanShape {
                mean_shape: mean_shape.to_vec(),
                face_box: schema.face_box().copied(),
            },
        }
    }

    /// The square for an image with known keypoints or, for want of them, a known box.
    ///
    /// # Errors
    /// If there is nothing to frame the crop by.
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
        let framed = keypoints.bounding_box().zip(reference).and_then(|pair| {
            let scale = |bounds: &BoundingBox| bounds.longer_side();
            align(&pair.0, &pair.1, scale)
        });
        match (framed, face_box) {
            (Some(square), _) => Ok(square),
            (None, Some(face_box)) => self.square_of(face_box),
            (None, None) => Err(CropError::NothingToFrame),
        }
    }

    /// The square that the model sees of the face in a box: one call for every convention.
    ///
    /// A box around keypoints is compared with the mean shape's by the longer side, as in
    /// training; a box of a face by √(width · height), because some detectors give squares.
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
    /// If the box has no area, or the rule does not know its convention ([`CropRule::Whole`] knows
    /// crops alone).
    pub fn square_of(&self, given: &FaceBox) -> Result<CropSquare, CropError> {
        let FaceBox { convention, bounds } = given;
        let bad = CropError::BadBox { given: *bounds };
        let usable = match convention {
            // Keypoints may lie on a line.
            BoxConvention::Keypoints => bounds.longer_side() > 0.0 && is_finite(bounds),
            BoxConvention::Face | BoxConvention::Crop => bounds.is_usable(),
        };
        if !usable {
            return Err(bad);
        }
        let square = match convention {
            BoxConvention::Crop => return CropSquare::about(bounds),
            BoxConvention::Keypoints => align(
                bounds,
                &self.reference(*convention)?,
                BoundingBox::longer_side,
            ),
            BoxConvention::Face => align(
                bounds,
                &self.reference(*convention)?,
                BoundingBox::mean_side,
            ),
        };
        square.ok_or(bad)
    }

    /// The box of another convention around the same face, by the mean shape.
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

    /// The sample as the network sees it: cut to `input.size` in the input's channels, its
    /// keypoints moved along.
    ///
    /// # Errors
    /// If there is nothing to frame the crop by.
    pub fn apply(&self, sample: Sample, input: &InputSpec) -> Result<Sample, CropError> {
        let square = self.square(&sample.image, &sample.keypoints, sample.face_box.as_ref())?;
        square.apply(sample, input)
    }
}

impl CropSquare {
    /// The sample as the network sees it in this square, its keypoints moved along.
    ///
    /// # Errors
    /// If the square has no finite positive side.
    pub fn apply(&self, sample: Sample, input: &InputSpec) -> Result<Sample, CropError> {
        let (image, crop_from_image) = input.crop(&sample.image, self)?;
        let keypoints = sample.keypoints.map(&crop_from_image);
        Ok(Sample {
            image,
            keypoints: keypoints.marked_for_frame((input.size, input.size)),
            face_box: None,
            ..sample
        })
    }
}

/// The square in which `found` has the place and size that `reference` has in the unit square.
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

fn is_finite(bounds: &BoundingBox) -> bool {
    let BoundingBox {
        x,
        y,
        width,
        height,
    } = *bounds;
    [x, y, width, height].iter().all(|v| v.is_finite())
}

#[cfg(test)]
mod tests;
