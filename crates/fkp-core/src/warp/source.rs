//! The source image: as it is passed, and padded for bilinear samples.

use super::border::{self, Border};
use super::coords::{BLOCK, Coords};
use crate::image::check_shape;
use crate::{Channel, Image, ImageError};

/// A borrowed image of `u8` or `f32` channels, `[height, width, channels]` in memory.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    pub(super) data: &'a [T],
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
}

impl<'a, T: Channel> View<'a, T> {
    /// An image from its values.
    ///
    /// # Errors
    /// If a side is zero, the channels are not 1 to 4, or the length does not match the size.
    pub fn new(
        width: usize,
        height: usize,
        channels: usize,
        data: &'a [T],
    ) -> Result<Self, ImageError> {
        check_shape(width, height, channels, data.len())?;
        Ok(Self {
            data,
            width,
            height,
            channels,
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
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }
}

impl<'a> From<&'a Image> for View<'a, u8> {
    fn from(image: &'a Image) -> Self {
        let (width, height) = image.size();
        Self {
            data: image.as_bytes(),
            width,
            height,
            channels: image.channels(),
        }
    }
}

/// An image of at least two by two pixels in which every folded coordinate has four neighbors.
pub(super) struct Source<'a, T> {
    pub(super) data: &'a [T],
    pub(super) width: usize,
    pub(super) height: usize,
    border: Border,
    /// Width and height for the border rule, without padding to the minimum of two pixels.
    folded: (usize, usize),
}

impl<'a, T: Channel> Source<'a, T> {
    /// Copies the image only if the border rule needs pixels outside of it.
    pub(super) fn padded(src: View<'a, T>, border: Border, pad: &'a mut Vec<T>) -> Self {
        let (before, after) = match border {
            Border::Constant(_) => (1, 1),
            Border::Wrap => (0, 1),
            Border::Replicate | Border::Reflect | Border::Reflect101 => (0, 0),
        };
        let folded = (src.width + before + after, src.height + before + after);
        let (width, height) = (folded.0.max(2), folded.1.max(2));
        let source = |data| Self {
            data,
            width,
            height,
            border,
            folded,
        };
        if (width, height) == (src.width, src.height) {
            return source(src.data);
        }
        let channels = src.channels;
        pad.clear();
        pad.resize(width * height * channels, border.constant());
        for (y, row) in pad.chunks_exact_mut(width * channels).enumerate() {
            let Some(from) = border.index(y as i64 - before as i64, src.height) else {
                continue;
            };
            let from = &src.data[from * src.width * channels..][..src.width * channels];
            let start = before * channels;
            row[start..start + from.len()].copy_from_slice(from);
            if !matches!(border, Border::Constant(_)) {
                // The pixel after the last: the first, or the same in an image one pixel wide.
                for x in src.width + before..width {
                    let i = border.index((x - before) as i64, src.width).unwrap_or(0);
                    row[x * channels..][..channels]
                        .copy_from_slice(&from[i * channels..][..channels]);
                }
            }
        }
        source(pad)
    }

    /// Applies the border rule to a block's coordinates.
    #[inline(always)]
    pub(super) fn fold(&self, at: &mut Coords) {
        if self.contains(at) {
            return;
        }
        self.fold_x(&mut at.x);
        self.fold_y(&mut at.y);
    }

    /// Applies the border rule to columns.
    #[inline(always)]
    pub(super) fn fold_x(&self, values: &mut [f32; BLOCK]) {
        border::coordinates(values, self.folded.0, self.border);
    }

    /// Applies the border rule to rows.
    #[inline(always)]
    pub(super) fn fold_y(&self, values: &mut [f32; BLOCK]) {
        border::coordinates(values, self.folded.1, self.border);
    }

    /// Whether a whole block lies inside the image, by its first and last pixel. The margin is for
    /// the rounding of the coordinates between them.
    #[inline(always)]
    fn contains(&self, at: &Coords) -> bool {
        let within = |values: &[f32; BLOCK], len: usize| {
            let inner = 0.01..len as f32 - 1.01;
            inner.contains(&values[0]) && inner.contains(&values[BLOCK - 1])
        };
        // A constant border shifts the coordinates.
        !matches!(self.border, Border::Constant(_))
            && at.in_line
            && within(&at.x, self.folded.0)
            && within(&at.y, self.folded.1)
    }

    /// The same source for the integer code: if the channels are bytes, and 32-bit integers are
    /// large enough for coordinates with 16 fractional bits and for offsets.
    pub(super) fn bytes(&self) -> Option<Source<'_, u8>> {
        let small = self.width < 32_000 && self.height < 32_000 && self.data.len() < (1 << 31);
        let data = T::bytes(self.data).filter(|_| small)?;
        Some(Source {
            data,
            width: self.width,
            height: self.height,
            border: self.border,
            folded: self.folded,
        })
    }
}
