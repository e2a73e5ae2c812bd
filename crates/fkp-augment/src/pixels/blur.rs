//! Blurs along lines and in the plane, and the unsharp mask made of one.

use super::Canvas;
use fkp_core::Border;
use fkp_core::Channel;
use fkp_core::vectors::{self, Kernel};

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

/// Leaves the blurred picture at the head of `canvas.floats`.
fn blurred<T: Channel>(canvas: &mut Canvas<'_, T>, sigma_px: f64) {
    let radius = ((3.0 * sigma_px).ceil() as usize).max(1);
    let (row, len) = (canvas.width * canvas.channels, canvas.data.len());
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
    let (width, height, channels) = (canvas.width, canvas.height, canvas.channels);
    let data = &*canvas.data;
    let rows = data.chunks_exact(row).zip(sideways.chunks_exact_mut(row));
    for (src, dst) in rows {
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
        for (k, weight) in kernel.iter().enumerate() {
            add_scaled(dst, &line[k * channels..], *weight);
        }
    }
    for (y, dst) in result.chunks_exact_mut(row).enumerate() {
        for (k, weight) in kernel.iter().enumerate() {
            let from = reflect(y as i64 + k as i64 - radius as i64, height);
            add_scaled(dst, &sideways[from * row..], *weight);
        }
    }
}

/// The mean of evenly spaced samples along a line through each pixel, each rounded to a pixel.
pub(super) fn motion<T: Channel>(canvas: &mut Canvas<'_, T>, length_px: f64, angle_deg: f64) {
    let (width, height, channels) = (canvas.width, canvas.height, canvas.channels);
    let row = width * channels;
    let count = (length_px.round() as usize).max(1);
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let weight = 1.0 / count as f32;
    let data = &*canvas.data;
    let sums = &mut *canvas.floats;
    sums.clear();
    sums.resize(data.len(), 0.0);
    for tap in 0..count {
        let along = tap as f64 - (count as f64 - 1.0) / 2.0;
        let dx = (along * cos).round() as i64;
        let dy = (-along * sin).round() as i64;
        // The columns whose source lies in the picture are one straight run.
        let first = dx.min(0).unsigned_abs().min(width as u64) as usize;
        let last = width - dx.max(0).unsigned_abs().min(width as u64) as usize;
        for (y, dst) in sums.chunks_exact_mut(row).enumerate() {
            let src = &data[reflect(y as i64 + dy, height) * row..][..row];
            let mut edge = |x: usize| {
                let from = reflect(x as i64 + dx, width);
                for c in 0..channels {
                    dst[x * channels + c] += weight * src[from * channels + c].to_f32();
                }
            };
            (0..first).for_each(&mut edge);
            (last.max(first)..width).for_each(&mut edge);
            if first < last {
                let start = (first as i64 + dx) as usize * channels;
                add_scaled(
                    &mut dst[first * channels..last * channels],
                    &src[start..],
                    weight,
                );
            }
        }
    }
    for (value, sum) in canvas.data.iter_mut().zip(sums.iter()) {
        *value = T::from_f32(*sum);
    }
}

/// The pixel in `0..len` that mirrors pixel `i`, the edge pixel repeated.
fn reflect(i: i64, len: usize) -> usize {
    Border::Reflect.index(i, len).unwrap_or(0)
}

/// `dst += weight · src`, value by value, as far as both go.
fn add_scaled<T: Channel>(dst: &mut [f32], src: &[T], weight: f32) {
    vectors::run(AddScaled { dst, src, weight });
}

struct AddScaled<'a, T> {
    dst: &'a mut [f32],
    src: &'a [T],
    weight: f32,
}

impl<T: Channel> Kernel for AddScaled<'_, T> {
    #[inline(always)]
    fn run(self) {
        for (dst, src) in self.dst.iter_mut().zip(self.src) {
            *dst += self.weight * src.to_f32();
        }
    }
}
