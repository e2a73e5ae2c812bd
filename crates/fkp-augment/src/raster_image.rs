//! The image types of other crates, to and from a raster.

use crate::{Raster, RasterView};
use fkp_core::{Channel, Image};
use image::{ImageBuffer, Pixel};
use ndarray::{Array2, Array3, Axis};

/// An image type that a drawn augmentation can be applied to.
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
    /// The channels' number format.
    type Channel: Channel;

    /// The image's numbers.
    ///
    /// # Panics
    /// If a side is zero or the channels are not 1 to 4.
    fn as_raster(&self) -> RasterView<'_, Self::Channel>;

    /// An image of this type from a raster with the channels of one of this type.
    fn from_raster(raster: Raster<Self::Channel>) -> Self;
}

impl<T: Channel> RasterImage for Raster<T> {
    type Channel = T;

    fn as_raster(&self) -> RasterView<'_, T> {
        sound(RasterView::new(
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
        sound(RasterView::new(
            width,
            height,
            self.channels(),
            self.as_bytes(),
        ))
    }

    fn from_raster(raster: Raster<u8>) -> Self {
        sound(Image::new(
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
        let numbers = self.as_raw().as_slice();
        sound(RasterView::new(
            width as usize,
            height as usize,
            channels,
            numbers,
        ))
    }

    fn from_raster(raster: Raster<T>) -> Self {
        let (width, height) = (raster.width as u32, raster.height as u32);
        match ImageBuffer::from_raw(width, height, raster.data) {
            Some(buffer) => buffer,
            None => unreachable!("the raster has the channels it came with"),
        }
    }
}

impl<T: Channel> RasterImage for Array3<T> {
    type Channel = T;

    fn as_raster(&self) -> RasterView<'_, T> {
        sound(RasterView::try_from(self.view()))
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
        sound(RasterView::try_from(pixels))
    }

    fn from_raster(raster: Raster<T>) -> Self {
        match Array2::from_shape_vec((raster.height, raster.width), raster.data) {
            Ok(array) => array,
            Err(_) => unreachable!("a gray image stays gray"),
        }
    }
}

fn sound<T, E: std::fmt::Display>(made: Result<T, E>) -> T {
    match made {
        Ok(made) => made,
        Err(error) => panic!("{error}"),
    }
}
