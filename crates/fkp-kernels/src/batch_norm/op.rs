//! Batch normalization as an operation: statistics, forward, and gradients.

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::Activation;
use crate::host::with_values;
use crate::recycle::Buffer;
use crate::sums::{sum, sums};
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

    /// The sum over the images of one channel, of values per plane.
    fn sum_over_images<T: Copy>(
        &self,
        planes: &[T],
        channel: usize,
        value: impl Fn(T) -> f64,
    ) -> f64 {
        let planes = planes.iter().skip(channel).step_by(self.c);
        planes.map(|&plane| value(plane)).sum()
    }

    /// Mean and biased variance of each channel. The squares of each plane are about its own mean,
    /// so that it is read from memory once; the means of the planes are then combined (Chan,
    /// Golub and LeVeque 1983).
    pub(super) fn statistics(&self, x: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let len = self.plane as f64;
        let one_plane = |plane: &[f32]| {
            let mean = sum(plane) / len;
            let [squares] = sums([plane], |[v]| {
                let centered = f64::from(v) - mean;
                [centered * centered]
            });
            (mean, squares)
        };
        let planes: Vec<(f64, f64)> = x.par_chunks(self.plane).map(one_plane).collect();
        let one_channel = |channel| {
            let n = self.n as f64;
            let mean = self.sum_over_images(&planes, channel, |(mean, _)| mean) / n;
            let squares = self.sum_over_images(&planes, channel, |(plane_mean, squares)| {
                squares + len * (plane_mean - mean) * (plane_mean - mean)
            });
            (mean, squares / (n * len))
        };
        (0..self.c).map(one_channel).unzip()
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
    /// The sums over one plane of the gradient before the activation, alone and times the
    /// normalized values.
    fn gradient_sums(&self, channel: usize, x: &[f32], y: &[f32], grad: &[f32]) -> [f64; 2] {
        let (mean, inv_std) = (self.mean[channel], self.inv_std[channel]);
        let terms = |x: f32, g: f32| {
            let g = f64::from(g);
            [g, g * f64::from((x - mean) * inv_std)]
        };
        match self.activation {
            Activation::Identity => sums([x, grad], |[x, g]| terms(x, g)),
            _ => sums(
                [x, y, grad],
                |[x, y, g]| {
                    if y > 0.0 { terms(x, g) } else { [0.0; 2] }
                },
            ),
        }
    }

    fn gradients(&self, x: &[f32], gamma: &[f32], y: &[f32], grad: &[f32]) -> OpGradients {
        let Sizes { n, c, plane } = self.sizes;
        let planes = x.par_chunks(plane).zip(y.par_chunks(plane));
        let planes = planes.zip(grad.par_chunks(plane)).enumerate();
        let sums: Vec<[f64; 2]> = planes
            .map(|(i, ((x, y), grad))| self.gradient_sums(i % c, x, y, grad))
            .collect();
        let sums: Vec<[f64; 2]> = (0..c)
            .map(|channel| [0, 1].map(|i| self.sizes.sum_over_images(&sums, channel, |s| s[i])))
            .collect();
        let count = (n * plane) as f64;
        let mut dx = Buffer::new(x.len());
        dx.par_chunks_mut(plane)
            .zip(x.par_chunks(plane))
            .zip(y.par_chunks(plane).zip(grad.par_chunks(plane)))
            .enumerate()
            .for_each(|(i, ((dx, x), (y, grad)))| {
                let channel = i % c;
                let (mean, inv_std) = (self.mean[channel], self.inv_std[channel]);
                let scale = gamma[channel] * inv_std;
                let [a, b] = match self.source {
                    StatisticsSource::Given => [0.0; 2],
                    StatisticsSource::Batch => sums[channel].map(|sum| (sum / count) as f32),
                };
                self.activation.backward_into(dx, y, grad);
                for (d, &x) in dx.iter_mut().zip(x) {
                    *d = scale * (*d - a - (x - mean) * inv_std * b);
                }
            });
        OpGradients {
            x: Some(dx),
            w: Some(sums.iter().map(|&[_, products]| products as f32).collect()),
            bias: sums.iter().map(|&[grads, _]| grads as f32).collect(),
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
                    *y = (x - mean) * scale + beta;
                }
                if self.activation == Activation::Relu {
                    // Keeps NaN.
                    y.iter_mut()
                        .for_each(|y| *y = if *y <= 0.0 { 0.0 } else { *y });
                }
            });
        (y, inputs.x_shape.clone())
    }

    fn backward(&self, x: &Tensor, w: &Tensor, y: &Tensor, grad: &[f32]) -> Result<OpGradients> {
        with_values(NAME, [x, w, y], |[x, gamma, y]| {
            Ok(self.gradients(x, gamma, y, grad))
        })
    }
}
