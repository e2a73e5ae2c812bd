//! Sums over slices, in vectors and in one fixed order of additions.

use std::array::from_fn;

use crate::simd::{Kernel, Simd, dispatch};

/// Partial sums that are independent of each other, so that the compiler adds them as vectors.
const LANES: usize = 16;

/// `R` sums over the elements of `K` slices of the same length: `terms` gives the terms of one
/// index. Term i is added to partial sum i mod 16, so the result is the same with every
/// instruction set.
pub(crate) fn sums<const K: usize, const R: usize>(
    slices: [&[f32]; K],
    terms: impl Fn([f32; K]) -> [f64; R],
) -> [f64; R] {
    dispatch(Sums { slices, terms })
}

/// The sum of a slice.
pub(crate) fn sum(values: &[f32]) -> f64 {
    let [sum] = sums([values], |[v]| [f64::from(v)]);
    sum
}

/// The inner product of two slices.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let [sum] = sums([a, b], |[a, b]| [f64::from(a) * f64::from(b)]);
    sum
}

struct Sums<'a, const K: usize, F> {
    slices: [&'a [f32]; K],
    terms: F,
}

impl<const K: usize, const R: usize, F: Fn([f32; K]) -> [f64; R]> Kernel for Sums<'_, K, F> {
    type Output = [f64; R];

    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "an index into several slices and arrays at once"
    )]
    fn run<S: Simd>(self, _simd: S) -> [f64; R] {
        let Self { slices, terms } = self;
        let mut partials = [[0.0f64; LANES]; R];
        let parts = slices.map(|s| s.as_chunks::<LANES>());
        let count = parts.first().map_or(0, |(whole, _)| whole.len());
        let whole: [&[[f32; LANES]]; K] = from_fn(|k| &parts[k].0[..count]);
        for i in 0..count {
            for lane in 0..LANES {
                let values = terms(from_fn(|k| whole[k][i][lane]));
                for r in 0..R {
                    partials[r][lane] += values[r];
                }
            }
        }
        let rest = parts.map(|(_, rest)| rest);
        for lane in 0..rest.first().map_or(0, |rest| rest.len()) {
            let values = terms(from_fn(|k| rest[k][lane]));
            for r in 0..R {
                partials[r][lane] += values[r];
            }
        }
        partials.map(|lanes| {
            let eight: [f64; 8] = from_fn(|i| lanes[i] + lanes[i + 8]);
            let four: [f64; 4] = from_fn(|i| eight[i] + eight[i + 4]);
            (four[0] + four[2]) + (four[1] + four[3])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_counted_once() {
        for len in [0, 1, 15, 16, 17, 100] {
            let a: Vec<f32> = (0..len).map(|i| i as f32 + 0.5).collect();
            let b: Vec<f32> = (0..len).map(|i| (i % 5) as f32 - 1.0).collect();
            let expected: f64 = a.iter().map(|&v| f64::from(v)).sum();
            assert_eq!(sum(&a), expected);
            let products = a.iter().zip(&b).map(|(a, b)| f64::from(a * b));
            assert_eq!(dot(&a, &b), products.sum::<f64>());
        }
    }
}
