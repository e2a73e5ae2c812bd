//! Initialization of weights.

use candle_nn::Init;

/// Keras' default for weights, `glorot_uniform`: U(−a, a) with a = √(6 / (fan_in + fan_out))
/// (Glorot & Bengio 2010, eq. 16).
pub(super) fn glorot_uniform(fan_in: usize, fan_out: usize) -> Init {
    let bound = (6.0 / (fan_in + fan_out) as f64).sqrt();
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}
