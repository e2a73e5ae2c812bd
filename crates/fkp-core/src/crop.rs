//! The rule that cuts a square face crop out of a picture.

use crate::{Affine, Border, Filter, Image, Keypoints, Sample, Schema, warp_affine};
use serde::{Deserialize, Serialize};

/// A picture cannot be cropped by the rule.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// There is neither a usable set of keypoints nor a box to frame the crop by.
    #[error("the crop needs two labelled keypoints apart from each other, or a box; got neither")]
    NothingToFrame,
    /// A box has no area or is not finite.
    #[error("the box {given:?} has no area or is not finite")]
    BadBox {
        /// The box in question.
        given: BoundingBox,
    },
}

crate::debug_as_sentence!(CropError);

/// An axis-aligned box in pixels. As a region its sides are outer edges: the first pixel of a
/// picture starts at −0.5.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundingBox {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width, not negative.
    pub width: f64,
    /// Height, not negative.
    pub height: f64,
}

impl BoundingBox {
    /// The smallest box around some points; `None` if there are none.
    pub fn around(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let mut points = points.into_iter();
        let (x, y) = points.next()?;
        let [x0, y0, x1, y1] = points.fold([x, y, x, y], |[x0, y0, x1, y1], (x, y)| {
            [x0.min(x), y0.min(y), x1.max(x), y1.max(y)]
        });
        Some(Self {
            x: x0,
            y: y0,
            width: x1 - x0,
            height: y1 - y0,
        })
    }

    /// The middle of the box.
    pub fn centre(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// The longer of the two sides.
    pub fn longer_side(&self) -> f64 {
        self.width.max(self.height)
    }

    /// Whether the box is finite and has an area.
    pub fn is_usable(&self) -> bool {
        [self.x, self.y, self.width, self.height]
            .iter()
            .all(|v| v.is_finite())
            && self.width > 0.0
            && self.height > 0.0
    }
}

/// A square region of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CropSquare {
    /// The middle of the square.
    pub centre: (f64, f64),
    /// Length of a side in pixels of the picture.
    pub side: f64,
}

impl CropSquare {
    /// The smallest square about a box's middle that holds the box.
    pub fn about(given: &BoundingBox) -> Result<Self, CropError> {
        if !given.is_usable() {
            return Err(CropError::BadBox { given: *given });
        }
        Ok(Self {
            centre: given.centre(),
            side: given.longer_side(),
        })
    }

    /// The smallest square that holds a whole picture, about its middle.
    pub fn whole(image: &Image) -> Self {
        Self {
            centre: image.centre(),
            side: image.width().max(image.height()) as f64,
        }
    }

    /// The map into a `size × size` crop: edges onto edges.
    ///
    /// # Errors
    /// If the square has no finite positive side.
    pub fn crop_from_picture(&self, size: usize) -> Result<Affine, CropError> {
        let scale = size as f64 / self.side;
        let shift = |centre: f64| (size as f64 - 1.0) / 2.0 - scale * centre;
        let rows = [
            [scale, 0.0, shift(self.centre.0)],
            [0.0, scale, shift(self.centre.1)],
        ];
        Affine::new(rows).map_err(|_| CropError::BadBox {
            given: BoundingBox {
                x: self.centre.0 - self.side / 2.0,
                y: self.centre.1 - self.side / 2.0,
                width: self.side,
                height: self.side,
            },
        })
    }

    /// The crop as a `size × size` picture, and the map that made it. Averages over pixel areas
    /// when shrinking; outside the picture the edge pixels are repeated.
    pub fn cut(&self, image: &Image, size: usize) -> Result<(Image, Affine), CropError> {
        let crop_from_picture = self.crop_from_picture(size)?;
        let frame = (size, size);
        // A picture that is already the crop is left alone, to the byte.
        if image.size() == frame && crop_from_picture == Affine::identity() {
            return Ok((image.clone(), crop_from_picture));
        }
        let crop = warp_affine(
            image,
            &crop_from_picture,
            frame,
            Filter::Area,
            Border::Replicate,
        );
        Ok((crop, crop_from_picture))
    }
}

/// Which square of a picture the network sees. Part of a model file, because a model is only as
/// good as the framing it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CropRule {
    /// The smallest square about the whole picture, which is a crop already.
    Whole,
    /// The square in which the box of the labelled keypoints has the place and size that the box
    /// of the *same* points has in `framing`, so that missing labels do not shift the crop.
    /// Size by the longer side, place by the middle. A given box stands for that of all points.
    Framed {
        /// Where each point lies on average, in fractions of the crop's side.
        framing: Vec<[f64; 2]>,
    },
}

impl CropRule {
    /// Framing by the schema's mean positions, or the whole picture where it has none.
    pub fn for_schema(schema: &Schema) -> Self {
        match schema.framing() {
            [] => Self::Whole,
            framing => Self::Framed {
                framing: framing.to_vec(),
            },
        }
    }

    /// The square for a picture with known keypoints or, for want of them, a known face box.
    pub fn square(
        &self,
        image: &Image,
        keypoints: &Keypoints,
        face_box: Option<&BoundingBox>,
    ) -> Result<CropSquare, CropError> {
        let Self::Framed { framing } = self else {
            return Ok(CropSquare::whole(image));
        };
        let at = |i: usize| (framing[i][0], framing[i][1]);
        let labelled = keypoints
            .labelled()
            .map(|(i, _)| i)
            .filter(|i| *i < framing.len());
        let by_points = keypoints
            .bounding_box()
            .zip(BoundingBox::around(labelled.map(at)));
        let by_box = || {
            face_box
                .copied()
                .zip(BoundingBox::around((0..framing.len()).map(at)))
        };
        let usable = |(found, reference): &(BoundingBox, BoundingBox)| {
            found.longer_side() > 0.0 && reference.longer_side() > 0.0
        };
        let (found, reference) = by_points
            .filter(usable)
            .or_else(|| by_box().filter(usable))
            .ok_or(CropError::NothingToFrame)?;
        let side = found.longer_side() / reference.longer_side();
        let (fx, fy) = found.centre();
        let (rx, ry) = reference.centre();
        Ok(CropSquare {
            centre: (fx + (0.5 - rx) * side, fy + (0.5 - ry) * side),
            side,
        })
    }

    /// The sample cut to a `size × size` crop, its points moved along.
    pub fn apply(&self, sample: Sample, size: usize) -> Result<Sample, CropError> {
        let face_box = sample.face_box.as_ref();
        let square = self.square(&sample.image, &sample.keypoints, face_box)?;
        let (image, crop_from_picture) = square.cut(&sample.image, size)?;
        let keypoints = sample.keypoints.map(&crop_from_picture);
        Ok(Sample {
            image,
            keypoints: keypoints.marked_for_frame((size, size)),
            face_box: None,
            ..sample
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keypoint;

    /// The mean face at any place and size comes out in the Kaggle framing, also with labels
    /// missing.
    #[test]
    fn framed_crop_puts_the_mean_face_where_it_belongs() {
        let schema = Schema::kaggle15();
        let rule = CropRule::for_schema(&schema);
        let place = |side: f64, i: usize| {
            let [u, v] = schema.framing()[i];
            Keypoint::new(
                (u * side + 30.0 - 0.5) as f32,
                (v * side + 70.0 - 0.5) as f32,
            )
        };
        for missing in [&[][..], &[13, 14], &[2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]] {
            let keypoints: Keypoints = (0..15)
                .map(|i| match missing.contains(&i) {
                    true => Keypoint::unlabelled(),
                    false => place(200.0, i),
                })
                .collect();
            let sample = Sample::new("mean", Image::filled(300, 400, 1, 7), keypoints);
            let crop = rule.apply(sample, 96).unwrap();
            assert_eq!(crop.image.size(), (96, 96));
            for (i, point) in crop.keypoints.labelled() {
                let [u, v] = schema.framing()[i];
                let expected = Keypoint::new((u * 96.0 - 0.5) as f32, (v * 96.0 - 0.5) as f32);
                assert!(
                    point.distance(&expected) < 1e-3,
                    "{i}: {point:?} {expected:?}"
                );
            }
        }
    }

    #[test]
    fn a_picture_that_is_the_crop_already_stays_to_the_byte() {
        let image = Image::new(3, 3, 1, (0..9).collect()).unwrap();
        let (crop, map) = CropSquare::whole(&image).cut(&image, 3).unwrap();
        assert_eq!((crop, map), (image, Affine::identity()));
    }

    #[test]
    fn points_follow_the_crop() {
        let mut image = Image::filled(120, 90, 1, 0);
        for (x, y) in [(60, 40), (61, 40), (60, 41), (61, 41)] {
            image.pixel_mut(x, y)[0] = 200;
        }
        // From edge 29.5 to 89.5 and 9.5 to 69.5: two by two source pixels are one crop pixel.
        let square = CropSquare {
            centre: (59.5, 39.5),
            side: 60.0,
        };
        let (crop, map) = square.cut(&image, 30).unwrap();
        assert_eq!(map.apply(60.5, 40.5), (15.0, 15.0));
        assert_eq!(crop.pixel(15, 15), &[200]);
        assert_eq!(crop.as_bytes().iter().filter(|b| **b > 0).count(), 1);
    }

    #[test]
    fn without_points_the_box_counts_and_without_both_it_is_an_error() {
        let rule = CropRule::for_schema(&Schema::kaggle15());
        let image = Image::filled(50, 50, 1, 0);
        let none = Keypoints::unlabelled(15);
        assert_eq!(
            rule.square(&image, &none, None),
            Err(CropError::NothingToFrame)
        );
        let face = BoundingBox {
            x: 10.0,
            y: 10.0,
            width: 20.0,
            height: 16.0,
        };
        let square = rule.square(&image, &none, Some(&face)).unwrap();
        assert!((square.side - 20.0 / 0.6652).abs() < 1e-6);
        assert_eq!(square.centre.0, 20.0);
        let flat = BoundingBox {
            x: 0.0,
            y: 0.0,
            width: 0.0,
            height: f64::NAN,
        };
        assert!(CropSquare::about(&flat).is_err());
    }
}
