//! Conversions between a raster and the image types of other crates.

use crate::{Raster, RasterView};
use fkp_core::{Channel, Image};
use image::{ImageBuffer, Pixel};
use ndarray::{Array2, Array3, Axis};

/// An image type that a [`Replay`](crate::Replay) can be applied to.
///
/// There are implementations for [`fkp_core::Image`], every `image::ImageBuffer` whose channels
/// are `u8` or `f32`, `ndarray` arrays `[height, width, channels]` and `[height, width]`, and
/// [`Raster`] itself. For an `ndarray` view there is [`crate::Replay::raster`].
///
/// ```
/// use fkp_augment::{RasterImage, Raster, RasterView};
/// /// 64×64 bytes.
/// struct Icon(Vec<u8>);
/// impl RasterImage for Icon {
///     type Channel = u8;
///     fn as_raster(&self) -> RasterView<'_, u8> {
///         RasterView::new(64, 64, 1, self.0.as_slice()).expect("64×64 bytes")
///     }
///     fn from_raster(raster: Raster<u8>) -> Self {
///         Icon(raster.into_vec())
///     }
/// }
/// ```
pub trait RasterImage: Sized {
    /// The type of a channel value.
    type Channel: Channel;

    /// The image as a raster.
    ///
    /// # Panics
    /// If a side is zero or the channels are not 1 to 4.
    fn as_raster(&self) -> RasterView<'_, Self::Channel>;

    /// An image of this type from a raster, which has the number of channels of the original image.
    fn from_raster(raster: Raster<Self::Channel>) -> Self;
}

impl<T: Channel> RasterImage for Raster<T> {
    type Channel = T;

    fn as_raster(&self) -> RasterView<'_, T> {
        valid(RasterView::new(
            self.width,
            self.height,
            self.channels,
            &self.data,
        ))
    }

    fn from_raster(raster: Raster<T>) -> Self {
        raster
    }
}

impl RasterImage for Image {
    type Channel = u8;

    fn as_raster(&self) -> RasterView<'_, u8> {
        let (width, height) = self.size();
        valid(RasterView::new(
            width,
            height,
            self.channels(),
            self.as_bytes(),
        ))
    }

    fn from_raster(raster: Raster<u8>) -> Self {
        valid(Image::new(
            raster.width,
            raster.height,
            raster.channels,
            raster.data,
        ))
    }
}

impl<T, P> RasterImage for ImageBuffer<P, Vec<T>>
where
    T: Channel + image::Primitive,
    P: Pixel<Subpixel = T>,
{
    type Channel = T;

    fn as_raster(&self) -> RasterView<'_, T> {
        let (width, height) = self.dimensions();
        let channels = usize::from(P::CHANNEL_COUNT);
        let values = self.as_raw().as_slice();
        valid(RasterView::new(
            width as usize,
            height as usize,
            channels,
            values,
        ))
    }

    fn from_raster(raster: Raster<T>) -> Self {
        let (width, height) = (raster.width as u32, raster.height as u32);
        match ImageBuffer::from_raw(width, height, raster.data) {
            Some(buffer) => buffer,
            None => unreachable!("the raster has as many channels as before"),
        }
    }
}

impl<T: Channel> RasterImage for Array3<T> {
    type Channel = T;

    fn as_raster(&self) -> RasterView<'_, T> {
        valid(RasterView::try_from(self.view()))
    }

    fn from_raster(raster: Raster<T>) -> Self {
        let shape = (raster.height, raster.width, raster.channels);
        match Array3::from_shape_vec(shape, raster.data) {
            Ok(array) => array,
            Err(_) => unreachable!("the constructor checked the length"),
        }
    }
}

impl<T: Channel> RasterImage for Array2<T> {
    type Channel = T;

    fn as_raster(&self) -> RasterView<'_, T> {
        let pixels = self.view().insert_axis(Axis(2));
        valid(RasterView::try_from(pixels))
    }

    fn from_raster(raster: Raster<T>) -> Self {
        match Array2::from_shape_vec((raster.height, raster.width), raster.data) {
            Ok(array) => array,
            Err(_) => unreachable!("a gray image stays gray"),
        }
    }
}

fn valid<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(result) => result,
        Err(error) => panic!("{error}"),
    }
}
