//! Histograms of the luma, and the replacement of each level by another.

use super::{Canvas, luma};
use fkp_core::Channel;

/// Number of levels of a histogram.
pub(crate) const BINS: usize = 256;

/// The luma of a pixel as a fraction of white; the first channel where there is no color.
fn brightness<T: Channel>(pixel: &[T]) -> f32 {
    match pixel {
        [r, g, b, ..] => luma([r.to_f32(), g.to_f32(), b.to_f32()]) / T::WHITE,
        [gray, ..] => gray.to_f32() / T::WHITE,
        [] => 0.0,
    }
}

fn level(value: f32) -> usize {
    (value * (BINS - 1) as f32 + 0.5).clamp(0.0, (BINS - 1) as f32) as usize
}

/// The histogram of a rectangle, and its number of pixels.
pub(crate) fn histogram<T: Channel>(
    canvas: &Canvas<'_, T>,
    columns: (usize, usize),
    rows: (usize, usize),
) -> ([f32; BINS], f32) {
    let mut histogram = [0f32; BINS];
    for y in rows.0..rows.1 {
        let start = (y * canvas.width + columns.0) * canvas.channels;
        let len = (columns.1 - columns.0) * canvas.channels;
        for pixel in canvas.data[start..start + len].chunks_exact(canvas.channels) {
            histogram[level(brightness(pixel))] += 1.0;
        }
    }
    let count = ((columns.1 - columns.0) * (rows.1 - rows.0)) as f32;
    (histogram, count)
}

/// Replaces the counts by the new value of each level: the lowest level that occurs becomes 0, the
/// highest 1.
pub(crate) fn cumulate(histogram: &mut [f32; BINS], count: f32) {
    let lowest = histogram.iter().copied().find(|n| *n > 0.0).unwrap_or(0.0);
    let span = count - lowest;
    let mut sum = 0.0;
    for (level, n) in histogram.iter_mut().enumerate() {
        sum += *n;
        *n = match span > 0.0 {
            true => ((sum - lowest) / span).clamp(0.0, 1.0),
            // An image of one level stays as it is.
            false => level as f32 / (BINS - 1) as f32,
        };
    }
}

/// Gives each pixel the new brightness of its level; alpha stays.
pub(crate) fn remap<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    width: usize,
    new: impl Fn(usize, usize, usize) -> f32,
) {
    let channels = canvas.channels;
    let colors = if channels < 3 { 1 } else { 3 };
    for (i, pixel) in canvas.data.chunks_exact_mut(channels).enumerate() {
        let old = brightness(pixel);
        let new = new(i % width, i / width, level(old));
        for value in &mut pixel[..colors] {
            let moved = value.to_f32() / T::WHITE + new - old;
            *value = T::from_f32(moved.clamp(0.0, 1.0) * T::WHITE);
        }
    }
}
