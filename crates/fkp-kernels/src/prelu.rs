//! The parametric ReLU.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::gradients::offer;
use crate::host::{is_host_f32, values, with_values};
use crate::sums::sums;

const NAME: &str = "prelu";

/// `x` where it is positive, elsewhere `slope · x`, with one learned slope per channel (He et al.
/// 2015, eq. 1): `x` is `[n, c, ..]`, `slope` is `[c]`. Differentiable in both.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[-2f32, 4.0], [6.0, -8.0]], &Device::Cpu)?;
/// let slope = Tensor::new(&[0.5f32, 0.25], &Device::Cpu)?;
/// let y = fkp_kernels::prelu(&x, &slope)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1.0, 4.0], [6.0, -2.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If a shape is another one or `x` has no elements.
pub fn prelu(x: &Tensor, slope: &Tensor) -> Result<Tensor> {
    let &[_, c, ref rest @ ..] = x.dims() else {
        bail!("{NAME}: x must be [n, c, ..], got {:?}", x.dims());
    };
    if x.elem_count() == 0 {
        bail!("{NAME}: x must not be empty, got {:?}", x.dims());
    }
    if slope.dims() != [c] {
        bail!("{NAME}: slope must be [{c}], got {:?}", slope.dims());
    }
    if is_host_f32(&[x, slope]) {
        let plane = rest.iter().product();
        return x.apply_op2(slope, PRelu { c, plane });
    }
    let mut shape = vec![1; x.rank()];
    shape[1] = c;
    x.relu()? - x.neg()?.relu()?.broadcast_mul(&slope.reshape(shape)?)?
}

struct PRelu {
    c: usize,
    /// Values of one channel of one image.
    plane: usize,
}

impl PRelu {
    /// For each value of `x` its `value` where `x` is positive, elsewhere `slope · value`.
    fn scaled_where_negative(&self, x: &[f32], value: &[f32], slope: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0f32; x.len()];
        y.par_chunks_mut(self.plane)
            .zip(x.par_chunks(self.plane))
            .zip(value.par_chunks(self.plane))
            .enumerate()
            .for_each(|(i, ((y, x), value))| {
                let slope = slope[i % self.c];
                for ((y, &x), &value) in y.iter_mut().zip(x).zip(value) {
                    *y = if x > 0.0 { value } else { slope * value };
                }
            });
        y
    }
}

impl CustomOp2 for PRelu {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        slope: &CpuStorage,
        slope_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, x, x_layout)?;
        let y = self.scaled_where_negative(&x, &x, &values(NAME, slope, slope_layout)?);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        slope: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dslope) = with_values(NAME, [x, slope, grad], |[x, slope, grad]| {
            let planes = x.par_chunks(self.plane).zip(grad.par_chunks(self.plane));
            let of_plane = |(x, grad)| {
                let [sum] = sums([x, grad], |[x, grad]| {
                    [if x > 0.0 {
                        0.0
                    } else {
                        f64::from(x) * f64::from(grad)
                    }]
                });
                sum
            };
            let of_planes: Vec<f64> = planes.map(of_plane).collect();
            let of_channel = |c| of_planes.iter().skip(c).step_by(self.c).sum::<f64>() as f32;
            let dslope: Vec<f32> = (0..self.c).map(of_channel).collect();
            Ok((self.scaled_where_negative(x, grad, slope), dslope))
        })?;
        let dslope = Tensor::from_vec(dslope, slope.shape(), x.device())?;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            offer(slope, dslope),
        ))
    }
}
