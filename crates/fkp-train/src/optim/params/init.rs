//! The initial values of variables, a function of (seed, name).

use candle_core::{Error, Result, Shape};
use candle_nn::Init;
use candle_nn::init::NormalOrUniform;
use fkp_core::{Purpose, Rng, fnv1a, rng_for};
use rand_distr::{Distribution, Normal, Uniform};

/// The initial values of the variable `name`.
///
/// # Errors
/// If a bound or a standard deviation is not finite, or the lower bound is above the upper one.
pub(super) fn initial_values(seed: u64, name: &str, shape: &Shape, init: Init) -> Result<Vec<f32>> {
    let count = shape.elem_count();
    let rng = rng_for(seed, Purpose::Weights, 0, fnv1a(name.bytes()));
    match init {
        Init::Const(value) => Ok(vec![value as f32; count]),
        Init::Uniform { lo, up } => uniform(lo, up, rng, count),
        Init::Randn { mean, stdev } => normal(mean, stdev, rng, count),
        Init::Kaiming {
            dist,
            fan,
            non_linearity,
        } => {
            let std = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            let bound = 3f64.sqrt() * std;
            match dist {
                NormalOrUniform::Uniform => uniform(-bound, bound, rng, count),
                NormalOrUniform::Normal => normal(0.0, std, rng, count),
            }
        }
    }
}

/// Uniform in `[low, high]`; the bounds may be equal.
fn uniform(low: f64, high: f64, rng: impl Rng, count: usize) -> Result<Vec<f32>> {
    let distribution = Uniform::new_inclusive(low, high).map_err(Error::msg)?;
    Ok(sample(distribution, rng, count))
}

fn normal(mean: f64, std: f64, rng: impl Rng, count: usize) -> Result<Vec<f32>> {
    let distribution = Normal::new(mean, std).map_err(Error::msg)?;
    Ok(sample(distribution, rng, count))
}

fn sample(distribution: impl Distribution<f64>, rng: impl Rng, count: usize) -> Vec<f32> {
    let values = distribution.sample_iter(rng).take(count);
    values.map(|value| value as f32).collect()
}
