//! Gaussian blur by two one-dimensional convolutions, and the border that all blurs share.

use super::Canvas;
use fkp_core::vectors::{self, Kernel};
use fkp_core::{Border, Channel};

/// Blurs by a Gaussian of this standard deviation, first along rows, then along columns. The result
/// is at the start of `canvas.floats`; the image itself stays.
pub(crate) fn gaussian_blur<T: Channel>(canvas: &mut Canvas<'_, T>, sigma_px: f64) {
    let radius = ((3.0 * sigma_px).ceil() as usize).max(1);
    let len = canvas.data.len();
    let padded = (canvas.width + 2 * radius) * canvas.channels;
    let floats = &mut *canvas.floats;
    // The result, the rows after the horizontal pass, one padded row, the kernel.
    floats.clear();
    floats.resize(2 * len + padded + 2 * radius + 1, 0.0);
    let (result, rest) = floats.split_at_mut(len);
    let (horizontal, rest) = rest.split_at_mut(len);
    let (line, kernel) = rest.split_at_mut(padded);
    for (i, weight) in kernel.iter_mut().enumerate() {
        let d = i as f64 - radius as f64;
        *weight = (-d * d / (2.0 * sigma_px * sigma_px)).exp() as f32;
    }
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
    vectors::run(Separable {
        data: canvas.data,
        size: (canvas.width, canvas.height),
        channels: canvas.channels,
        kernel,
        line,
        horizontal,
        result,
    });
}

/// A convolution along rows, then along columns.
struct Separable<'a, T> {
    data: &'a [T],
    size: (usize, usize),
    channels: usize,
    kernel: &'a [f32],
    /// Memory for one padded row.
    line: &'a mut [f32],
    /// 0 at first; then the convolved rows.
    horizontal: &'a mut [f32],
    /// 0 at first.
    result: &'a mut [f32],
}

impl<T: Channel> Kernel for Separable<'_, T> {
    #[inline(always)]
    fn run(self) {
        let (radius, channels, line) = (self.kernel.len() / 2, self.channels, self.line);
        let (width, height) = self.size;
        let row = width * channels;
        let rows = self.data.chunks_exact(row);
        for (src, dst) in rows.zip(self.horizontal.chunks_exact_mut(row)) {
            for (i, value) in line[radius * channels..].iter_mut().zip(src) {
                *i = value.to_f32();
            }
            for d in 1..=radius {
                for c in 0..channels {
                    let at = |x: i64| src[reflect(x, width) * channels + c].to_f32();
                    line[(radius - d) * channels + c] = at(-(d as i64));
                    line[(radius + width + d - 1) * channels + c] = at((width + d - 1) as i64);
                }
            }
            for (k, weight) in self.kernel.iter().enumerate() {
                add_scaled(dst, &line[k * channels..], *weight);
            }
        }
        for (y, dst) in self.result.chunks_exact_mut(row).enumerate() {
            for (k, weight) in self.kernel.iter().enumerate() {
                let from = reflect(y as i64 + k as i64 - radius as i64, height);
                add_scaled(dst, &self.horizontal[from * row..], *weight);
            }
        }
    }
}

/// The pixel in `0..len` that pixel `i` of a mirrored border shows, edge pixels included.
#[inline(always)]
pub(crate) fn reflect(i: i64, len: usize) -> usize {
    Border::Reflect.index(i, len).unwrap_or(0)
}

/// `dst += weight · src`, value by value, up to the length of the shorter one.
#[inline(always)]
pub(crate) fn add_scaled<T: Channel>(dst: &mut [f32], src: &[T], weight: f32) {
    for (dst, src) in dst.iter_mut().zip(src) {
        *dst += weight * src.to_f32();
    }
}
