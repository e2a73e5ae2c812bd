//! The picture as the bilinear sampler wants it: at least two by two, with the border it needs.

use super::{BLOCK, Coords, View, fold};
use crate::raster::Channel;
use fkp_core::Border;

/// Memory for a padded copy, kept from one picture to the next.
pub(crate) type PadBuffer<T> = Vec<T>;

/// A picture in which every folded coordinate has four neighbours.
pub(crate) struct Source<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) width: usize,
    pub(crate) height: usize,
    border: Border,
    /// Sides that the border rule knows of: what was padded only to reach two is not in it.
    folded: (usize, usize),
}

impl<'a, T: Channel> Source<'a, T> {
    /// Copies the picture only where the border rule needs pixels that are not there.
    pub(crate) fn padded(src: View<'a, T>, border: Border, pad: &'a mut PadBuffer<T>) -> Self {
        let (before, after) = match border {
            Border::Constant(_) => (1, 1),
            Border::Wrap => (0, 1),
            Border::Replicate | Border::Reflect | Border::Reflect101 => (0, 0),
        };
        let folded = (src.width + before + after, src.height + before + after);
        let (width, height) = (folded.0.max(2), folded.1.max(2));
        if (width, height) == (src.width, src.height) {
            return Self {
                data: src.data,
                width,
                height,
                border,
                folded,
            };
        }
        let channels = src.channels;
        let constant = match border {
            Border::Constant(value) => T::from_f32(f32::from(value) / 255.0 * T::WHITE),
            _ => T::default(),
        };
        pad.clear();
        pad.resize(width * height * channels, constant);
        for (y, row) in pad.chunks_exact_mut(width * channels).enumerate() {
            let Some(from) = fold::index(y as i64 - before as i64, src.height, border) else {
                continue;
            };
            let from = &src.data[from * src.width * channels..][..src.width * channels];
            let start = before * channels;
            row[start..start + from.len()].copy_from_slice(from);
            if !matches!(border, Border::Constant(_)) {
                // The pixel behind the last: the first one again, or (one pixel wide) the same.
                for x in src.width + before..width {
                    let i = fold::index((x - before) as i64, src.width, border).unwrap_or(0);
                    row[x * channels..][..channels]
                        .copy_from_slice(&from[i * channels..][..channels]);
                }
            }
        }
        Self {
            data: pad,
            width,
            height,
            border,
            folded,
        }
    }

    /// Applies the border rule to a block's coordinates.
    #[inline(always)]
    pub(crate) fn fold(&self, at: &mut Coords) {
        if self.holds(at) {
            return;
        }
        fold::coordinates(&mut at.x, self.folded.0, self.border);
        fold::coordinates(&mut at.y, self.folded.1, self.border);
    }

    /// Whether a block lies in the picture as it is, by its ends. The margin is for the rounding of
    /// coordinates in between, which may be a little out of line.
    #[inline(always)]
    fn holds(&self, at: &Coords) -> bool {
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

    /// The same source for the fast path, where channels are bytes and the path's integers hold
    /// coordinates with 8 fractional bits and offsets.
    pub(crate) fn bytes(&self) -> Option<Source<'_, u8>> {
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
