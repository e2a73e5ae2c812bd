//! The activations, and what they are on other devices.

use candle_core::{Result, Tensor};

/// An element-wise function, alone ([`activate`](crate::activate)) or at the end of another operation.
///
/// Its derivative where the function has a corner is the one from the left. NaN stays NaN, so that
/// divergence is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// No activation.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)` (Howard et al. 2017).
    Relu6,
    /// `x` where it is positive, elsewhere `slope · x` (Maas et al. 2013).
    LeakyRelu {
        /// The factor of negative values, PyTorch's `negative_slope`.
        slope: f32,
    },
    /// `x · σ(x)` with the logistic function σ (Elfwing et al. 2018), also known as swish.
    Silu,
    /// `x · min(max(x + 3, 0), 6) / 6` (Howard et al. 2019).
    HardSwish,
    /// `x · Φ(x)` with the normal distribution function Φ: the exact form, not the approximation by
    /// tanh (Hendrycks and Gimpel 2016).
    Gelu,
    /// The logistic function, `1 / (1 + exp(−x))`.
    Sigmoid,
    /// `min(max(x + 3, 0), 6) / 6` (Howard et al. 2019).
    HardSigmoid,
}

impl Activation {
    /// The part that every kernel can compute together with its own operation, which is all of
    /// it where the derivative is a function of the output's sign, and what is left to do after it.
    pub(crate) fn split(self) -> (Self, Self) {
        match self {
            Self::Identity | Self::Relu => (self, Self::Identity),
            _ => (Self::Identity, self),
        }
    }

    /// The same with candle's own operations.
    pub(crate) fn by_candle(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(x.clone()),
            Self::Relu => x.relu(),
            Self::Relu6 => x.relu()?.minimum(6.0),
            Self::LeakyRelu { slope } => x.relu()? - (x.neg()?.relu()? * f64::from(slope))?,
            Self::Silu => x.silu(),
            Self::HardSwish => x * ((x + 3.0)?.relu()?.minimum(6.0)? / 6.0)?,
            Self::Gelu => x.gelu_erf(),
            // By tanh, whose derivative is finite for every number.
            Self::Sigmoid => ((x * 0.5)?.tanh()? + 1.0)? * 0.5,
            Self::HardSigmoid => (x + 3.0)?.relu()?.minimum(6.0)? / 6.0,
        }
    }
}
