//! Mean and variance of each channel, gathered image by image while it is in the cache.
#![expect(unsafe_code, reason = "vector loads at computed offsets")]

use super::pair_sums::PairSums;
use crate::layout::{Frame, padded};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Computes the moments of the image in `frame`; `pixels` are its values. `moments`, `[2, depth]`,
/// become the mean of each channel and the sum of squared differences from it.
pub(super) fn of_image(frame: &Frame, pixels: &[f32], moments: &mut [f64]) {
    let depth = padded(frame.channels);
    with_scratch(2 * depth, |recent| {
        dispatch(OfImage {
            frame,
            pixels,
            sums: PairSums::new(recent, moments),
        });
    });
    let count = (frame.h * frame.w) as f64;
    let (means, squares) = moments.split_at_mut(depth);
    for ((mean, square), &pivot) in means.iter_mut().zip(squares).zip(pixels) {
        let (sum, offset) = (*mean, *mean / count);
        *mean = f64::from(pivot) + offset;
        *square = (*square - sum * offset).max(0.0);
    }
}

/// Sums of differences from the first pixel, and of their squares: sums of squares of a channel
/// whose mean is far from 0 would lose the variance to rounding.
struct OfImage<'a> {
    frame: &'a Frame,
    pixels: &'a [f32],
    sums: PairSums<'a>,
}

impl Kernel for OfImage<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            frame,
            pixels,
            mut sums,
        } = self;
        let depth = padded(frame.channels);
        assert!(frame.margin == 0 && pixels.len() == frame.len());
        for y in 0..frame.h {
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: c + LANES <= depth, and the frame has at least one pixel.
                let pivot = unsafe { s.load(pixels.as_ptr().add(c)) };
                let mut pair = sums.load(s, c);
                for x in 0..frame.w {
                    let offset = (y * frame.frame_w + x) * depth + c;
                    // SAFETY: the pixel is inside the frame, whose length is asserted above.
                    let v = s.sub_f32s(unsafe { s.load(pixels.as_ptr().add(offset)) }, pivot);
                    pair.add(s, v, v);
                }
                sums.store(s, c, pair);
            }
            sums.end_of_row(frame.w);
        }
        sums.finish();
    }
}

/// Mean and biased variance of each channel over images of `count` pixels each, from their moments
/// `[images, 2, depth]` (Chan, Golub and LeVeque 1979).
pub(super) fn merge(moments: &[f64], depth: usize, count: usize) -> Vec<[f64; 2]> {
    let images = moments.len() / (2 * depth);
    let channel = |c: usize| {
        let of_images = |c: usize| moments.iter().skip(c).step_by(2 * depth);
        let mean = of_images(c).sum::<f64>() / images as f64;
        let between: f64 = of_images(c).map(|m| (m - mean) * (m - mean)).sum();
        let within: f64 = of_images(depth + c).sum();
        [
            mean,
            between / images as f64 + within / (images * count) as f64,
        ]
    };
    (0..depth).map(channel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_the_definition_also_far_from_zero() {
        let frame = Frame {
            frame_w: 9,
            ..Frame::tight(3, 11, 7)
        };
        let images: Vec<Vec<f32>> = (0..3)
            .map(|n| {
                let value = |i: usize| 1000.0 + ((i * 37 + n * 11) % 101) as f32 * 0.01;
                (0..frame.len()).map(value).collect()
            })
            .collect();
        let mut moments = vec![0.0; 3 * 2 * 16];
        for (moments, image) in moments.chunks_mut(32).zip(&images) {
            of_image(&frame, image, moments);
        }
        for (c, [mean, variance]) in merge(&moments, 16, 77).into_iter().enumerate() {
            let mut values = Vec::new();
            for image in &images {
                for y in 0..11 {
                    values.extend((0..7).map(|x| f64::from(image[(y * 9 + x) * 16 + c])));
                }
            }
            let expected = values.iter().sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|v| (v - expected) * (v - expected));
            let expected_variance = squares.sum::<f64>() / values.len() as f64;
            assert!((mean - expected).abs() < 1e-6, "{mean} {expected}");
            assert!((variance - expected_variance).abs() < 1e-6 * expected_variance);
        }
    }
}
