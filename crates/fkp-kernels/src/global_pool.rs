//! Pooling of whole feature maps.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::host::{is_host_f32, values, with_values};
use crate::sums::sum;

const NAME: &str = "global_avg_pool2d";

/// The mean over height and width of each channel of `x`, `[n, c, h, w]`, as `[n, c]`.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2.0], [3.0, 6.0]]]], &Device::Cpu)?;
/// assert_eq!(fkp_kernels::global_avg_pool2d(&x)?.to_vec2::<f32>()?, [[3.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If `x` has another rank or no elements.
pub fn global_avg_pool2d(x: &Tensor) -> Result<Tensor> {
    let &[n, c, h, w] = x.dims() else {
        bail!("{NAME}: x must be [n, c, h, w], got {:?}", x.dims());
    };
    if x.elem_count() == 0 {
        bail!("{NAME}: x must not be empty, got {:?}", x.dims());
    }
    if is_host_f32(&[x]) {
        let plane = h * w;
        x.apply_op1(GlobalAvgPool { n, c, plane })
    } else {
        x.flatten_from(2)?.mean(2)
    }
}

struct GlobalAvgPool {
    n: usize,
    c: usize,
    /// Values of one channel of one image.
    plane: usize,
}

impl CustomOp1 for GlobalAvgPool {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, storage, layout)?;
        let planes = x.par_chunks(self.plane);
        let means = planes.map(|plane| (sum(plane) / self.plane as f64) as f32);
        Ok((CpuStorage::F32(means.collect()), (self.n, self.c).into()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let dx = with_values(NAME, [grad], |[grad]| {
            let mut dx = vec![0.0f32; x.elem_count()];
            dx.par_chunks_mut(self.plane)
                .zip(grad)
                .for_each(|(dx, grad)| dx.fill(grad / self.plane as f32));
            Ok(dx)
        })?;
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}
