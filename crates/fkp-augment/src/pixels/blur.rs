//! Blurs along lines and in the plane, and the unsharp mask made of one.

use super::Canvas;
use fkp_core::vectors::{self, Kernel};
use fkp_core::{Border, Channel};

/// Blurs by a Gaussian of this standard deviation, first along rows, then along columns.
pub(super) fn gaussian<T: Channel>(canvas: &mut Canvas<'_, T>, sigma_px: f64) {
    if sigma_px < 0.05 {
        return;
    }
    blurred(canvas, sigma_px);
    for (value, blurred) in canvas.data.iter_mut().zip(canvas.floats.iter()) {
        *value = T::from_f32(*blurred);
    }
}

/// `v + amount·(v − blurred v)` with a Gaussian of 1 px.
pub(super) fn sharpen<T: Channel>(canvas: &mut Canvas<'_, T>, amount: f64) {
    blurred(canvas, 1.0);
    let amount = amount as f32;
    for (value, blurred) in canvas.data.iter_mut().zip(canvas.floats.iter()) {
        let v = value.to_f32();
        *value = T::from_f32((v + amount * (v - blurred)).clamp(0.0, T::WHITE));
    }
}

/// Leaves the blurred image at the head of `canvas.floats`.
fn blurred<T: Channel>(canvas: &mut Canvas<'_, T>, sigma_px: f64) {
    let radius = ((3.0 * sigma_px).ceil() as usize).max(1);
    let len = canvas.data.len();
    let padded = (canvas.width + 2 * radius) * canvas.channels;
    let floats = &mut *canvas.floats;
    // The result, the rows blurred sideways, one padded row, the kernel.
    floats.clear();
    floats.resize(2 * len + padded + 2 * radius + 1, 0.0);
    let (result, rest) = floats.split_at_mut(len);
    let (sideways, rest) = rest.split_at_mut(len);
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
        sideways,
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
    /// 0 before; then the rows convolved.
    sideways: &'a mut [f32],
    /// 0 before.
    result: &'a mut [f32],
}

impl<T: Channel> Kernel for Separable<'_, T> {
    #[inline(always)]
    fn run(self) {
        let (radius, channels, line) = (self.kernel.len() / 2, self.channels, self.line);
        let (width, height) = self.size;
        let row = width * channels;
        let rows = self.data.chunks_exact(row);
        for (src, dst) in rows.zip(self.sideways.chunks_exact_mut(row)) {
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
                add_scaled(dst, &self.sideways[from * row..], *weight);
            }
        }
    }
}

/// The mean of evenly spaced samples along a line through each pixel, each rounded to a pixel.
pub(super) fn motion<T: Channel>(canvas: &mut Canvas<'_, T>, length_px: f64, angle_deg: f64) {
    let (width, height, channels) = (canvas.width, canvas.height, canvas.channels);
    let count = (length_px.round() as usize).max(1);
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let weight = 1.0 / count as f32;
    let data = &*canvas.data;
    let sums = &mut *canvas.floats;
    sums.clear();
    sums.resize(data.len(), 0.0);
    vectors::run(Line {
        data,
        size: (width, height),
        channels,
        offsets: (0..count).map(|tap| {
            let along = tap as f64 - (count as f64 - 1.0) / 2.0;
            ((along * cos).round() as i64, (-along * sin).round() as i64)
        }),
        weight,
        sums,
    });
    for (value, sum) in canvas.data.iter_mut().zip(sums.iter()) {
        *value = T::from_f32(*sum);
    }
}

/// A weighted sum of shifted images.
struct Line<'a, T, I> {
    data: &'a [T],
    size: (usize, usize),
    channels: usize,
    /// Of the images, in pixels.
    offsets: I,
    weight: f32,
    /// 0 before.
    sums: &'a mut [f32],
}

impl<T: Channel, I: Iterator<Item = (i64, i64)>> Kernel for Line<'_, T, I> {
    #[inline(always)]
    fn run(self) {
        let Self {
            data,
            size: (width, height),
            channels,
            offsets,
            weight,
            sums,
        } = self;
        let row = width * channels;
        for (dx, dy) in offsets {
            // The columns whose source lies in the image are one straight run.
            let first = dx.min(0).unsigned_abs().min(width as u64) as usize;
            let last = width - dx.max(0).unsigned_abs().min(width as u64) as usize;
            for (y, dst) in sums.chunks_exact_mut(row).enumerate() {
                let src = &data[reflect(y as i64 + dy, height) * row..][..row];
                for x in (0..first).chain(last.max(first)..width) {
                    let from = reflect(x as i64 + dx, width);
                    for c in 0..channels {
                        dst[x * channels + c] += weight * src[from * channels + c].to_f32();
                    }
                }
                if first < last {
                    let start = (first as i64 + dx) as usize * channels;
                    let dst = &mut dst[first * channels..last * channels];
                    add_scaled(dst, &src[start..], weight);
                }
            }
        }
    }
}

/// The pixel in `0..len` that mirrors pixel `i`, the edge pixel repeated.
#[inline(always)]
fn reflect(i: i64, len: usize) -> usize {
    Border::Reflect.index(i, len).unwrap_or(0)
}

/// `dst += weight · src`, value by value, as far as both go.
#[inline(always)]
fn add_scaled<T: Channel>(dst: &mut [f32], src: &[T], weight: f32) {
    for (dst, src) in dst.iter_mut().zip(src) {
        *dst += weight * src.to_f32();
    }
}
