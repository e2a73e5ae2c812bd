//! Upsampling by repetition of pixels.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::sizes::Sizes;
use crate::host::{is_host_f32, values};
use crate::interleave::{deinterleave, interleave};
use crate::scratch::with_scratch;

const NAME: &str = "upsample_nearest2d";

/// Repeats each pixel of `x`, `[n, c, h, w]`, in a square of `scale × scale` pixels: PyTorch's
/// `interpolate` with `mode="nearest"` and a whole factor.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2.0]]]], &Device::Cpu)?;
/// let y = fkp_kernels::upsample_nearest2d(&x, 2)?.flatten_to(2)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If `x` has another rank or no elements, or `scale` is 0.
pub fn upsample_nearest2d(x: &Tensor, scale: usize) -> Result<Tensor> {
    let sizes = Sizes::new(NAME, x, scale)?;
    if scale == 1 {
        return Ok(x.clone());
    }
    if is_host_f32(&[x]) {
        return x.apply_op1(Nearest(sizes));
    }
    // Not candle's function: its backward in 0.11.1 replaces the gradient that other uses of x have
    // contributed.
    let Sizes { n, c, h, w, .. } = sizes;
    let repeated =
        x.reshape(vec![n * c, h, 1, w, 1])?
            .broadcast_as(vec![n * c, h, scale, w, scale])?;
    repeated.contiguous()?.reshape(sizes.out_shape())
}

struct Nearest(Sizes);

impl CustomOp1 for Nearest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let x = values(NAME, storage, layout)?;
        let y = g.forward(&x, |x, y| {
            for (row, lines) in x
                .chunks_exact(g.w)
                .zip(y.chunks_exact_mut(g.scale * g.wide()))
            {
                let (first, others) = lines.split_at_mut(g.wide());
                interleave(row, 0, first, g.scale);
                let others = others.chunks_exact_mut(first.len());
                others.for_each(|line| line.copy_from_slice(first));
            }
        });
        Ok((CpuStorage::F32(y), g.out_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let g = &self.0;
        g.backward(NAME, x, grad, |grad, dx| {
            with_scratch(2 * g.wide(), |scratch| {
                let (total, phases) = scratch.split_at_mut(g.wide());
                let lines = grad.chunks_exact(g.scale * g.wide());
                for (lines, dx) in lines.zip(dx.chunks_exact_mut(g.w)) {
                    total.fill(0.0);
                    for line in lines.chunks_exact(total.len()) {
                        total.iter_mut().zip(line).for_each(|(t, &v)| *t += v);
                    }
                    deinterleave(total, phases, g.w, g.scale);
                    for phase in phases.chunks_exact(g.w) {
                        dx.iter_mut().zip(phase).for_each(|(d, &v)| *d += v);
                    }
                }
            });
        })
    }
}
