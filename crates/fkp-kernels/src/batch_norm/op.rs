//! Batch normalization as an operation: statistics, forward, and gradients.

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::Activation;
use crate::host::with_values;
use crate::weighted_op::{OpGradients, OpInputs, WeightedOp};

pub(super) const NAME: &str = "batch_norm";

/// Sizes of the normalized tensor, `[n, c, ..]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) n: usize,
    pub(super) c: usize,
    /// Values of one channel of one image.
    pub(super) plane: usize,
}

impl Sizes {
    pub(super) fn new(x: &Tensor, channels: &[(&str, &Tensor)], eps: f64) -> Result<Self> {
        let &[n, c, ref rest @ ..] = x.dims() else {
            bail!("batch_norm: x must be [n, c, ..], got {:?}", x.dims());
        };
        if x.elem_count() == 0 {
            bail!("batch_norm: the batch is empty, x is {:?}", x.dims());
        }
        if !(eps >= 0.0 && eps.is_finite()) {
            bail!("batch_norm: eps = {eps} must be finite and at least 0");
        }
        for (name, tensor) in channels {
            if tensor.dims() != [c] {
                bail!("batch_norm: {name} must be [{c}], got {:?}", tensor.dims());
            }
        }
        Ok(Self {
            n,
            c,
            plane: rest.iter().product(),
        })
    }

    /// The planes of one channel, image by image.
    pub(super) fn planes<'a>(
        &self,
        x: &'a [f32],
        channel: usize,
    ) -> impl Iterator<Item = &'a [f32]> {
        x.chunks_exact(self.plane).skip(channel).step_by(self.c)
    }

    /// Mean and biased variance of each channel, in two passes.
    pub(super) fn statistics(&self, x: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let count = (self.n * self.plane) as f64;
        let one = |channel: usize| {
            let total = |f: &dyn Fn(f64) -> f64| -> f64 {
                let planes = self.planes(x, channel);
                planes
                    .map(|p| p.iter().map(|&v| f(f64::from(v))).sum::<f64>())
                    .sum()
            };
            let mean = total(&|v| v) / count;
            (mean, total(&|v| (v - mean) * (v - mean)) / count)
        };
        (0..self.c).into_par_iter().map(one).unzip()
    }
}

/// Where mean and variance come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatisticsSource {
    /// The statistics depend on the input, so a gradient flows through them.
    Batch,
    Given,
}

pub(super) struct BatchNorm {
    pub(super) sizes: Sizes,
    pub(super) mean: Vec<f32>,
    /// One over the standard deviation.
    pub(super) inv_std: Vec<f32>,
    pub(super) activation: Activation,
    pub(super) source: StatisticsSource,
}

impl BatchNorm {
    fn gradients(&self, x: &[f32], gamma: &[f32], y: &[f32], grad: &[f32]) -> OpGradients {
        let Sizes { n, c, plane } = self.sizes;
        let active = |y: f32| self.activation == Activation::Identity || y > 0.0;
        let sums: Vec<(f64, f64)> = (0..c)
            .into_par_iter()
            .map(|channel| {
                let (mean, inv_std) = (self.mean[channel], self.inv_std[channel]);
                let (mut grad_sum, mut product_sum) = (0.0f64, 0.0f64);
                let planes = self
                    .sizes
                    .planes(x, channel)
                    .zip(self.sizes.planes(y, channel));
                for ((x, y), grad) in planes.zip(self.sizes.planes(grad, channel)) {
                    for ((&x, &y), &g) in x.iter().zip(y).zip(grad) {
                        if active(y) {
                            grad_sum += f64::from(g);
                            product_sum += f64::from(g) * f64::from((x - mean) * inv_std);
                        }
                    }
                }
                (grad_sum, product_sum)
            })
            .collect();
        let count = (n * plane) as f64;
        let mut dx = vec![0.0f32; x.len()];
        dx.par_chunks_mut(plane)
            .zip(x.par_chunks(plane))
            .zip(y.par_chunks(plane).zip(grad.par_chunks(plane)))
            .enumerate()
            .for_each(|(i, ((dx, x), (y, grad)))| {
                let channel = i % c;
                let (mean, inv_std) = (self.mean[channel], self.inv_std[channel]);
                let scale = gamma[channel] * inv_std;
                let (a, b) = match self.source {
                    StatisticsSource::Given => (0.0, 0.0),
                    StatisticsSource::Batch => {
                        let (grad_sum, product_sum) = sums[channel];
                        ((grad_sum / count) as f32, (product_sum / count) as f32)
                    }
                };
                for (((d, &x), &y), &g) in dx.iter_mut().zip(x).zip(y).zip(grad) {
                    let g = if active(y) { g } else { 0.0 };
                    *d = scale * (g - a - (x - mean) * inv_std * b);
                }
            });
        let (beta, gamma) = sums.iter().map(|&(g, p)| (g as f32, p as f32)).unzip();
        OpGradients {
            x: Some(dx),
            w: Some(gamma),
            bias: beta,
        }
    }
}

/// `gamma` and `beta` are the weights and the bias.
impl WeightedOp for BatchNorm {
    const NAME: &'static str = NAME;

    fn forward(&self, inputs: OpInputs<'_>) -> (Vec<f32>, Shape) {
        let OpInputs { x, w: gamma, .. } = inputs;
        let Sizes { c, plane, .. } = self.sizes;
        let mut y = vec![0.0f32; x.len()];
        y.par_chunks_mut(plane)
            .zip(x.par_chunks(plane))
            .enumerate()
            .for_each(|(i, (y, x))| {
                let channel = i % c;
                let scale = gamma[channel] * self.inv_std[channel];
                let (mean, beta) = (self.mean[channel], inputs.bias.map_or(0.0, |b| b[channel]));
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = self.activation.apply((x - mean) * scale + beta);
                }
            });
        (y, inputs.x_shape.clone())
    }

    fn backward(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &Tensor) -> Result<OpGradients> {
        with_values(NAME, [x, w, y, grad], |[x, gamma, y, grad]| {
            Ok(self.gradients(x, gamma, y, grad))
        })
    }
}
