//! Images: interleaved 8-bit channels, row by row.

mod channel;
mod decode;
mod gray;
mod jpeg;
pub(crate) mod planes;

pub use channel::Channel;
pub use decode::{DecodeError, MAX_PIXELS, decode_image, decode_upright};

use crate::fnv1a;
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

/// The size of an image is invalid or does not match its bytes.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The length of the buffer is not `width · height · channels`.
    #[error("{width}×{height} pixels of {channels} channels take {expected} bytes, got {actual}")]
    WrongLength {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Channels per pixel.
        channels: usize,
        /// Number of bytes for that size.
        expected: usize,
        /// Length of the buffer.
        actual: usize,
    },
    /// A side is zero, or the channels are not 1 to 4.
    #[error("an image of {width}×{height} pixels with {channels} channels is not supported")]
    Unsupported {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Channels per pixel.
        channels: usize,
    },
}

crate::debug_as_sentence!(ImageError);

/// An 8-bit image of 1 to 4 interleaved channels, `[height, width, channels]` in memory.
///
/// The number of channels is a value rather than a type, because it depends on the data set.
/// Conversions from and to the `image` crate's buffers do not copy where the layout is the same.
///
/// ```
/// let image = fkp_core::Image::new(3, 1, 1, vec![10, 20, 30])?;
/// assert_eq!(image.pixel(2, 0), &[30]);
/// # Ok::<(), fkp_core::ImageError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    channels: usize,
    data: Vec<u8>,
}

impl Image {
    /// An image from its bytes.
    pub fn new(
        width: usize,
        height: usize,
        channels: usize,
        data: Vec<u8>,
    ) -> Result<Self, ImageError> {
        check_shape(width, height, channels, data.len())?;
        Ok(Self {
            width,
            height,
            channels,
            data,
        })
    }

    /// An image with this value in every channel of every pixel.
    ///
    /// # Panics
    /// If a side is zero or the channels are not 1 to 4.
    pub fn filled(width: usize, height: usize, channels: usize, value: u8) -> Self {
        Self::valid(
            width,
            height,
            channels,
            vec![value; width * height * channels],
        )
    }

    /// An image from bytes of the right number.
    ///
    /// # Panics
    /// If a side is zero or the channels are not 1 to 4.
    pub(crate) fn valid(width: usize, height: usize, channels: usize, data: Vec<u8>) -> Self {
        match Self::new(width, height, channels, data) {
            Ok(image) => image,
            Err(error) => panic!("{error}"),
        }
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Channels per pixel, 1 to 4.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The center of the image, `((w−1)/2, (h−1)/2)`.
    pub fn center(&self) -> (f64, f64) {
        (
            (self.width as f64 - 1.0) / 2.0,
            (self.height as f64 - 1.0) / 2.0,
        )
    }

    /// The bytes, `[height, width, channels]`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// The bytes, `[height, width, channels]`, mutable.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.data
    }

    /// The channels of one pixel.
    ///
    /// # Panics
    /// If the pixel is outside the image.
    pub fn pixel(&self, x: usize, y: usize) -> &[u8] {
        assert!(x < self.width && y < self.height, "pixel outside the image");
        let start = (y * self.width + x) * self.channels;
        &self.data[start..start + self.channels]
    }

    /// The channels of one pixel, mutable.
    ///
    /// # Panics
    /// If the pixel is outside the image.
    pub fn pixel_mut(&mut self, x: usize, y: usize) -> &mut [u8] {
        assert!(x < self.width && y < self.height, "pixel outside the image");
        let start = (y * self.width + x) * self.channels;
        &mut self.data[start..start + self.channels]
    }

    /// One gray channel by the Rec. 601 weights 0.299, 0.587, 0.114 (OpenCV's and Pillow's).
    /// Alpha is ignored.
    pub fn to_gray(&self) -> Self {
        if self.channels == 1 {
            return self.clone();
        }
        Self {
            channels: 1,
            data: gray::gray(&self.data, self.channels),
            ..*self
        }
    }

    /// Three color channels; gray is repeated, alpha dropped.
    pub fn to_rgb(&self) -> Self {
        let data = self
            .data
            .chunks_exact(self.channels)
            .flat_map(|pixel| match *pixel {
                [r, g, b, ..] => [r, g, b],
                [gray, ..] => [gray; 3],
                [] => [0; 3],
            })
            .collect();
        Self {
            channels: 3,
            data,
            ..*self
        }
    }

    /// A 64-bit FNV-1a hash of size and bytes, stable across runs and machines.
    ///
    /// Splits group by it where the person is not known, so that copies of an image stay together.
    pub fn content_hash(&self) -> u64 {
        let size = [self.width, self.height, self.channels];
        let head = size.iter().flat_map(|side| (*side as u64).to_le_bytes());
        fnv1a(head.chain(self.data.iter().copied()))
    }
}

impl From<DynamicImage> for Image {
    /// Gray stays gray, everything else becomes 8-bit RGB.
    ///
    /// # Panics
    /// If a side is zero.
    fn from(image: DynamicImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        match image.color().has_color() {
            false => Self::valid(width, height, 1, image.into_luma8().into_raw()),
            true => Self::valid(width, height, 3, image.into_rgb8().into_raw()),
        }
    }
}

impl From<Image> for DynamicImage {
    fn from(image: Image) -> Self {
        let (width, height) = (image.width as u32, image.height as u32);
        let buffer = match image.channels {
            1 => GrayImage::from_raw(width, height, image.data).map(Self::ImageLuma8),
            2 => image::GrayAlphaImage::from_raw(width, height, image.data).map(Self::ImageLumaA8),
            3 => RgbImage::from_raw(width, height, image.data).map(Self::ImageRgb8),
            _ => RgbaImage::from_raw(width, height, image.data).map(Self::ImageRgba8),
        };
        match buffer {
            Some(buffer) => buffer,
            None => unreachable!("the constructor checked the length"),
        }
    }
}

/// Checks that an image may have this shape and that it has `len` values.
pub(crate) fn check_shape(
    width: usize,
    height: usize,
    channels: usize,
    len: usize,
) -> Result<(), ImageError> {
    if width == 0 || height == 0 || !(1..=4).contains(&channels) {
        return Err(ImageError::Unsupported {
            width,
            height,
            channels,
        });
    }
    let expected = width
        .checked_mul(height)
        .and_then(|pixels| pixels.checked_mul(channels))
        .unwrap_or(usize::MAX);
    if len != expected {
        return Err(ImageError::WrongLength {
            width,
            height,
            channels,
            expected,
            actual: len,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_lengths_and_empty_images_are_refused() {
        assert!(matches!(
            Image::new(2, 2, 1, vec![0; 3]),
            Err(ImageError::WrongLength {
                expected: 4,
                actual: 3,
                ..
            })
        ));
        assert!(Image::new(0, 2, 1, vec![]).is_err());
        assert!(Image::new(1, 1, 5, vec![0; 5]).is_err());
        assert!(Image::new(usize::MAX, 2, 1, vec![]).is_err());
    }

    #[test]
    fn gray_uses_the_rec601_weights() {
        let red = Image::new(1, 1, 3, vec![255, 0, 0]).unwrap();
        assert_eq!(red.to_gray().as_bytes(), &[76]);
        let white = Image::new(1, 1, 3, vec![255; 3]).unwrap();
        assert_eq!(white.to_gray().as_bytes(), &[255]);
    }

    #[test]
    fn buffers_of_the_image_crate_round_trip() {
        let image = Image::new(2, 1, 3, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let buffer = DynamicImage::from(image.clone());
        assert_eq!(Image::from(buffer), image);
    }
}
