//! Resizing: x ↦ (x + 0.5)·s − 0.5, as everywhere in this workspace.

use super::{Raster, accumulate};

/// How pixels of another size are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resampling {
    /// The average over the area of the pixel.
    Area,
    /// The average with weights that decrease linearly to 0 at the centers of the adjacent pixels.
    /// Unlike [`Resampling::Area`] it keeps the position of things smaller than a pixel.
    Tent,
    /// The nearest pixel.
    Nearest,
    /// Linear interpolation.
    Bilinear,
    /// Cubic interpolation (Keys, *Cubic convolution interpolation*, 1981, a = −0.5).
    Bicubic,
}

/// The image at another size.
pub(crate) fn resized(raster: &Raster, size: usize, resampling: Resampling) -> Raster {
    if size == raster.size {
        return raster.clone();
    }
    let taps = Taps::new(raster.size, size, resampling);
    let channels = raster.channels;
    let mut result = Raster::zeros(size, channels);
    let rows = result.data.chunks_exact_mut(size * channels).enumerate();
    if size < raster.size {
        let mut row = vec![0.0; raster.row_len()];
        for (y, out) in rows {
            taps.down(&raster.data, y, &mut row);
            taps.across(&row, out, channels);
        }
    } else {
        // The fewer rows are enlarged along x.
        let mut wide = vec![0.0; raster.size * size * channels];
        let lines = raster.data.chunks_exact(raster.row_len());
        for (out, row) in wide.chunks_exact_mut(size * channels).zip(lines) {
            taps.across(row, out, channels);
        }
        for (y, out) in rows {
            taps.down(&wide, y, out);
        }
    }
    result
}

/// For each position of the result the run of positions it depends on, and their weights.
struct Taps {
    per_position: usize,
    starts: Vec<usize>,
    weights: Vec<f32>,
}

impl Taps {
    fn new(from: usize, to: usize, resampling: Resampling) -> Self {
        let scale = from as f32 / to as f32;
        let per_position = match resampling {
            Resampling::Area => scale.ceil() as usize + 1,
            Resampling::Tent => (2.0 * scale.max(1.0)).ceil() as usize + 1,
            Resampling::Nearest => 1,
            Resampling::Bilinear => 2,
            Resampling::Bicubic => 4,
        };
        let mut taps = Self {
            per_position: per_position.min(from),
            starts: Vec::with_capacity(to),
            weights: Vec::with_capacity(to * per_position),
        };
        let mut weights = vec![0.0; per_position];
        for i in 0..to {
            let center = (i as f32 + 0.5) * scale - 0.5;
            let base = center.floor();
            let t = center - base;
            let first = match resampling {
                Resampling::Area => area(i as f32 * scale, scale, &mut weights),
                Resampling::Tent => tent(center, scale.max(1.0), &mut weights),
                Resampling::Nearest => {
                    weights.copy_from_slice(&[1.0]);
                    center.round()
                }
                Resampling::Bilinear => {
                    weights.copy_from_slice(&[1.0 - t, t]);
                    base
                }
                Resampling::Bicubic => {
                    weights.copy_from_slice(&cubic(t));
                    base - 1.0
                }
            };
            taps.push(first as isize, &weights, from);
        }
        taps
    }

    /// Weights for the pixels from `first` on. Those beyond the edge count for the pixel at the
    /// edge.
    fn push(&mut self, first: isize, weights: &[f32], from: usize) {
        let start = first.clamp(0, (from - self.per_position) as isize);
        let offset = self.weights.len();
        self.weights.resize(offset + self.per_position, 0.0);
        for (k, weight) in weights.iter().enumerate() {
            let index = (first + k as isize).clamp(0, from as isize - 1);
            let place = (index - start).clamp(0, self.per_position as isize - 1);
            self.weights[offset + place as usize] += weight;
        }
        self.starts.push(start as usize);
    }

    fn of(&self, position: usize) -> (usize, &[f32]) {
        let range = position * self.per_position..(position + 1) * self.per_position;
        (self.starts[position], &self.weights[range])
    }

    /// Row y of the result from all rows.
    fn down(&self, data: &[f32], y: usize, out: &mut [f32]) {
        let (start, weights) = self.of(y);
        let rows = data[start * out.len()..].chunks_exact(out.len());
        out.fill(0.0);
        for (row, weight) in rows.zip(weights) {
            accumulate(out, row, *weight);
        }
    }

    /// A row of the result from a row.
    fn across(&self, row: &[f32], out: &mut [f32], channels: usize) {
        match (channels, self.per_position) {
            (1, 2) => self.across_n::<1, 2>(row, out),
            (1, 3) => self.across_n::<1, 3>(row, out),
            (1, 4) => self.across_n::<1, 4>(row, out),
            (3, 2) => self.across_n::<3, 2>(row, out),
            (3, 3) => self.across_n::<3, 3>(row, out),
            (3, 4) => self.across_n::<3, 4>(row, out),
            (1, _) => self.across_any::<1>(row, out),
            _ => self.across_any::<3>(row, out),
        }
    }

    /// For C channels and N weights per position.
    fn across_n<const C: usize, const N: usize>(&self, row: &[f32], out: &mut [f32]) {
        let (pixels, _) = row.as_chunks::<C>();
        let (out, _) = out.as_chunks_mut::<C>();
        let (weights, _) = self.weights.as_chunks::<N>();
        for ((out, start), weights) in out.iter_mut().zip(&self.starts).zip(weights) {
            if let Some(run) = pixels[*start..].first_chunk::<N>() {
                *out = std::array::from_fn(|c| {
                    let mut sum = 0.0;
                    for k in 0..N {
                        sum += weights[k] * run[k][c];
                    }
                    sum
                });
            }
        }
    }

    fn across_any<const C: usize>(&self, row: &[f32], out: &mut [f32]) {
        let (pixels, _) = row.as_chunks::<C>();
        let (out, _) = out.as_chunks_mut::<C>();
        for (x, out) in out.iter_mut().enumerate() {
            let (start, weights) = self.of(x);
            let mut sum = [0.0; C];
            for (weight, pixel) in weights.iter().zip(&pixels[start..]) {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += weight * value;
                }
            }
            *out = sum;
        }
    }
}

/// The weights of the pixels between the edges `start` and `start + scale`, and the first of them.
fn area(start: f32, scale: f32, weights: &mut [f32]) -> f32 {
    let first = start.floor();
    for (k, weight) in weights.iter_mut().enumerate() {
        let low = first + k as f32;
        let covered = (start + scale).min(low + 1.0) - start.max(low);
        *weight = covered.max(0.0) / scale;
    }
    first
}

/// The weights of the pixels less than `scale` from `center`, and the first of them.
fn tent(center: f32, scale: f32, weights: &mut [f32]) -> f32 {
    let first = (center - scale).ceil();
    for (k, weight) in weights.iter_mut().enumerate() {
        *weight = (1.0 - (first + k as f32 - center).abs() / scale).max(0.0);
    }
    let total: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    first
}

fn cubic(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::testing::{dot, moments};

    #[test]
    fn a_reduced_and_an_enlarged_dot_is_where_it_was() {
        // A dot of 8×8 pixels that ends at pixel edges of the reduced image.
        let mut raster = dot(64, 3, 24, 32);
        for y in 32..40 {
            for x in 24..32 {
                raster.data[(y * 64 + x) * 3] = 1.0;
            }
        }
        for (size, enlarge) in [
            (32, Resampling::Bilinear),
            (16, Resampling::Bicubic),
            (24, Resampling::Bicubic),
            (32, Resampling::Nearest),
        ] {
            let small = resized(&raster, size, Resampling::Area);
            let scale = 64.0 / size as f32;
            let [sum, x, y] = moments(&small);
            assert!((sum * scale * scale - 64.0).abs() < 0.1);
            let position = |v: f32| (v + 0.5) * scale - 0.5;
            assert!((position(x) - 27.5).abs() < 0.02 && (position(y) - 35.5).abs() < 0.02);
            let [sum, x, y] = moments(&resized(&small, 64, enlarge));
            assert!((sum - 64.0).abs() < 0.5, "{sum}");
            assert!((x - 27.5).abs() < 0.1 && (y - 35.5).abs() < 0.1, "{x} {y}");
        }
    }

    #[test]
    fn weights_sum_to_one() {
        for (from, to) in [(96, 96), (96, 31), (31, 96), (5, 4), (100, 7)] {
            for resampling in [
                Resampling::Area,
                Resampling::Tent,
                Resampling::Nearest,
                Resampling::Bilinear,
                Resampling::Bicubic,
            ] {
                let taps = Taps::new(from, to, resampling);
                for i in 0..to {
                    let sum: f32 = taps.of(i).1.iter().sum();
                    assert!(
                        (sum - 1.0).abs() < 1e-4,
                        "{resampling:?} {from} {to}: {sum}"
                    );
                }
            }
        }
    }
}
