//! An image that is changed in place, with the memory that this takes.

use fkp_core::Channel;
use fkp_core::warp::{Scratch, View};

/// An image that is changed in place, and buffers kept from one image to the next.
pub(crate) struct Canvas<'a, T> {
    /// The channel values, `[height, width, channels]`.
    pub(crate) data: &'a mut [T],
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    /// Memory for a second image.
    pub(crate) second: &'a mut Vec<T>,
    /// Memory for a third image.
    pub(crate) third: &'a mut Vec<T>,
    /// Memory for intermediate values.
    pub(crate) floats: &'a mut Vec<f32>,
    /// Memory of the resampling.
    pub(crate) scratch: &'a mut Scratch<T>,
}

impl<T: Channel> Canvas<'_, T> {
    /// Replaces the values by those in `floats`, which are in units of the channel type.
    pub(crate) fn set_from_floats(&mut self) {
        for (value, float) in self.data.iter_mut().zip(self.floats.iter()) {
            *value = T::from_f32(*float);
        }
    }
}

/// A view of a buffer that holds an image of this shape.
pub(crate) fn view<T: Channel>(
    data: &[T],
    (width, height): (usize, usize),
    channels: usize,
) -> View<'_, T> {
    match View::new(width, height, channels, data) {
        Ok(view) => view,
        Err(error) => unreachable!("the buffer holds an image of this shape: {error}"),
    }
}
