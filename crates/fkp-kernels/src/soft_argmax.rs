//! The soft-argmax: the mean position of a map's softmax.

use candle_core::{CpuStorage, CustomOp1, D, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::host::{is_host_f32, values, with_values};
use crate::scratch::with_scratch;
use crate::sums::sum;

const NAME: &str = "soft_argmax2d";

/// The mean position of the distribution `softmax(beta · map)` over each map of `maps`,
/// `[n, k, h, w]`, as x and y in `[n, k, 2]` (soft-argmax, Luvizon et al. 2017; differentiable
/// spatial to numerical transform, Nibali et al. 2018).
///
/// Positions are in pixels of the map, pixel centers at integers; in a map of `w` columns, x
/// corresponds to the normalized coordinate `(2·x + 1) / w − 1`. A larger `beta`, the inverse of a
/// temperature, brings the mean closer to the maximum.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let maps = Tensor::new(&[[[[0f32, 0.0, 100.0, 100.0]]]], &Device::Cpu)?;
/// let xy = fkp_kernels::soft_argmax2d(&maps, 1.0)?;
/// assert_eq!(xy.flatten_to(1)?.to_vec2::<f32>()?, [[2.5, 0.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If `maps` has another rank or no elements, or `beta` is not positive and finite.
pub fn soft_argmax2d(maps: &Tensor, beta: f64) -> Result<Tensor> {
    let &[n, k, h, w] = maps.dims() else {
        bail!("{NAME}: maps must be [n, k, h, w], got {:?}", maps.dims());
    };
    if maps.elem_count() == 0 {
        bail!("{NAME}: maps must not be empty, got {:?}", maps.dims());
    }
    let mean = MeanPosition::new(NAME, [h, w], beta)?;
    if is_host_f32(&[maps]) {
        return maps.apply_op1(SoftArgmax { n, k, mean });
    }
    let scores = (maps.flatten_from(2)? * beta)?;
    // Does not change the softmax, and so not its gradient.
    let max = scores.max_keepdim(D::Minus1)?.detach();
    let weights = scores.broadcast_sub(&max)?.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    let positions = (0..h).flat_map(|y| (0..w).flat_map(move |x| [x as f64, y as f64]));
    let positions = Tensor::from_iter(positions, &Device::Cpu)?
        .to_dtype(maps.dtype())?
        .to_device(maps.device())?;
    let weights = weights.reshape((n * k, h * w))?;
    weights
        .matmul(&positions.reshape((h * w, 2))?)?
        .reshape((n, k, 2))
}

/// The mean position in one map of this size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeanPosition {
    h: usize,
    w: usize,
    beta: f32,
}

impl MeanPosition {
    pub(crate) fn new(op: &str, [h, w]: [usize; 2], beta: f64) -> Result<Self> {
        if !(beta > 0.0 && beta.is_finite()) {
            bail!("{op}: beta = {beta} must be positive and finite");
        }
        let beta = beta as f32;
        Ok(Self { h, w, beta })
    }

    /// Values of a map.
    pub(crate) fn map_len(&self) -> usize {
        self.h * self.w
    }

    /// The position, x and y.
    pub(crate) fn of(&self, map: &[f32]) -> [f32; 2] {
        with_scratch(map.len(), |weights| {
            let total = self.exponentials(map, weights);
            self.mean(weights, total).map(|v| v as f32)
        })
    }

    /// Writes `exp(beta · (v − max))` of each value of a map, and returns their sum.
    fn exponentials(&self, map: &[f32], exponentials: &mut [f32]) -> f64 {
        let max = map.iter().fold(f32::NEG_INFINITY, |max, &v| max.max(v));
        for (e, &v) in exponentials.iter_mut().zip(map) {
            *e = (self.beta * (v - max)).exp();
        }
        sum(exponentials)
    }

    /// The mean position, from weights and their sum.
    fn mean(&self, weights: &[f32], total: f64) -> [f64; 2] {
        with_scratch(self.w, |columns| {
            columns.fill(0.0);
            let mut y_sum = 0.0;
            for (y, row) in weights.chunks_exact(self.w).enumerate() {
                columns.iter_mut().zip(row).for_each(|(c, &v)| *c += v);
                y_sum += y as f64 * sum(row);
            }
            let x_terms = columns.iter().enumerate();
            let x_sum: f64 = x_terms.map(|(x, &v)| x as f64 * f64::from(v)).sum();
            [x_sum / total, y_sum / total]
        })
    }
}

struct SoftArgmax {
    n: usize,
    k: usize,
    mean: MeanPosition,
}

impl CustomOp1 for SoftArgmax {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let maps = values(NAME, storage, layout)?;
        let mut means = vec![0.0f32; self.n * self.k * 2];
        means
            .par_chunks_mut(2)
            .zip(maps.par_chunks(self.mean.map_len()))
            .for_each(|(mean, map)| mean.copy_from_slice(&self.mean.of(map)));
        Ok((CpuStorage::F32(means), (self.n, self.k, 2).into()))
    }

    /// The derivative of the mean by value i is `beta · weight_i · (position_i − mean)`.
    fn bwd(&self, maps: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let MeanPosition { w, beta, .. } = self.mean;
        let len = self.mean.map_len();
        let d = with_values(NAME, [maps, grad], |[maps, grad]| {
            let mut d = vec![0.0f32; maps.len()];
            d.par_chunks_mut(len)
                .zip(maps.par_chunks(len))
                .zip(grad.par_chunks(2))
                .for_each(|((d, map), grad)| {
                    let total = self.mean.exponentials(map, d);
                    let [mean_x, mean_y] = self.mean.mean(d, total);
                    let scale = f64::from(beta) / total;
                    let [scale_x, scale_y] = [grad[0], grad[1]].map(|g| scale * f64::from(g));
                    with_scratch(w, |along_x| {
                        for (x, factor) in along_x.iter_mut().enumerate() {
                            *factor = (scale_x * (x as f64 - mean_x)) as f32;
                        }
                        for (y, row) in d.chunks_exact_mut(w).enumerate() {
                            let along_y = (scale_y * (y as f64 - mean_y)) as f32;
                            let factors = row.iter_mut().zip(&*along_x);
                            factors.for_each(|(d, &along_x)| *d *= along_x + along_y);
                        }
                    });
                });
            Ok(d)
        })?;
        Tensor::from_vec(d, maps.shape(), maps.device()).map(Some)
    }
}
