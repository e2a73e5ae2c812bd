//! A square region of an image, and the crop of it.

use crate::{Affine, Border, BoundingBox, CropError, Filter, Image, warp_affine};
use serde::{Deserialize, Serialize};

/// A square region of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CropSquare {
    /// The center of the square.
    pub center: (f64, f64),
    /// Length of a side in pixels of the image.
    pub side: f64,
}

impl CropSquare {
    /// The smallest square that contains a box, with the same center.
    ///
    /// # Errors
    /// If the box has no area or is not finite.
    pub fn around(given: &BoundingBox) -> Result<Self, CropError> {
        if !given.is_usable() {
            return Err(CropError::BadBox { given: *given });
        }
        Ok(Self {
            center: given.center(),
            side: given.longer_side(),
        })
    }

    /// The smallest square that contains a whole image, with the same center.
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

    /// The map from the image to a `size × size` crop, outer edges to outer edges.
    ///
    /// # Errors
    /// If the square does not have a finite positive side.
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

    /// The crop as a `size × size` image, and the map from the image to it. Averages over pixel
    /// areas where it shrinks; outside the image the edge pixels are repeated.
    ///
    /// # Errors
    /// If the square does not have a finite positive side.
    pub fn crop(&self, image: &Image, size: usize) -> Result<(Image, Affine), CropError> {
        let crop_from_image = self.crop_from_image(size)?;
        let frame = (size, size);
        // An image that is the crop already is returned unchanged.
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
