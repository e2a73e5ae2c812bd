//! Comparing images that are alike: a 64-bit hash that finds candidates, and a correlation that
//! verifies them.

use fkp_core::{Affine, Border, CropSquare, Filter, Image, warp_affine};

/// Side of the small gray versions that are compared.
const SIDE: usize = 32;

/// The frequencies of the hash, on each axis.
const FREQUENCIES: usize = 8;

/// Smallest standard deviation of the gray values for an image to be compared: a blank page
/// resembles every other one.
const MIN_DEVIATION: f64 = 3.0;

/// The correlation from which small shifts are tried, and the largest shift.
const MIN_TO_SHIFT: f64 = 0.8;
const MAX_SHIFT: isize = 3;

/// A small gray version of an image, or of the face in it.
#[derive(Debug, Clone)]
pub(super) struct SmallImage {
    /// The 8×8 lowest frequencies of its cosine transform, each 1 where it is above the median
    /// (pHash: Zauner, *Implementation and benchmarking of perceptual image hash functions*, 2010).
    pub(super) hash: u64,
    /// The hash of the mirror image.
    pub(super) mirrored_hash: u64,
    /// `SIDE × SIDE` gray values with mean 0 and length 1.
    pixels: Box<[f32]>,
}

impl SmallImage {
    /// Of a whole image, stretched to a square; `None` if it is nearly of one color.
    pub(super) fn of_image(image: &Image) -> Option<Self> {
        Self::mapped(image, &Affine::resize(image.size(), (SIDE, SIDE)).ok()?)
    }

    /// Of a square of an image.
    pub(super) fn of_square(image: &Image, square: &CropSquare) -> Option<Self> {
        Self::mapped(image, &square.crop_from_image(SIDE).ok()?)
    }

    /// `image` is gray.
    fn mapped(image: &Image, map: &Affine) -> Option<Self> {
        let small = warp_affine(image, map, (SIDE, SIDE), Filter::Area, Border::Replicate);
        let values = small.as_bytes().iter().map(|byte| f64::from(*byte));
        let count = (SIDE * SIDE) as f64;
        let mean = values.clone().sum::<f64>() / count;
        let square: f64 = values.clone().map(|value| (value - mean).powi(2)).sum();
        let length = square.sqrt();
        if length < MIN_DEVIATION * count.sqrt() {
            return None;
        }
        let pixels = values.map(|value| ((value - mean) / length) as f32);
        let pixels: Box<[f32]> = pixels.collect();
        let frequencies = cosine_transform(&pixels);
        let mirrored = std::array::from_fn(|i| {
            // A mirror image has the odd frequencies along x with the other sign.
            let sign = if i % FREQUENCIES % 2 == 1 { -1.0 } else { 1.0 };
            sign * frequencies[i]
        });
        Some(Self {
            hash: above_median(&frequencies),
            mirrored_hash: above_median(&mirrored),
            pixels,
        })
    }

    /// Pearson's correlation of the gray values, from −1 to 1. Where it is high, it is the largest one
    /// over small shifts, because boxes and labels place two crops of a photograph differently.
    pub(super) fn correlation(&self, other: &Self) -> f64 {
        let products = self.pixels.iter().zip(&other.pixels).map(|(a, b)| a * b);
        let unshifted = f64::from(products.sum::<f32>());
        if unshifted < MIN_TO_SHIFT {
            return unshifted;
        }
        let shifts =
            (-MAX_SHIFT..=MAX_SHIFT).flat_map(|y| (-MAX_SHIFT..=MAX_SHIFT).map(move |x| (x, y)));
        let shifted = shifts.map(|shift| self.shifted_correlation(other, shift));
        shifted.fold(unshifted, f64::max)
    }

    /// The correlation of the part that both have when the other one is moved by a shift.
    fn shifted_correlation(&self, other: &Self, (dx, dy): (isize, isize)) -> f64 {
        let side = SIDE as isize;
        let range = |shift: isize| shift.max(0) as usize..(side + shift.min(0)) as usize;
        let [mut a, mut b, mut aa, mut bb, mut ab] = [0.0_f32; 5];
        for y in range(dy) {
            let row = |pixels: &[f32], y: usize, from: usize, len: usize| {
                let start = y * SIDE + from;
                start..(start + len).min(pixels.len())
            };
            let (columns, other_y) = (range(dx), (y as isize - dy) as usize);
            let (from, len) = (columns.start, columns.len());
            let own = &self.pixels[row(&self.pixels, y, from, len)];
            let others = (from as isize - dx) as usize;
            let others = &other.pixels[row(&other.pixels, other_y, others, len)];
            for (p, q) in own.iter().zip(others) {
                a += p;
                b += q;
                aa += p * p;
                bb += q * q;
                ab += p * q;
            }
        }
        let count = ((side - dx.abs()) * (side - dy.abs())) as f32;
        let covariance = ab - a * b / count;
        let variances = (aa - a * a / count) * (bb - b * b / count);
        match variances > 1e-6 {
            true => f64::from(covariance / variances.sqrt()),
            false => 0.0,
        }
    }

    /// The mirror image.
    pub(super) fn mirrored(&self) -> Self {
        let rows = self.pixels.chunks_exact(SIDE);
        Self {
            hash: self.mirrored_hash,
            mirrored_hash: self.hash,
            pixels: rows.flat_map(|row| row.iter().rev().copied()).collect(),
        }
    }
}

/// The lowest frequencies of the cosine transform (DCT-II), without their constant factors.
fn cosine_transform(pixels: &[f32]) -> [f32; FREQUENCIES * FREQUENCIES] {
    let wave = |frequency: usize, at: usize| {
        let angle = std::f32::consts::PI * frequency as f32 * (at as f32 + 0.5) / SIDE as f32;
        angle.cos()
    };
    let waves: [[f32; SIDE]; FREQUENCIES] =
        std::array::from_fn(|frequency| std::array::from_fn(|at| wave(frequency, at)));
    let dot = |wave: &[f32; SIDE], row: &mut dyn Iterator<Item = f32>| -> f32 {
        wave.iter().zip(row).map(|(a, b)| a * b).sum()
    };
    // By row along x, then along y.
    let rows: Vec<[f32; FREQUENCIES]> = pixels
        .chunks_exact(SIDE)
        .map(|row| std::array::from_fn(|u| dot(&waves[u], &mut row.iter().copied())))
        .collect();
    std::array::from_fn(|i| {
        let (u, v) = (i % FREQUENCIES, i / FREQUENCIES);
        dot(&waves[v], &mut rows.iter().map(|row| row[u]))
    })
}

fn above_median(values: &[f32; FREQUENCIES * FREQUENCIES]) -> u64 {
    let mut sorted = *values;
    sorted.sort_unstable_by(f32::total_cmp);
    let median = sorted[values.len() / 2];
    let bits = values.iter().enumerate();
    bits.fold(0, |hash, (i, value)| {
        hash | u64::from(*value >= median) << i
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Purpose, Rng, rng_for};

    /// An image of smooth random waves.
    fn waves(seed: u64, (width, height): (usize, usize)) -> Image {
        let mut rng = rng_for(seed, Purpose::Split, 0, 0);
        let mut uniform = || (rng.next_u32() % 1000) as f32 / 1000.0;
        let waves: Vec<[f32; 4]> = (0..8)
            .map(|_| {
                [
                    uniform() * 12.0,
                    uniform() * 12.0,
                    uniform() * 6.3,
                    uniform(),
                ]
            })
            .collect();
        let mut image = Image::filled(width, height, 1, 0);
        for (i, pixel) in image.as_bytes_mut().iter_mut().enumerate() {
            let (x, y) = (i % width, i / width);
            let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
            let sum: f32 = waves
                .iter()
                .map(|w| w[3] * (w[0] * x + w[1] * y + w[2]).sin())
                .sum();
            *pixel = (128.0 + 25.0 * sum).clamp(0.0, 255.0) as u8;
        }
        image
    }

    fn flipped(image: &Image) -> Image {
        let map = Affine::flip_horizontal(image.width());
        warp_affine(
            image,
            &map,
            image.size(),
            Filter::Bilinear,
            Border::Replicate,
        )
    }

    #[test]
    fn another_size_and_contrast_are_the_same_image_and_others_are_not() {
        let small = |image: &Image| SmallImage::of_image(image).unwrap();
        let original = small(&waves(1, (90, 70)));
        let mut darker = waves(1, (45, 60));
        for pixel in darker.as_bytes_mut() {
            *pixel = 10 + *pixel / 2;
        }
        let copy = small(&darker);
        assert!((original.hash ^ copy.hash).count_ones() <= 4);
        assert!(original.correlation(&copy) > 0.99);
        let mirrored = small(&flipped(&waves(1, (90, 70))));
        assert!((original.mirrored_hash ^ mirrored.hash).count_ones() <= 2);
        assert!(original.correlation(&mirrored.mirrored()) > 0.99);
        assert!(original.correlation(&mirrored) < 0.9);
        for seed in 2..20 {
            let other = small(&waves(seed, (90, 70)));
            assert!(original.correlation(&other) < 0.9, "{seed}");
        }
        assert!(SmallImage::of_image(&Image::filled(50, 50, 1, 90)).is_none());
    }
}
