//! Axis-aligned boxes in pixels.

use super::Affine;
use serde::{Deserialize, Serialize};

/// An axis-aligned box in pixels, pixel centers at integers: the box of a whole image starts at
/// −0.5, the outer edge of its first pixel.
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
    /// A box in the coordinates of face detectors and annotation tools: x and y are measured from
    /// the outer edge of the image, so that (0, 0) is the corner of the first pixel and not its
    /// center.
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

    /// x, y, width and height in those coordinates, the inverse of [`Self::from_image_edges`].
    ///
    /// ```
    /// let given = fkp_core::BoundingBox::from_image_edges(3.0, 5.0, 20.0, 30.0);
    /// assert_eq!(given.to_image_edges(), [3.0, 5.0, 20.0, 30.0]);
    /// ```
    pub fn to_image_edges(&self) -> [f64; 4] {
        [self.x + 0.5, self.y + 0.5, self.width, self.height]
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

    /// The smallest axis-aligned box around the mapped box.
    ///
    /// ```
    /// use fkp_core::{Affine, BoundingBox};
    /// let given = BoundingBox::from_image_edges(0.0, 0.0, 4.0, 2.0);
    /// let twice = Affine::scale_about((-0.5, -0.5), 2.0, 2.0)?;
    /// assert_eq!(given.map(&twice), BoundingBox::from_image_edges(0.0, 0.0, 8.0, 4.0));
    /// # Ok::<(), fkp_core::AffineError>(())
    /// ```
    #[must_use]
    pub fn map(&self, dst_from_src: &Affine) -> Self {
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        let corners = corners
            .map(|(u, v)| dst_from_src.apply(self.x + u * self.width, self.y + v * self.height));
        Self::around(corners).unwrap_or(*self)
    }

    /// The part of the box that is in an image of `size` = (width, height); without an area if there
    /// is none.
    #[must_use]
    pub fn within(&self, size: (usize, usize)) -> Self {
        let clip = |start: f64, length: f64, side: usize| {
            let (low, high) = (start.max(-0.5), (start + length).min(side as f64 - 0.5));
            (low, (high - low).max(0.0))
        };
        let (x, width) = clip(self.x, self.width, size.0);
        let (y, height) = clip(self.y, self.height, size.1);
        Self {
            x,
            y,
            width,
            height,
        }
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

    /// Intersection over union with another box, from 0 to 1; 0 if neither has an area.
    ///
    /// ```
    /// use fkp_core::BoundingBox;
    /// let square = |x| BoundingBox::from_image_edges(x, 0.0, 10.0, 10.0);
    /// assert_eq!(square(0.0).iou(&square(0.0)), 1.0);
    /// assert_eq!(square(0.0).iou(&square(5.0)), 1.0 / 3.0);
    /// assert_eq!(square(0.0).iou(&square(10.0)), 0.0);
    /// ```
    pub fn iou(&self, other: &Self) -> f64 {
        let overlap = |a: f64, a_side: f64, b: f64, b_side: f64| {
            ((a + a_side).min(b + b_side) - a.max(b)).max(0.0)
        };
        let intersection = overlap(self.x, self.width, other.x, other.width)
            * overlap(self.y, self.height, other.y, other.height);
        let union = self.width * self.height + other.width * other.height - intersection;
        match union > 0.0 {
            true => intersection / union,
            false => 0.0,
        }
    }

    /// Whether the box is finite and has an area.
    pub fn is_usable(&self) -> bool {
        self.is_finite() && self.width > 0.0 && self.height > 0.0
    }

    /// Whether position and size are finite.
    pub(crate) fn is_finite(&self) -> bool {
        let numbers = [self.x, self.y, self.width, self.height];
        numbers.iter().all(|v| v.is_finite())
    }
}
