//! Normal random numbers from a table of quantiles.
//!
//! `rand_distr::StandardNormal` takes twice the time: 29 instead of 14 µs for 96×96 gray values,
//! 0.63 instead of 0.29 ms for 256×256 RGB (medians; AMD EPYC with AVX2), which would make the
//! recipe for faces a tenth slower.

use std::sync::OnceLock;

/// Number of entries of the table of normal quantiles, a power of two.
pub(crate) const QUANTILES: usize = 4096;

/// The normal distribution's quantiles at the middles of [`QUANTILES`] equal probabilities, scaled
/// to unit variance: a uniform index gives a normal number (cut off at 3.7 standard deviations).
pub(crate) fn quantiles() -> &'static [f32; QUANTILES] {
    static TABLE: OnceLock<Box<[f32; QUANTILES]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Box::new([0f32; QUANTILES]);
        let exact: Vec<f64> = (0..QUANTILES)
            .map(|i| normal_quantile((i as f64 + 0.5) / QUANTILES as f64))
            .collect();
        let variance = exact.iter().map(|q| q * q).sum::<f64>() / QUANTILES as f64;
        for (entry, q) in table.iter_mut().zip(exact) {
            *entry = (q / variance.sqrt()) as f32;
        }
        table
    })
}

/// Abramowitz and Stegun 26.2.23: within 4.5e-4 of the exact quantile.
fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p);
    let t = (-2.0 * tail.ln()).sqrt();
    let fraction = (2.515_517 + t * (0.802_853 + t * 0.010_328))
        / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    (t - fraction) * if p < 0.5 { -1.0 } else { 1.0 }
}
