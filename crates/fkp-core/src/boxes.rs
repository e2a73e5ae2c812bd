//! Boxes around faces, and what of the face each is around.

use serde::{Deserialize, Serialize};

/// An axis-aligned box in pixels. As a region its sides are outer edges: the first pixel of an
/// image starts at −0.5.
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
    /// A box as face detectors and annotation tools give it: x and y count from the image's outer
    /// edge, so that (0, 0) is the corner of the first pixel and not its center.
    ///
    /// ```
    /// let whole = fkp_core::BoundingBox::from_image_edges(0.0, 0.0, 96.0, 96.0);
    /// assert_eq!((whole.x, whole.center()), (-0.5, (47.5, 47.5)));
    /// ```
    pub fn from_image_edges(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self {
            x: x - 0.5,
            y: y - 0.5,
            width,
            height,
        }
    }

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

    /// The center of the box.
    pub fn center(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// The longer of the two sides.
    pub fn longer_side(&self) -> f64 {
        self.width.max(self.height)
    }

    /// √(width · height), the side of a square of the same area.
    pub fn mean_side(&self) -> f64 {
        (self.width * self.height).sqrt()
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

/// What of a face a box is around. Two boxes of one face under two conventions differ by a third
/// of its size, which is more than a network that was trained with one of them can bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxConvention {
    /// The smallest box around the model's keypoints.
    Keypoints,
    /// The face from forehead to chin and from ear to ear, as face detectors and WIDER FACE give
    /// it.
    Face,
    /// The square that the network sees.
    Crop,
}

/// A box with its convention. [`CropRule::square_of`](crate::CropRule::square_of) turns it into
/// the crop that a model was trained with, and [`CropRule::convert`](crate::CropRule::convert)
/// into a box of another convention.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceBox {
    /// What of the face the box is around.
    pub convention: BoxConvention,
    /// Where it is.
    pub bounds: BoundingBox,
}

impl FaceBox {
    /// A box around a model's keypoints.
    pub fn keypoints(bounds: BoundingBox) -> Self {
        Self {
            convention: BoxConvention::Keypoints,
            bounds,
        }
    }

    /// A face from forehead to chin, as detectors give it.
    pub fn face(bounds: BoundingBox) -> Self {
        Self {
            convention: BoxConvention::Face,
            bounds,
        }
    }

    /// The crop itself, without regard to a model's mean_shape.
    pub fn crop(bounds: BoundingBox) -> Self {
        Self {
            convention: BoxConvention::Crop,
            bounds,
        }
    }
}
