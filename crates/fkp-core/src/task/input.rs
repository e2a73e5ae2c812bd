//! The input of a network: size, channels and normalization.

use crate::image::planes;
use crate::{Affine, CoordinateFrame, CropError, CropSquare, Image};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Size, channels and normalization of a network's input. Part of a model file.
///
/// A channel value `v` in 0..=255 becomes `(v / 255 − mean) / std`.
///
/// ```
/// use fkp_core::{Image, InputSpec};
/// let spec = InputSpec { mean: 0.5, std: 0.5, ..InputSpec::gray(2) };
/// let mut out = [9.0; 4];
/// spec.fill(&Image::new(2, 2, 1, vec![0, 255, 255, 0])?, &mut out);
/// assert_eq!(out, [-1.0, 1.0, 1.0, -1.0]);
/// # Ok::<(), fkp_core::ImageError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Side of the square input in pixels.
    pub size: usize,
    /// 1 for gray, 3 for RGB.
    pub channels: usize,
    /// Subtracted from values in [0, 1].
    pub mean: f32,
    /// Divides after the subtraction.
    pub std: f32,
}

impl InputSpec {
    /// Gray values in [0, 1].
    pub fn gray(size: usize) -> Self {
        Self {
            size,
            channels: 1,
            mean: 0.0,
            std: 1.0,
        }
    }

    /// The first invalid field and why it is invalid; `None` if all are valid.
    pub fn problem(&self) -> Option<String> {
        let problem = match *self {
            Self { size, .. } if !(1..=4096).contains(&size) => {
                format!("input.size must be in 1..=4096, got {size}")
            }
            Self { channels, .. } if !matches!(channels, 1 | 3) => {
                format!("input.channels must be 1 or 3, got {channels}")
            }
            Self { mean, .. } if !mean.is_finite() => {
                format!("input.mean must be finite, got {mean}")
            }
            Self { std, .. } if !(std.is_finite() && std > 0.0) => {
                format!("input.std must be positive and finite, got {std}")
            }
            _ => return None,
        };
        Some(problem)
    }

    /// The frame of the coordinates that a network predicts.
    pub fn frame(&self) -> CoordinateFrame {
        CoordinateFrame {
            width: self.size,
            height: self.size,
        }
    }

    /// Number of values per image: `channels · size · size`.
    #[expect(clippy::len_without_is_empty, reason = "a valid input is never empty")]
    pub fn len(&self) -> usize {
        self.channels * self.size * self.size
    }

    /// The crop of an image in a square: `size × size` pixels in the input's channels, and the map
    /// from the image to the crop. The image is resampled before it is converted to gray or RGB,
    /// so that the time depends on the size of the face and not on that of the photograph.
    ///
    /// # Errors
    /// If the square does not have a finite positive side.
    pub fn crop(&self, image: &Image, square: &CropSquare) -> Result<(Image, Affine), CropError> {
        let (crop, crop_from_image) = square.crop(image, self.size)?;
        Ok((self.convert_channels(&crop).into_owned(), crop_from_image))
    }

    /// The image in the input's channels; the image itself if it has them.
    #[must_use]
    pub fn convert_channels<'a>(&self, image: &'a Image) -> Cow<'a, Image> {
        match (self.channels, image.channels()) {
            (wanted, given) if wanted == given => Cow::Borrowed(image),
            (1, _) => Cow::Owned(image.to_gray()),
            _ => Cow::Owned(image.to_rgb()),
        }
    }

    /// Writes the network's input for the face in a square of an image: [`Self::crop`], then
    /// [`Self::fill`], the same two steps as in training. Returns the map from the image to the
    /// crop.
    ///
    /// # Errors
    /// If the square does not have a finite positive side.
    ///
    /// # Panics
    /// If `out` has another length than [`Self::len`].
    pub fn preprocess(
        &self,
        image: &Image,
        square: &CropSquare,
        out: &mut [f32],
    ) -> Result<Affine, CropError> {
        let (crop, crop_from_image) = self.crop(image, square)?;
        self.fill(&crop, out);
        Ok(crop_from_image)
    }

    /// Writes the image as `[channels, size, size]`, normalized. The channels are converted where
    /// they differ, without an intermediate image. Allocates nothing.
    ///
    /// # Panics
    /// If the image is not `size × size`, or `out` has another length than [`Self::len`].
    pub fn fill(&self, image: &Image, out: &mut [f32]) {
        assert_eq!(
            image.size(),
            (self.size, self.size),
            "the image does not have the size of the input"
        );
        self.fill_any(image, out);
    }

    /// Writes an image of any size as `[channels, height, width]`, for networks that take it; the
    /// rest as [`Self::fill`].
    ///
    /// # Panics
    /// If `out` has not the length `channels · height · width`.
    pub fn fill_any(&self, image: &Image, out: &mut [f32]) {
        assert_eq!(
            out.len(),
            self.channels * image.width() * image.height(),
            "the slice does not have the length of the input"
        );
        let (scale, offset) = (1.0 / (255.0 * self.std), -self.mean / self.std);
        planes::fill(image, scale, offset, self.channels, out);
    }
}
