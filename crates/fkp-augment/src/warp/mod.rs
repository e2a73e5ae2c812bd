//! Resampling: every destination pixel is taken back to the source and read there.
//!
//! Work goes in blocks of [`BLOCK`] pixels of a row: their source coordinates, the border rule on
//! the coordinates, then the samples. Each stage is a loop over plain arrays that the compiler
//! turns into vector instructions of the processor at hand (chosen at run time by `pulp`). The
//! border rules act on coordinates, not on pixels: repeating an edge is a clamp and a mirror is a
//! triangle wave, so pixels at the edge cost what all others do.

mod area;
mod bicubic;
mod bilinear;
mod bytes;
#[cfg(target_arch = "x86_64")]
mod bytes_avx2;
mod coords;
mod fold;
mod nearest;
mod source;

pub(crate) use coords::Backward;
use coords::Coords;
pub(crate) use source::PadBuffer;
use source::Source;

use crate::raster::Channel;
use crate::vectors;
use fkp_core::Border;
use serde::{Deserialize, Serialize};

/// Pixels handled together.
pub(crate) const BLOCK: usize = 32;

/// How a value between pixel centres is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel: for masks and labels.
    Nearest,
    /// Linear between the four neighbours. 8-bit pictures are read at 1/256 px.
    #[default]
    Bilinear,
    /// Cubic convolution over 4×4 neighbours (Keys 1981, a = −1/2): sharper, may overshoot.
    Bicubic,
    /// Bilinear where the map enlarges; where it shrinks, the mean over the destination pixel's
    /// area (an even grid of bilinear samples), so that nothing aliases.
    Area,
}

/// How a warp reads its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// What lies beyond the picture's edge.
    #[serde(default)]
    pub border: Border,
    /// How a value between pixel centres is found.
    #[serde(default)]
    pub interpolation: Interpolation,
}

/// A picture that is only looked at: the numbers and their shape.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
}

/// Fills `dst`, a picture of `size` with the channels of `src`.
pub(crate) fn warp<T: Channel>(
    src: View<'_, T>,
    backward: &Backward<'_>,
    size: (usize, usize),
    sampling: Sampling,
    pad: &mut PadBuffer<T>,
    dst: &mut Vec<T>,
) {
    // Every number is written below; what was in a recycled buffer does not matter.
    dst.resize(size.0 * size.1 * src.channels, T::default());
    match src.channels {
        1 => in_vectors::<T, 1>(src, backward, size, sampling, pad, dst),
        2 => in_vectors::<T, 2>(src, backward, size, sampling, pad, dst),
        3 => in_vectors::<T, 3>(src, backward, size, sampling, pad, dst),
        _ => in_vectors::<T, 4>(src, backward, size, sampling, pad, dst),
    }
}

fn in_vectors<T: Channel, const C: usize>(
    src: View<'_, T>,
    backward: &Backward<'_>,
    size: (usize, usize),
    sampling: Sampling,
    pad: &mut PadBuffer<T>,
    dst: &mut [T],
) {
    let border = sampling.border;
    let width = size.0;
    match sampling.interpolation {
        Interpolation::Bilinear | Interpolation::Area => {
            let source = Source::padded(src, border, pad);
            let taps = match sampling.interpolation {
                Interpolation::Area => area::taps(backward, size),
                _ => (1, 1),
            };
            if taps != (1, 1) {
                vectors::run(area::Rows::<T, C> {
                    source: &source,
                    backward,
                    width,
                    taps,
                    dst,
                });
            } else if let Some(bytes) = source.bytes()
                && let Some(dst) = T::bytes_mut(dst)
            {
                bytes::Rows::<C> {
                    source: &bytes,
                    backward,
                    width,
                    dst,
                }
                .run_fastest();
            } else {
                vectors::run(bilinear::Rows::<T, C> {
                    source: &source,
                    backward,
                    width,
                    dst,
                });
            }
        }
        Interpolation::Nearest => vectors::run(nearest::Rows::<T, C> {
            src,
            backward,
            width,
            border,
            dst,
        }),
        Interpolation::Bicubic => vectors::run(bicubic::Rows::<T, C> {
            src,
            backward,
            width,
            border,
            dst,
        }),
    }
}

/// The pixel in `0..len` that mirrors pixel `i`, the edge pixel repeated.
pub(crate) fn reflect(i: i64, len: usize) -> usize {
    fold::index(i, len, Border::Reflect).unwrap_or(0)
}
