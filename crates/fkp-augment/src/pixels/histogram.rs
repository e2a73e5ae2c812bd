//! Steps that look at the distribution of values: equalization, CLAHE, standardization.

use super::{Canvas, color};
use fkp_core::Channel;

const BINS: usize = 256;

/// Histogram equalization: each level goes to its cumulative share. Color keeps its chroma: the
/// luma is equalized and its change added to each channel.
pub(super) fn equalize<T: Channel>(canvas: &mut Canvas<'_, T>) {
    let whole = (0, canvas.width);
    let (mut histogram, count) = histogram(canvas, whole, (0, canvas.height));
    cumulate(&mut histogram, count);
    let (width, table) = (canvas.width, histogram);
    remap(canvas, width, |_, _, level| table[level]);
}

/// Contrast-limited adaptive histogram equalization (Zuiderveld 1994): one clipped histogram per
/// tile, blended bilinearly between the tiles' centers.
pub(super) fn clahe<T: Channel>(canvas: &mut Canvas<'_, T>, clip: f64, tiles: usize) {
    let (width, height) = (canvas.width, canvas.height);
    let (nx, ny) = (tiles.min(width), tiles.min(height));
    let edge = |i: usize, n: usize, side: usize| i * side / n;
    let mut tables = std::mem::take(canvas.floats);
    tables.resize(nx * ny * BINS, 0.0);
    for (tile, table) in tables.as_chunks_mut::<BINS>().0.iter_mut().enumerate() {
        let (i, j) = (tile % nx, tile / nx);
        let columns = (edge(i, nx, width), edge(i + 1, nx, width));
        let rows = (edge(j, ny, height), edge(j + 1, ny, height));
        let (mut histogram, count) = histogram(canvas, columns, rows);
        let limit = (clip as f32 * count / BINS as f32).max(1.0);
        let excess: f32 = histogram.iter().map(|n| (n - limit).max(0.0)).sum();
        for n in &mut histogram {
            *n = n.min(limit) + excess / BINS as f32;
        }
        cumulate(&mut histogram, count);
        *table = histogram;
    }
    // The tile whose center lies before a pixel, the next one, and how far in between.
    let between = |x: usize, n: usize, side: usize| {
        let at = ((x as f32 + 0.5) * n as f32 / side as f32 - 0.5).clamp(0.0, (n - 1) as f32);
        let first = at as usize;
        (first, (first + 1).min(n - 1), at - first as f32)
    };
    let by_tile = tables.as_chunks::<BINS>().0;
    remap(canvas, width, |x, y, level| {
        let (i0, i1, fx) = between(x, nx, width);
        let (j0, j1, fy) = between(y, ny, height);
        let row = |j: usize| {
            let (a, b) = (by_tile[j * nx + i0][level], by_tile[j * nx + i1][level]);
            a + (b - a) * fx
        };
        row(j0) + (row(j1) - row(j0)) * fy
    });
    *canvas.floats = tables;
}

/// Mean and standard deviation over all channels set to the given ones; an image of one value
/// gets the mean.
pub(super) fn standardize<T: Channel>(canvas: &mut Canvas<'_, T>, mean: f64, std: f64) {
    let count = canvas.data.len() as f64;
    let values = || canvas.data.iter().map(|v| f64::from(v.to_f32() / T::WHITE));
    let found = values().sum::<f64>() / count;
    let variance = values().map(|v| (v - found).powi(2)).sum::<f64>() / count;
    let scale = if variance > 1e-12 {
        std / variance.sqrt()
    } else {
        0.0
    };
    for value in canvas.data.iter_mut() {
        let v = f64::from(value.to_f32() / T::WHITE);
        let v = ((v - found) * scale + mean).clamp(0.0, 1.0);
        *value = T::from_f32(v as f32 * T::WHITE);
    }
}

/// The luma of a pixel as a fraction of white; the first channel where there is no color.
fn brightness<T: Channel>(pixel: &[T]) -> f32 {
    match pixel {
        [r, g, b, ..] => color::luma([r.to_f32(), g.to_f32(), b.to_f32()]) / T::WHITE,
        [gray, ..] => gray.to_f32() / T::WHITE,
        [] => 0.0,
    }
}

fn level(value: f32) -> usize {
    (value * (BINS - 1) as f32 + 0.5).clamp(0.0, (BINS - 1) as f32) as usize
}

/// How many pixels of a rectangle have each level, and how many there are.
fn histogram<T: Channel>(
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

/// From counts to the new value of each level: 0 for the lowest level there is, 1 for the highest.
fn cumulate(histogram: &mut [f32; BINS], count: f32) {
    let lowest = histogram.iter().copied().find(|n| *n > 0.0).unwrap_or(0.0);
    let span = count - lowest;
    let mut sum = 0.0;
    for (level, n) in histogram.iter_mut().enumerate() {
        sum += *n;
        *n = match span > 0.0 {
            true => ((sum - lowest) / span).clamp(0.0, 1.0),
            // One level only: nothing to spread.
            false => level as f32 / (BINS - 1) as f32,
        };
    }
}

/// Gives each pixel the new brightness of its level; alpha stays.
fn remap<T: Channel>(
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
