//! Batch normalization (Ioffe and Szegedy, ICML 2015) with an optional ReLU, and its folding into
//! the convolution before it.

use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::Activation;
use crate::host::{is_host_f32, values, with_values};

const NAME: &str = "batch_norm";

/// Mean and variance of each channel, `[c]` each, without gradient.
#[derive(Clone, Debug)]
pub struct NormStatistics {
    /// Mean over the batch and all positions.
    pub mean: Tensor,
    /// Variance over the same.
    pub variance: Tensor,
}

/// What [`batch_norm_train`] measured.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// Mean and biased variance (divided by the number of values): what the batch was
    /// normalized with.
    pub batch: NormStatistics,
    /// Values per channel.
    pub count: usize,
}

impl BatchStatistics {
    /// The running statistics after this batch: `(1 − momentum) · running + momentum · batch`,
    /// with the unbiased variance of the batch, as PyTorch does.
    ///
    /// # Errors
    /// If the shapes differ or `momentum` is not in `[0, 1]`.
    pub fn update(&self, running: &NormStatistics, momentum: f64) -> Result<NormStatistics> {
        if !(0.0..=1.0).contains(&momentum) {
            bail!("batch_norm: momentum = {momentum} is not in [0, 1]");
        }
        let unbiased = self.count as f64 / (self.count.max(2) - 1) as f64;
        let mix = |old: &Tensor, new: &Tensor, scale: f64| {
            old.detach().affine(1.0 - momentum, 0.0)? + new.affine(momentum * scale, 0.0)?
        };
        Ok(NormStatistics {
            mean: mix(&running.mean, &self.batch.mean, 1.0)?,
            variance: mix(&running.variance, &self.batch.variance, unbiased)?,
        })
    }
}

/// Normalizes each channel of `x`, `[n, c, ..]`, by the mean and variance of this batch, scales by
/// `gamma` and shifts by `beta`, `[c]` each, and applies the activation. Differentiable in all
/// three, through the statistics as well.
///
/// # Errors
/// If a shape does not fit, the batch is empty, or a channel has a single value.
pub fn batch_norm_train(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    activation: Activation,
) -> Result<(Tensor, BatchStatistics)> {
    let sizes = Sizes::new(x, &[("gamma", gamma), ("beta", beta)], eps)?;
    let count = sizes.n * sizes.plane;
    if count < 2 {
        bail!(
            "batch_norm: a variance needs more than one value per channel, x is {:?}",
            x.dims()
        );
    }
    if is_host_f32(&[x, gamma, beta]) {
        let (mean, variance) = with_values(NAME, x, |x| Ok(sizes.statistics(x)))?;
        let inv_std = variance
            .iter()
            .map(|v| (1.0 / (v + eps).sqrt()) as f32)
            .collect();
        let narrow = |v: &[f64]| -> Vec<f32> { v.iter().map(|&v| v as f32).collect() };
        let batch = NormStatistics {
            mean: Tensor::from_vec(narrow(&mean), sizes.c, x.device())?,
            variance: Tensor::from_vec(narrow(&variance), sizes.c, x.device())?,
        };
        let statistics = Statistics::OfBatch;
        let op = BatchNorm {
            sizes,
            mean: narrow(&mean),
            inv_std,
            activation,
            statistics,
        };
        return Ok((
            x.apply_op3(gamma, beta, op)?,
            BatchStatistics { batch, count },
        ));
    }
    let rows = x.transpose(0, 1)?.flatten_from(1)?;
    let mean = rows.mean(D::Minus1)?;
    let variance = rows
        .broadcast_sub(&mean.unsqueeze(1)?)?
        .sqr()?
        .mean(D::Minus1)?;
    let y = by_candle(x, gamma, beta, &mean, &variance, eps, activation)?;
    let batch = NormStatistics {
        mean: mean.detach(),
        variance: variance.detach(),
    };
    Ok((y, BatchStatistics { batch, count }))
}

/// As [`batch_norm_train`] with given statistics: inference, or training with frozen statistics.
///
/// # Errors
/// If a shape does not fit or the batch is empty.
pub fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    running: &NormStatistics,
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    let NormStatistics { mean, variance } = running;
    let channels = [
        ("gamma", gamma),
        ("beta", beta),
        ("mean", mean),
        ("variance", variance),
    ];
    let sizes = Sizes::new(x, &channels, eps)?;
    if !is_host_f32(&[x, gamma, beta, mean, variance]) {
        return by_candle(x, gamma, beta, mean, variance, eps, activation);
    }
    let mean = with_values(NAME, mean, |m| Ok(m.to_vec()))?;
    let inv_std = with_values(NAME, variance, |v| {
        Ok(v.iter()
            .map(|&v| (1.0 / (f64::from(v) + eps).sqrt()) as f32)
            .collect())
    })?;
    let statistics = Statistics::Given;
    x.apply_op3(
        gamma,
        beta,
        BatchNorm {
            sizes,
            mean,
            inv_std,
            activation,
            statistics,
        },
    )
}

/// Weights `[c_out, ..]` and bias `[c_out]` of a convolution (or dense layer) that does what the
/// given one followed by this normalization does.
///
/// # Errors
/// If the shapes do not fit.
pub fn fold_batch_norm(
    w: &Tensor,
    bias: Option<&Tensor>,
    gamma: &Tensor,
    beta: &Tensor,
    running: &NormStatistics,
    eps: f64,
) -> Result<(Tensor, Tensor)> {
    let c_out = w.dim(0)?;
    let scale = gamma.div(&(&running.variance + eps)?.sqrt()?)?;
    let mut shape = vec![1; w.rank()];
    shape[0] = c_out;
    let folded = w.broadcast_mul(&scale.reshape(shape)?)?;
    let from_mean = match bias {
        Some(bias) => (bias - &running.mean)?,
        None => running.mean.neg()?,
    };
    Ok((folded, (from_mean.mul(&scale)? + beta)?))
}

fn by_candle(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    eps: f64,
    activation: Activation,
) -> Result<Tensor> {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.dim(1)?;
    let scale = gamma.div(&(variance + eps)?.sqrt()?)?;
    let centered = x.broadcast_sub(&mean.reshape(shape.as_slice())?)?;
    let scaled = centered.broadcast_mul(&scale.reshape(shape.as_slice())?)?;
    activation.apply_tensor(&scaled.broadcast_add(&beta.reshape(shape)?)?)
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    n: usize,
    c: usize,
    plane: usize,
}

impl Sizes {
    fn new(x: &Tensor, channels: &[(&str, &Tensor)], eps: f64) -> Result<Self> {
        let &[n, c, ref rest @ ..] = x.dims() else {
            bail!("batch_norm: x must be [n, c, ..], got {:?}", x.dims());
        };
        if x.elem_count() == 0 {
            bail!("batch_norm: the batch is empty, x is {:?}", x.dims());
        }
        if !(eps >= 0.0 && eps.is_finite()) {
            bail!("batch_norm: eps = {eps} is not a number from 0");
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
    fn planes<'a>(&self, x: &'a [f32], channel: usize) -> impl Iterator<Item = &'a [f32]> {
        x.chunks_exact(self.plane).skip(channel).step_by(self.c)
    }

    /// Mean and biased variance of each channel, in two passes.
    fn statistics(&self, x: &[f32]) -> (Vec<f64>, Vec<f64>) {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistics {
    /// They depend on the input, and so does the gradient through them.
    OfBatch,
    Given,
}

struct BatchNorm {
    sizes: Sizes,
    mean: Vec<f32>,
    inv_std: Vec<f32>,
    activation: Activation,
    statistics: Statistics,
}

impl BatchNorm {
    /// Gradients of x, gamma and beta.
    fn gradients(
        &self,
        x: &[f32],
        gamma: &[f32],
        y: &[f32],
        grad: &[f32],
    ) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let Sizes { n, c, plane } = self.sizes;
        let active = |y: f32| self.activation == Activation::Identity || y > 0.0;
        let sums: Vec<(f64, f64)> = (0..c)
            .into_par_iter()
            .map(|channel| {
                let (mean, inv_std) = (self.mean[channel], self.inv_std[channel]);
                let (mut of_grad, mut of_product) = (0.0f64, 0.0f64);
                let planes = self
                    .sizes
                    .planes(x, channel)
                    .zip(self.sizes.planes(y, channel));
                for ((x, y), grad) in planes.zip(self.sizes.planes(grad, channel)) {
                    for ((&x, &y), &g) in x.iter().zip(y).zip(grad) {
                        if active(y) {
                            of_grad += f64::from(g);
                            of_product += f64::from(g) * f64::from((x - mean) * inv_std);
                        }
                    }
                }
                (of_grad, of_product)
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
                let (a, b) = match self.statistics {
                    Statistics::Given => (0.0, 0.0),
                    Statistics::OfBatch => {
                        let (of_grad, of_product) = sums[channel];
                        ((of_grad / count) as f32, (of_product / count) as f32)
                    }
                };
                for (((d, &x), &y), &g) in dx.iter_mut().zip(x).zip(y).zip(grad) {
                    let g = if active(y) { g } else { 0.0 };
                    *d = scale * (g - a - (x - mean) * inv_std * b);
                }
            });
        let (beta, gamma) = sums.iter().map(|&(g, p)| (g as f32, p as f32)).unzip();
        (dx, gamma, beta)
    }
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, x, x_layout)?;
        let (gamma, beta) = (
            values(NAME, gamma, gamma_layout)?,
            values(NAME, beta, beta_layout)?,
        );
        let Sizes { c, plane, .. } = self.sizes;
        let mut y = vec![0.0f32; x.len()];
        y.par_chunks_mut(plane)
            .zip(x.par_chunks(plane))
            .enumerate()
            .for_each(|(i, (y, x))| {
                let channel = i % c;
                let scale = gamma[channel] * self.inv_std[channel];
                let (mean, beta) = (self.mean[channel], beta[channel]);
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = self.activation.apply((x - mean) * scale + beta);
                }
            });
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if grad.dtype() != DType::F32 {
            bail!("{NAME}: the gradient must be f32 like the result");
        }
        let (dx, dgamma, dbeta) = with_values(NAME, x, |x| {
            with_values(NAME, gamma, |gamma| {
                with_values(NAME, y, |y| {
                    with_values(NAME, grad, |grad| Ok(self.gradients(x, gamma, y, grad)))
                })
            })
        })?;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(dgamma, gamma.shape(), gamma.device())?),
            Some(Tensor::from_vec(dbeta, beta.shape(), beta.device())?),
        ))
    }
}
