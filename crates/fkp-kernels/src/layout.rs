//! Conversion between candle's layout, channels first (NCHW), and that of the kernels, channels
//! last (NHWC) with the channels padded to whole vectors.
#![expect(
    unsafe_code,
    reason = "blocks of floats are transposed through pointers"
)]

use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// The number of channels, rounded up to whole vectors.
pub(crate) const fn padded(channels: usize) -> usize {
    channels.next_multiple_of(CHANNEL_BLOCK)
}

/// A channels-last image inside a larger frame of zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) channels: usize,
    /// The image's size.
    pub(crate) h: usize,
    pub(crate) w: usize,
    /// The frame's size in pixels.
    pub(crate) frame_h: usize,
    pub(crate) frame_w: usize,
    /// Rows above and columns left of the image.
    pub(crate) margin: usize,
}

impl Frame {
    /// A frame that the image fills.
    pub(crate) const fn tight(channels: usize, h: usize, w: usize) -> Self {
        Self {
            channels,
            h,
            w,
            frame_h: h,
            frame_w: w,
            margin: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.frame_h * self.frame_w * padded(self.channels)
    }

    /// Writes planes `[channels, h, w]` to the frame; everything around the image becomes 0.
    pub(crate) fn pack(&self, planes: &[f32], frame: &mut [f32]) {
        assert_eq!(planes.len(), self.channels * self.h * self.w);
        assert_eq!(frame.len(), self.len());
        assert!(self.is_tight() || self.margin + self.w <= self.frame_w);
        self.clear_margin(frame);
        dispatch(Convert {
            frame: self.as_lines(),
            direction: Direction::Pack,
            from: planes,
            to: frame,
        });
    }

    /// Writes an image without margin to the frame; everything around it becomes 0.
    pub(crate) fn surround(&self, image: &[f32], frame: &mut [f32]) {
        let line = self.w * padded(self.channels);
        assert!(image.len() == self.h * line && frame.len() == self.len());
        self.clear_margin(frame);
        for (y, row) in image.chunks_exact(line).enumerate() {
            self.row_mut(y, frame).copy_from_slice(row);
        }
    }

    /// Writes the image to one without margin.
    pub(crate) fn extract(&self, frame: &[f32], image: &mut [f32]) {
        let line = self.w * padded(self.channels);
        assert!(image.len() == self.h * line && frame.len() == self.len());
        for (y, to) in image.chunks_exact_mut(line).enumerate() {
            to.copy_from_slice(self.row(y, frame));
        }
    }

    /// Adds the image to one without margin.
    pub(crate) fn add_to(&self, frame: &[f32], image: &mut [f32]) {
        let line = self.w * padded(self.channels);
        assert!(image.len() == self.h * line && frame.len() == self.len());
        for (y, to) in image.chunks_exact_mut(line).enumerate() {
            let terms = self.row(y, frame);
            dispatch(Add { terms, to });
        }
    }

    /// Writes zeros to everything around the image.
    pub(crate) fn clear_margin(&self, frame: &mut [f32]) {
        if self.is_tight() {
            return;
        }
        let depth = padded(self.channels);
        for (y, row) in frame.chunks_exact_mut(self.frame_w * depth).enumerate() {
            if y < self.margin || y >= self.margin + self.h {
                row.fill(0.0);
            } else {
                row[..self.margin * depth].fill(0.0);
                row[(self.margin + self.w) * depth..].fill(0.0);
            }
        }
    }

    /// The values of row `y` of the image.
    #[inline(always)]
    pub(crate) fn row<'a>(&self, y: usize, frame: &'a [f32]) -> &'a [f32] {
        &frame[self.row_offset(y)..][..self.w * padded(self.channels)]
    }

    /// As [`Self::row`].
    #[inline(always)]
    pub(crate) fn row_mut<'a>(&self, y: usize, frame: &'a mut [f32]) -> &'a mut [f32] {
        &mut frame[self.row_offset(y)..][..self.w * padded(self.channels)]
    }

    /// Where the pixels are, from the one that is `border` rows above and columns left of the image.
    pub(crate) fn grid(&self, border: usize) -> Grid {
        assert!(border <= self.margin, "the frame has no such border");
        let depth = padded(self.channels);
        let start = self.margin - border;
        Grid {
            start: (start * self.frame_w + start) * depth,
            pixel: depth,
            line: self.frame_w * depth,
        }
    }

    #[inline(always)]
    fn row_offset(&self, y: usize) -> usize {
        ((y + self.margin) * self.frame_w + self.margin) * padded(self.channels)
    }

    /// Writes the image to planes `[channels, h, w]`.
    pub(crate) fn unpack(&self, frame: &[f32], planes: &mut [f32]) {
        assert_eq!(planes.len(), self.channels * self.h * self.w);
        assert_eq!(frame.len(), self.len());
        dispatch(Convert {
            frame: self.as_lines(),
            direction: Direction::Unpack,
            from: frame,
            to: planes,
        });
    }

    /// Whether the image fills the frame.
    pub(crate) fn is_tight(&self) -> bool {
        self.margin == 0 && self.h == self.frame_h && self.w == self.frame_w
    }

    /// The same frame, as a single line where the image fills it.
    fn as_lines(&self) -> Self {
        if self.is_tight() {
            Self::tight(self.channels, 1, self.h * self.w)
        } else {
            *self
        }
    }

    /// For each line of the image and each block of channels: where it starts in the planes and
    /// in the frame, and the number of channels.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self {
            channels,
            h,
            w,
            frame_w,
            margin,
            ..
        } = *self;
        (0..h).flat_map(move |y| {
            (0..channels).step_by(CHANNEL_BLOCK).map(move |first| {
                let offset = ((y + margin) * frame_w + margin) * padded(channels) + first;
                let count = CHANNEL_BLOCK.min(channels - first);
                ((first * h + y) * w, offset, count)
            })
        })
    }
}

/// Adds `terms` to as many values.
pub(crate) struct Add<'a> {
    pub(crate) terms: &'a [f32],
    pub(crate) to: &'a mut [f32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (to, term) in self.to.iter_mut().zip(self.terms) {
            *to += term;
        }
    }
}

/// Where the pixels of an image are in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Offset of the first pixel.
    pub(crate) start: usize,
    /// Values from a pixel to the one to its right, and to the one below.
    pub(crate) pixel: usize,
    pub(crate) line: usize,
}

impl Grid {
    #[inline(always)]
    pub(crate) fn offset(&self, y: usize, x: usize) -> usize {
        self.start + y * self.line + x * self.pixel
    }

    /// Every pixel whose row and column are multiples of `stride`.
    pub(crate) fn every(self, stride: usize) -> Self {
        Self {
            start: self.start,
            pixel: self.pixel * stride,
            line: self.line * stride,
        }
    }

    /// The same from row `y`.
    pub(crate) fn at_row(self, y: usize) -> Self {
        Self {
            start: self.offset(y, 0),
            ..self
        }
    }
}

/// From planes to the frame or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Pack,
    Unpack,
}

/// Where a block of channels is in memory.
#[derive(Clone, Copy)]
struct Block {
    start: usize,
    channel_stride: usize,
    pixel_stride: usize,
}

impl Block {
    #[inline(always)]
    fn at(&self, channel: usize, pixel: usize) -> usize {
        self.start + channel * self.channel_stride + pixel * self.pixel_stride
    }
}

struct Convert<'a> {
    frame: Frame,
    direction: Direction,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for Convert<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            frame,
            direction,
            from: source,
            to: target,
        } = self;
        let (depth, plane, width) = (padded(frame.channels), frame.h * frame.w, frame.w);
        for (in_planes, in_frame, channels) in frame.blocks() {
            let planes = Block {
                start: in_planes,
                channel_stride: plane,
                pixel_stride: 1,
            };
            let pixels = Block {
                start: in_frame,
                channel_stride: 1,
                pixel_stride: depth,
            };
            // The distance of two lines of a transposed block is the other stride, which is not 1.
            let (from, from_stride, to, to_stride) = match direction {
                Direction::Pack => (planes, plane, pixels, depth),
                Direction::Unpack => (pixels, depth, planes, plane),
            };
            if channels < CHANNEL_BLOCK || width < S::F32_LANES {
                let partial = Partial {
                    planes,
                    pixels,
                    channels,
                    width,
                };
                match direction {
                    Direction::Pack => partial.pack(s, source, target),
                    Direction::Unpack => partial.unpack(s, source, target),
                }
                continue;
            }
            assert!(from.at(CHANNEL_BLOCK - 1, width - 1) < source.len());
            assert!(to.at(CHANNEL_BLOCK - 1, width - 1) < target.len());
            for x in starts(width, S::F32_LANES) {
                for c in (0..CHANNEL_BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: asserted above for all channels of the block and all pixels.
                    unsafe {
                        let from = source.as_ptr().add(from.at(c, x));
                        let to = target.as_mut_ptr().add(to.at(c, x));
                        s.transpose(from, from_stride, to, to_stride);
                    }
                }
            }
        }
    }
}

/// A block with fewer channels than a whole one, or a short line of pixels: in squares of
/// `CHANNEL_BLOCK × CHANNEL_BLOCK` values on the stack.
struct Partial {
    planes: Block,
    pixels: Block,
    channels: usize,
    width: usize,
}

type Square = [[f32; CHANNEL_BLOCK]; CHANNEL_BLOCK];

impl Partial {
    #[inline(always)]
    fn pack<S: Simd>(&self, s: S, planes: &[f32], frame: &mut [f32]) {
        let mut by_channel: Square = [[0.0; CHANNEL_BLOCK]; CHANNEL_BLOCK];
        for x in (0..self.width).step_by(CHANNEL_BLOCK) {
            let count = CHANNEL_BLOCK.min(self.width - x);
            for (c, line) in by_channel[..self.channels].iter_mut().enumerate() {
                copy_short(&planes[self.planes.at(c, x)..][..count], line);
            }
            let by_pixel = transposed(s, &by_channel);
            for (i, pixel) in by_pixel[..count].iter().enumerate() {
                frame[self.pixels.at(0, x + i)..][..CHANNEL_BLOCK].copy_from_slice(pixel);
            }
        }
    }

    #[inline(always)]
    fn unpack<S: Simd>(&self, s: S, frame: &[f32], planes: &mut [f32]) {
        let mut by_pixel: Square = [[0.0; CHANNEL_BLOCK]; CHANNEL_BLOCK];
        for x in (0..self.width).step_by(CHANNEL_BLOCK) {
            let count = CHANNEL_BLOCK.min(self.width - x);
            for (i, pixel) in by_pixel[..count].iter_mut().enumerate() {
                pixel.copy_from_slice(&frame[self.pixels.at(0, x + i)..][..CHANNEL_BLOCK]);
            }
            let by_channel = transposed(s, &by_pixel);
            for (c, line) in by_channel[..self.channels].iter().enumerate() {
                copy_short(line, &mut planes[self.planes.at(c, x)..][..count]);
            }
        }
    }
}

#[inline(always)]
fn transposed<S: Simd>(s: S, square: &Square) -> Square {
    let mut result: Square = [[0.0; CHANNEL_BLOCK]; CHANNEL_BLOCK];
    for i in (0..CHANNEL_BLOCK).step_by(S::F32_LANES) {
        for j in (0..CHANNEL_BLOCK).step_by(S::F32_LANES) {
            let from = square.as_flattened()[i * CHANNEL_BLOCK + j..].as_ptr();
            let to = result.as_flattened_mut()[j * CHANNEL_BLOCK + i..].as_mut_ptr();
            // SAFETY: LANES divides CHANNEL_BLOCK, so that the block is inside both squares.
            unsafe { s.transpose(from, CHANNEL_BLOCK, to, CHANNEL_BLOCK) };
        }
    }
    result
}

/// Copies as many values as the shorter slice has, without a call for so few.
#[inline(always)]
fn copy_short(from: &[f32], to: &mut [f32]) {
    if from.len() >= CHANNEL_BLOCK && to.len() >= CHANNEL_BLOCK {
        to[..CHANNEL_BLOCK].copy_from_slice(&from[..CHANNEL_BLOCK]);
        return;
    }
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

/// Where runs of `lanes` pixels start in a line of `width >= lanes`: the last run overlaps the one
/// before, so that it ends with the line.
fn starts(width: usize, lanes: usize) -> impl Iterator<Item = usize> {
    (0..width).step_by(lanes).map(move |x| x.min(width - lanes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_inverted_by_unpacking_and_pads_with_zeros() {
        for (channels, h, w) in [(1, 2, 3), (16, 3, 17), (19, 2, 40), (35, 1, 16)] {
            let frame = Frame {
                channels,
                h,
                w,
                frame_h: h + 3,
                frame_w: w + 2,
                margin: 1,
            };
            let planes: Vec<f32> = (0..channels * h * w).map(|i| i as f32 + 1.0).collect();
            let mut packed = vec![9.0; frame.len()];
            frame.pack(&planes, &mut packed);
            assert_eq!(packed.iter().filter(|v| **v != 0.0).count(), planes.len());
            let depth = padded(channels);
            let last = ((1 + h - 1) * frame.frame_w + 1 + w - 1) * depth + channels - 1;
            assert_eq!(packed[last], planes.len() as f32);
            let mut back = vec![0.0; planes.len()];
            frame.unpack(&packed, &mut back);
            assert_eq!(back, planes);
        }
    }
}
