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
    let (from_len, channels) = (raster.row_len(), raster.channels);
    let mut result = Raster::zeros(size, channels);
    let mut row = vec![0.0; from_len];
    for (y, out) in result.data.chunks_exact_mut(size * channels).enumerate() {
        row.fill(0.0);
        for (index, weight) in taps.of(y) {
            let start = index as usize * from_len;
            accumulate(&mut row, &raster.data[start..start + from_len], *weight);
        }
        match channels {
            1 => across::<1>(&row, out, &taps),
            _ => across::<3>(&row, out, &taps),
        }
    }
    result
}

/// Resizes a row of pixels of C channels.
fn across<const C: usize>(row: &[f32], out: &mut [f32], taps: &Taps) {
    let (pixels, _) = row.as_chunks::<C>();
    let (out, _) = out.as_chunks_mut::<C>();
    for (x, out) in out.iter_mut().enumerate() {
        let mut sum = [0.0; C];
        for (index, weight) in taps.of(x) {
            let pixel = &pixels[index as usize];
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += weight * value;
            }
        }
        *out = sum;
    }
}

/// For each position of the result the positions it depends on, and their weights.
struct Taps {
    per_position: usize,
    indices: Vec<u32>,
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
            per_position,
            indices: Vec::with_capacity(to * per_position),
            weights: Vec::with_capacity(to * per_position),
        };
        for i in 0..to {
            let position = (i as f32 + 0.5) * scale - 0.5;
            let base = position.floor();
            let t = position - base;
            match resampling {
                Resampling::Area => taps.push_area(i as f32 * scale, scale, from),
                Resampling::Tent => taps.push_tent(position, scale, from),
                Resampling::Nearest => taps.push(position.round(), &[1.0], from),
                Resampling::Bilinear => taps.push(base, &[1.0 - t, t], from),
                Resampling::Bicubic => taps.push(base - 1.0, &cubic(t), from),
            }
        }
        taps
    }

    /// Weights for the pixels from `first` on; those beyond the edge repeat it.
    fn push(&mut self, first: f32, weights: &[f32], from: usize) {
        for (k, weight) in weights.iter().enumerate() {
            let index = (first + k as f32).clamp(0.0, from as f32 - 1.0);
            self.indices.push(index as u32);
            self.weights.push(*weight);
        }
    }

    /// The weights of the pixels between the edges `start` and `start + scale`.
    fn push_area(&mut self, start: f32, scale: f32, from: usize) {
        for k in 0..self.per_position {
            let low = start.floor() + k as f32;
            let covered = (start + scale).min(low + 1.0) - start.max(low);
            self.indices.push(low.min(from as f32 - 1.0) as u32);
            self.weights.push(covered.max(0.0) / scale);
        }
    }

    /// The weights of the pixels less than `scale`, and at least 1, from `center`.
    fn push_tent(&mut self, center: f32, scale: f32, from: usize) {
        let scale = scale.max(1.0);
        let first = (center - scale).ceil();
        let weights: Vec<f32> = (0..self.per_position)
            .map(|k| (1.0 - (first + k as f32 - center).abs() / scale).max(0.0))
            .collect();
        let total: f32 = weights.iter().sum();
        let weights: Vec<f32> = weights.iter().map(|weight| weight / total).collect();
        self.push(first, &weights, from);
    }

    fn of(&self, position: usize) -> impl Iterator<Item = (u32, &f32)> {
        let range = position * self.per_position..(position + 1) * self.per_position;
        let indices = self.indices[range.clone()].iter().copied();
        indices.zip(&self.weights[range])
    }
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
                    let sum: f32 = taps.of(i).map(|(_, weight)| weight).sum();
                    assert!(
                        (sum - 1.0).abs() < 1e-4,
                        "{resampling:?} {from} {to}: {sum}"
                    );
                }
            }
        }
    }
}
