//! Pictures of 8-bit or floating-point channels: owned, and looked at.

use crate::AugmentError;
use ndarray::ArrayView3;
use std::borrow::Cow;

/// A channel's number format: `u8` from 0 to 255, or `f32` from 0 to 1.
pub trait Channel: Copy + Default + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// The value of white: 255 or 1.
    const WHITE: f32;

    /// The number as it is stored.
    fn to_f32(self) -> f32;

    /// The nearest number of this format; `u8` saturates, `f32` is taken as it is.
    fn from_f32(value: f32) -> Self;
}

pub(crate) mod sealed {
    /// Keeps [`super::Channel`] to the formats that every pixel operation knows, and finds the
    /// one that has fast paths.
    pub trait Sealed: Sized {
        /// The bytes, where the format is `u8`.
        fn bytes(data: &[Self]) -> Option<&[u8]>;

        /// The bytes to change, where the format is `u8`.
        fn bytes_mut(data: &mut [Self]) -> Option<&mut [u8]>;
    }
}

impl sealed::Sealed for u8 {
    fn bytes(data: &[u8]) -> Option<&[u8]> {
        Some(data)
    }

    fn bytes_mut(data: &mut [u8]) -> Option<&mut [u8]> {
        Some(data)
    }
}

impl sealed::Sealed for f32 {
    fn bytes(_data: &[f32]) -> Option<&[u8]> {
        None
    }

    fn bytes_mut(_data: &mut [f32]) -> Option<&mut [u8]> {
        None
    }
}

impl Channel for u8 {
    const WHITE: f32 = 255.0;

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        // `as` saturates and takes NaN to 0; half is added to round to nearest.
        (value + 0.5) as u8
    }
}

impl Channel for f32 {
    const WHITE: f32 = 1.0;

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// A picture of 1 to 4 interleaved channels, `[height, width, channels]` in memory.
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
    /// A picture from its numbers.
    ///
    /// # Errors
    /// If a side is zero, the channels are not 1 to 4, or the length does not fit.
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

    /// The numbers, `[height, width, channels]`.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }

    /// The channels of one pixel.
    ///
    /// # Panics
    /// If the pixel lies outside.
    pub fn pixel(&self, x: usize, y: usize) -> &[T] {
        assert!(x < self.width && y < self.height, "pixel outside");
        let start = (y * self.width + x) * self.channels;
        &self.data[start..start + self.channels]
    }

    /// The numbers, without a copy.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// An `ndarray` view of shape `[height, width, channels]`.
    pub fn array_view(&self) -> ArrayView3<'_, T> {
        let shape = (self.height, self.width, self.channels);
        match ArrayView3::from_shape(shape, &self.data) {
            Ok(view) => view,
            Err(_) => unreachable!("the constructor checked the length"),
        }
    }
}

/// A picture that is looked at: borrowed where its numbers lie in order, else a copy.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterView<'a, T: Clone> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) data: Cow<'a, [T]>,
}

impl<'a, T: Channel> RasterView<'a, T> {
    /// A picture from its numbers, `[height, width, channels]`.
    ///
    /// # Errors
    /// If a side is zero, the channels are not 1 to 4, or the length does not fit.
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
}

/// Borrows a view of shape `[height, width, channels]` in standard layout and copies any other,
/// such as a `[channels, height, width]` array seen with its axes permuted.
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
        return Err(AugmentError::BadPicture {
            width,
            height,
            channels,
            len,
        });
    }
    Ok(())
}
