//! Which pixels around an image a convolution reads, and where its input is.

use crate::conv::channels::Channels;
use crate::conv::geometry::Geometry;
use crate::conv::winograd;
use crate::layout::Grid;

/// Input channels up to which planes are read as they are: as pixels they would be padded to 16.
const MAX_PLANES: usize = 4;

/// The pixels that a convolution reads, all of which must be zero outside of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Rows above and columns left of the image.
    pub(crate) border: usize,
    /// Rows and columns from the first of the image on.
    pub(crate) h: usize,
    pub(crate) w: usize,
}

/// Where the input values are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputLayout {
    /// The first pixel is that of the first window.
    pub(crate) grid: Grid,
    /// Values from a channel of a pixel to the next.
    pub(crate) channel: usize,
}

impl Reads {
    pub(crate) fn new(g: &Geometry, channels: Channels) -> Self {
        let (h, w) = match channels {
            Channels::All if winograd::applies(g) => winograd::input_size(g),
            _ => ((g.ho - 1) * g.stride + g.kh, (g.wo - 1) * g.stride + g.kw),
        };
        Self {
            border: g.padding,
            h: h.saturating_sub(g.padding),
            w: w.saturating_sub(g.padding),
        }
    }

    /// Whether a convolution of the network's input reads its planes.
    pub(crate) fn planes(g: &Geometry, channels: Channels) -> bool {
        channels == Channels::All && g.c_in <= MAX_PLANES
    }
}
