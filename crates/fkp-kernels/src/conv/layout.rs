//! Between candle's layout (one plane per channel) and the kernels' (channels of a pixel side by
//! side, padded to whole vectors).

use crate::simd::CHANNEL_BLOCK;

/// Channels padded to whole vectors.
pub(crate) const fn padded(channels: usize) -> usize {
    channels.next_multiple_of(CHANNEL_BLOCK)
}

/// A picture with the channels of each pixel side by side, inside a larger frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) channels: usize,
    /// The picture's size.
    pub(crate) h: usize,
    pub(crate) w: usize,
    /// The frame's size in pixels.
    pub(crate) frame_h: usize,
    pub(crate) frame_w: usize,
    /// Rows above and columns left of the picture.
    pub(crate) margin: usize,
}

impl Frame {
    pub(crate) fn len(&self) -> usize {
        self.frame_h * self.frame_w * padded(self.channels)
    }

    /// Fills the frame from planes `[channels, h, w]`; whatever is not picture becomes 0.
    pub(crate) fn fill(&self, planes: &[f32], frame: &mut [f32]) {
        assert_eq!(planes.len(), self.channels * self.h * self.w);
        assert_eq!(frame.len(), self.len());
        let depth = padded(self.channels);
        let line = self.frame_w * depth;
        for (y, row) in frame.chunks_exact_mut(line).enumerate() {
            let Some(y) = y.checked_sub(self.margin).filter(|&y| y < self.h) else {
                row.fill(0.0);
                continue;
            };
            let (left, row) = row.split_at_mut(self.margin * depth);
            left.fill(0.0);
            let shown = self.w.min(self.frame_w - self.margin);
            let (row, right) = row.split_at_mut(shown * depth);
            right.fill(0.0);
            for first in (0..self.channels).step_by(CHANNEL_BLOCK) {
                let block = CHANNEL_BLOCK.min(self.channels - first);
                let source = &planes[(first * self.h + y) * self.w..];
                interleave(
                    source,
                    self.h * self.w,
                    block,
                    &mut row[first..],
                    depth,
                    shown,
                );
            }
        }
    }

    /// Writes the picture to planes `[channels, h, w]`.
    pub(crate) fn extract(&self, frame: &[f32], planes: &mut [f32]) {
        assert_eq!(planes.len(), self.channels * self.h * self.w);
        assert_eq!(frame.len(), self.len());
        let depth = padded(self.channels);
        let plane = self.h * self.w;
        for y in 0..self.h {
            let row = &frame[((y + self.margin) * self.frame_w + self.margin) * depth..];
            for first in (0..self.channels).step_by(CHANNEL_BLOCK) {
                let block = CHANNEL_BLOCK.min(self.channels - first);
                let dst = &mut planes[(first * self.h + y) * self.w..];
                deinterleave(&row[first..], depth, dst, plane, block, self.w);
            }
        }
    }
}

/// `dst[x * depth + c] = src[c * plane + x]` for one block of channels; a block that is not
/// full is completed with 0.
fn interleave(
    src: &[f32],
    plane: usize,
    channels: usize,
    dst: &mut [f32],
    depth: usize,
    width: usize,
) {
    const B: usize = CHANNEL_BLOCK;
    let mut x = 0;
    if channels == B {
        while x + B <= width {
            // A square block at a time: reads and writes both stay in a few cache lines.
            let mut square = [[0.0f32; B]; B];
            for (c, column) in square.iter_mut().enumerate() {
                column.copy_from_slice(&src[c * plane + x..][..B]);
            }
            for i in 0..B {
                let pixel = &mut dst[(x + i) * depth..][..B];
                for (v, column) in pixel.iter_mut().zip(&square) {
                    *v = column[i];
                }
            }
            x += B;
        }
    }
    for x in x..width {
        let pixel = &mut dst[x * depth..][..B];
        pixel[channels..].fill(0.0);
        for (c, v) in pixel[..channels].iter_mut().enumerate() {
            *v = src[c * plane + x];
        }
    }
}

/// `dst[c * plane + x] = src[x * depth + c]` for one block of channels.
fn deinterleave(
    src: &[f32],
    depth: usize,
    dst: &mut [f32],
    plane: usize,
    channels: usize,
    width: usize,
) {
    const B: usize = CHANNEL_BLOCK;
    let mut x = 0;
    while x + B <= width {
        let mut square = [[0.0f32; B]; B];
        for (i, pixel) in square.iter_mut().enumerate() {
            pixel.copy_from_slice(&src[(x + i) * depth..][..B]);
        }
        for c in 0..channels {
            let line = &mut dst[c * plane + x..][..B];
            for (v, pixel) in line.iter_mut().zip(&square) {
                *v = pixel[c];
            }
        }
        x += B;
    }
    for x in x..width {
        for c in 0..channels {
            dst[c * plane + x] = src[x * depth + c];
        }
    }
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
