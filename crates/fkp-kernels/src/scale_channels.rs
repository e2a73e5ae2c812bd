//! A factor for each channel of each image.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::host::{is_host_f32, values, with_values};
use crate::sums::dot;

const NAME: &str = "scale_channels";

/// Multiplies each channel of each image, `x` of shape `[n, c, h, w]`, by its factor in `scale`,
/// `[n, c]`: the last operation of a squeeze-and-excitation block (Hu et al. 2018, eq. 4).
/// Differentiable in both.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2.0]], [[3.0, 4.0]]]], &Device::Cpu)?;
/// let scale = Tensor::new(&[[10f32, 0.5]], &Device::Cpu)?;
/// let y = fkp_kernels::scale_channels(&x, &scale)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [10.0, 20.0, 1.5, 2.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If a shape is another one or `x` has no elements.
pub fn scale_channels(x: &Tensor, scale: &Tensor) -> Result<Tensor> {
    let &[n, c, h, w] = x.dims() else {
        bail!("{NAME}: x must be [n, c, h, w], got {:?}", x.dims());
    };
    if x.elem_count() == 0 {
        bail!("{NAME}: x must not be empty, got {:?}", x.dims());
    }
    if scale.dims() != [n, c] {
        bail!("{NAME}: scale must be [{n}, {c}], got {:?}", scale.dims());
    }
    if is_host_f32(&[x, scale]) {
        x.apply_op2(scale, ScaleChannels { plane: h * w })
    } else {
        x.broadcast_mul(&scale.reshape((n, c, 1, 1))?)
    }
}

struct ScaleChannels {
    /// Values of one channel of one image.
    plane: usize,
}

impl ScaleChannels {
    fn scaled(&self, x: &[f32], scale: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0f32; x.len()];
        y.par_chunks_mut(self.plane)
            .zip(x.par_chunks(self.plane))
            .zip(scale)
            .for_each(|((y, x), scale)| {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = x * scale);
            });
        y
    }
}

impl CustomOp2 for ScaleChannels {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, x, x_layout)?;
        let y = self.scaled(&x, &values(NAME, scale, scale_layout)?);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dscale) = with_values(NAME, [x, scale, grad], |[x, scale, grad]| {
            let planes = x.par_chunks(self.plane).zip(grad.par_chunks(self.plane));
            let dscale: Vec<f32> = planes.map(|(x, grad)| dot(x, grad) as f32).collect();
            Ok((self.scaled(grad, scale), dscale))
        })?;
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), x.device())?),
            Some(Tensor::from_vec(dscale, scale.shape(), x.device())?),
        ))
    }
}
