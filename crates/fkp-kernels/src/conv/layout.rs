//! Between candle's layout (one plane per channel) and the kernels' (channels of a pixel side by
//! side, padded to whole vectors).
#![expect(
    unsafe_code,
    reason = "squares of floats are transposed through pointers"
)]

use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Channels padded to whole vectors.
pub(crate) const fn padded(channels: usize) -> usize {
    channels.next_multiple_of(CHANNEL_BLOCK)
}

/// An image with the channels of each pixel side by side, inside a larger frame.
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
    pub(crate) fn len(&self) -> usize {
        self.frame_h * self.frame_w * padded(self.channels)
    }

    /// Fills the frame from planes `[channels, h, w]`; whatever is not image becomes 0.
    pub(crate) fn fill(&self, planes: &[f32], frame: &mut [f32]) {
        assert_eq!(planes.len(), self.channels * self.h * self.w);
        assert_eq!(frame.len(), self.len());
        assert!(self.is_tight() || self.margin + self.w <= self.frame_w);
        let depth = padded(self.channels);
        if !self.is_tight() {
            for (y, row) in frame.chunks_exact_mut(self.frame_w * depth).enumerate() {
                if y < self.margin || y >= self.margin + self.h {
                    row.fill(0.0);
                } else {
                    row[..self.margin * depth].fill(0.0);
                    row[(self.margin + self.w) * depth..].fill(0.0);
                }
            }
        }
        dispatch(Fill {
            frame: self.as_lines(),
            planes,
            pixels: frame,
        });
    }

    /// Writes the image to planes `[channels, h, w]`.
    pub(crate) fn extract(&self, frame: &[f32], planes: &mut [f32]) {
        assert_eq!(planes.len(), self.channels * self.h * self.w);
        assert_eq!(frame.len(), self.len());
        dispatch(Extract {
            frame: self.as_lines(),
            planes,
            pixels: frame,
        });
    }

    /// Whether the image fills the frame.
    fn is_tight(&self) -> bool {
        self.margin == 0 && self.h == self.frame_h && self.w == self.frame_w
    }

    /// The same frame, as one long line where the image fills it.
    fn as_lines(&self) -> Self {
        if self.is_tight() {
            let w = self.h * self.w;
            Self {
                h: 1,
                w,
                frame_h: 1,
                frame_w: w,
                ..*self
            }
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
                let at = ((y + margin) * frame_w + margin) * padded(channels) + first;
                ((first * h + y) * w, at, CHANNEL_BLOCK.min(channels - first))
            })
        })
    }
}

struct Fill<'a> {
    frame: Frame,
    planes: &'a [f32],
    pixels: &'a mut [f32],
}

impl Kernel for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            frame,
            planes,
            pixels,
        } = self;
        let (depth, plane, width) = (padded(frame.channels), frame.h * frame.w, frame.w);
        for (from, to, channels) in frame.blocks() {
            if channels < CHANNEL_BLOCK || width < S::F32_LANES {
                for x in 0..width {
                    let pixel = &mut pixels[to + x * depth..][..CHANNEL_BLOCK];
                    pixel[channels..].fill(0.0);
                    for (c, v) in pixel[..channels].iter_mut().enumerate() {
                        *v = planes[from + c * plane + x];
                    }
                }
                continue;
            }
            assert!(from + (CHANNEL_BLOCK - 1) * plane + width <= planes.len());
            assert!(to + (width - 1) * depth + CHANNEL_BLOCK <= pixels.len());
            for x in starts(width, S::F32_LANES) {
                for c in (0..CHANNEL_BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: asserted above for all channels of the block and all pixels.
                    unsafe {
                        let from = planes.as_ptr().add(from + c * plane + x);
                        let to = pixels.as_mut_ptr().add(to + x * depth + c);
                        s.transpose(from, plane, to, depth);
                    }
                }
            }
        }
    }
}

struct Extract<'a> {
    frame: Frame,
    planes: &'a mut [f32],
    pixels: &'a [f32],
}

impl Kernel for Extract<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            frame,
            planes,
            pixels,
        } = self;
        let (depth, plane, width) = (padded(frame.channels), frame.h * frame.w, frame.w);
        for (to, from, channels) in frame.blocks() {
            if channels < CHANNEL_BLOCK || width < S::F32_LANES {
                for c in 0..channels {
                    for x in 0..width {
                        planes[to + c * plane + x] = pixels[from + x * depth + c];
                    }
                }
                continue;
            }
            assert!(to + (CHANNEL_BLOCK - 1) * plane + width <= planes.len());
            assert!(from + (width - 1) * depth + CHANNEL_BLOCK <= pixels.len());
            for x in starts(width, S::F32_LANES) {
                for c in (0..CHANNEL_BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: asserted above for all channels of the block and all pixels.
                    unsafe {
                        let from = pixels.as_ptr().add(from + x * depth + c);
                        let to = planes.as_mut_ptr().add(to + c * plane + x);
                        s.transpose(from, depth, to, plane);
                    }
                }
            }
        }
    }
}

/// Where squares of `lanes` pixels start in a line of `width >= lanes`: the last one overlaps the
/// one before rather than reach over the end.
fn starts(width: usize, lanes: usize) -> impl Iterator<Item = usize> {
    (0..width).step_by(lanes).map(move |x| x.min(width - lanes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_with_zeros_around() {
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
            let mut inside = vec![9.0; frame.len()];
            frame.fill(&planes, &mut inside);
            assert_eq!(inside.iter().filter(|v| **v != 0.0).count(), planes.len());
            let depth = padded(channels);
            let at = ((1 + h - 1) * frame.frame_w + 1 + w - 1) * depth + channels - 1;
            assert_eq!(inside[at], planes.len() as f32);
            let mut back = vec![0.0; planes.len()];
            frame.extract(&inside, &mut back);
            assert_eq!(back, planes);
        }
    }
}
