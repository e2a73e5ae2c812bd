//! Images of `u8` or `f32` channels: owned, borrowed, and borrowed to be changed.

mod image_types;

pub use image_types::RasterImage;

use crate::AugmentError;
use fkp_core::Channel;
use fkp_core::warp::View;
use ndarray::ArrayView3;
use std::borrow::Cow;

/// An image of 1 to 4 interleaved channels, `[height, width, channels]` in memory.
///
/// ```
/// use fkp_augment::Raster;
/// let ramp = Raster::new(3, 1, 1, vec![0.0f32, 0.5, 1.0])?;
/// assert_eq!(ramp.pixel(2, 0), &[1.0]);
/// # Ok::<(), fkp_augment::AugmentError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Raster<T> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) data: Vec<T>,
}

impl<T: Channel> Raster<T> {
    /// An image from its values, `[height, width, channels]`.
    ///
    /// # Errors
    /// If a side is zero, the channels are not 1 to 4, or the length is wrong.
    pub fn new(
        width: usize,
        height: usize,
        channels: usize,
        data: Vec<T>,
    ) -> Result<Self, AugmentError> {
        check_shape(width, height, channels, data.len())?;
        Ok(Self {
            width,
            height,
            channels,
            data,
        })
    }

    /// (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Channels per pixel, 1 to 4.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The values, `[height, width, channels]`.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }

    /// The channels of one pixel.
    ///
    /// # Panics
    /// If the pixel is outside the image.
    pub fn pixel(&self, x: usize, y: usize) -> &[T] {
        assert!(x < self.width && y < self.height, "pixel outside");
        let start = (y * self.width + x) * self.channels;
        &self.data[start..start + self.channels]
    }

    /// The values, without a copy.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }
}

/// A read-only image: borrowed if its values are contiguous, else a copy.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterView<'a, T: Clone> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) data: Cow<'a, [T]>,
}

/// An image that a [`CustomStep`](crate::CustomStep) changes in place.
#[derive(Debug)]
pub struct RasterMut<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) data: &'a mut [f32],
}

impl RasterMut<'_> {
    /// (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Channels per pixel, 1 to 4.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The values as fractions of white, `[height, width, channels]`.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.data
    }
}

impl<'a, T: Channel> RasterView<'a, T> {
    /// An image from its values, `[height, width, channels]`.
    ///
    /// # Errors
    /// If a side is zero, the channels are not 1 to 4, or the length is wrong.
    pub fn new(
        width: usize,
        height: usize,
        channels: usize,
        data: impl Into<Cow<'a, [T]>>,
    ) -> Result<Self, AugmentError> {
        let data = data.into();
        check_shape(width, height, channels, data.len())?;
        Ok(Self {
            width,
            height,
            channels,
            data,
        })
    }

    pub(crate) fn view(&self) -> View<'_, T> {
        match View::new(self.width, self.height, self.channels, &self.data) {
            Ok(view) => view,
            Err(error) => unreachable!("the constructor checked the shape: {error}"),
        }
    }
}

/// Borrows a view of shape `[height, width, channels]` in standard layout and copies any other,
/// such as a `[channels, height, width]` array with permuted axes.
///
/// # Errors
/// If an axis is empty or there are more than 4 channels.
impl<'a, T: Channel> TryFrom<ArrayView3<'a, T>> for RasterView<'a, T> {
    type Error = AugmentError;

    fn try_from(view: ArrayView3<'a, T>) -> Result<Self, AugmentError> {
        let (height, width, channels) = view.dim();
        match view.to_slice() {
            Some(slice) => Self::new(width, height, channels, slice),
            None => Self::new(
                width,
                height,
                channels,
                view.iter().copied().collect::<Vec<T>>(),
            ),
        }
    }
}

fn check_shape(
    width: usize,
    height: usize,
    channels: usize,
    len: usize,
) -> Result<(), AugmentError> {
    let expected = width
        .checked_mul(height)
        .and_then(|pixels| pixels.checked_mul(channels));
    if width == 0 || height == 0 || !(1..=4).contains(&channels) || expected != Some(len) {
        return Err(AugmentError::BadImage {
            width,
            height,
            channels,
            len,
        });
    }
    Ok(())
}
