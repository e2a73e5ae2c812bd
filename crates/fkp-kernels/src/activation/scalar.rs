//! Values and derivatives of the activations for one number.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use candle_core::cpu::erf::erf_f32;

use super::definition::Activation;

impl Activation {
    #[inline(always)]
    pub(crate) fn apply(self, x: f32) -> f32 {
        match self {
            Self::Identity => x,
            Self::Relu => relu(x),
            Self::Relu6 => clamp_to_six(x),
            Self::LeakyRelu { slope } => {
                if x <= 0.0 {
                    slope * x
                } else {
                    x
                }
            }
            Self::Silu => x * logistic(x),
            Self::HardSwish => x * clamp_to_six(x + 3.0) * (1.0 / 6.0),
            Self::Gelu => x * normal_distribution(x),
            Self::Sigmoid => logistic(x),
            Self::HardSigmoid => clamp_to_six(x + 3.0) * (1.0 / 6.0),
        }
    }

    /// The derivative at `x`.
    pub(crate) fn derivative(self, x: f32) -> f32 {
        match self {
            Self::Identity => 1.0,
            Self::Relu => f32::from(x > 0.0),
            Self::Relu6 => f32::from(x > 0.0 && x <= 6.0),
            Self::LeakyRelu { slope } => {
                if x > 0.0 {
                    1.0
                } else {
                    slope
                }
            }
            Self::Silu => {
                let s = logistic(x);
                s * (1.0 + x * (1.0 - s))
            }
            Self::HardSwish => {
                if x <= -3.0 {
                    0.0
                } else if x > 3.0 {
                    1.0
                } else {
                    x * (1.0 / 3.0) + 0.5
                }
            }
            Self::Gelu => {
                let density = (-0.5 * x * x).exp() * (0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
                normal_distribution(x) + x * density
            }
            Self::Sigmoid => {
                let s = logistic(x);
                s * (1.0 - s)
            }
            Self::HardSigmoid => f32::from(x > -3.0 && x <= 3.0) * (1.0 / 6.0),
        }
    }

    pub(crate) fn apply_in_place(self, values: &mut [f32]) {
        if self != Self::Identity {
            values.iter_mut().for_each(|v| *v = self.apply(*v));
        }
    }

    /// `dst = grad ⊙ f'`, with the derivative expressed through the activation's *output*: only for
    /// what [`Self::split`] leaves to the kernels.
    pub(crate) fn backward_into(self, dst: &mut [f32], output: &[f32], grad: &[f32]) {
        match self {
            Self::Identity => dst.copy_from_slice(grad),
            _ => {
                debug_assert_eq!(self, Self::Relu);
                for ((d, &y), &g) in dst.iter_mut().zip(output).zip(grad) {
                    *d = if y > 0.0 { g } else { 0.0 };
                }
            }
        }
    }
}

#[inline(always)]
fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

#[inline(always)]
fn clamp_to_six(x: f32) -> f32 {
    let x = relu(x);
    if x >= 6.0 { 6.0 } else { x }
}

fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn normal_distribution(x: f32) -> f32 {
    0.5 * (1.0 + erf_f32(x * FRAC_1_SQRT_2))
}
