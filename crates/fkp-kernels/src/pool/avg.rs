//! Average pooling.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::two;
use super::windows::Windows;
use crate::host::{is_host_f32, values};

/// Mean over `kernel × kernel` windows of `x`, `[n, c, h, w]`, `stride` pixels apart; rows and
/// columns that do not fill a window are dropped.
///
/// # Errors
/// As [`max_pool2d`](crate::max_pool2d).
pub fn avg_pool2d(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let windows = Windows::new("avg_pool2d", x, kernel, stride)?;
    if is_host_f32(&[x]) {
        x.apply_op1(AvgPool { windows })
    } else {
        x.avg_pool2d_with_stride(kernel, stride)
    }
}

struct AvgPool {
    windows: Windows,
}

impl AvgPool {
    fn scale(&self) -> f32 {
        1.0 / (self.windows.kernel * self.windows.kernel) as f32
    }
}

impl CustomOp1 for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.windows;
        let x = values(self.name(), storage, layout)?;
        let mut y = vec![0.0f32; g.planes() * g.out_plane()];
        y.par_chunks_mut(g.out_plane())
            .zip(x.par_chunks(g.in_plane()))
            .for_each(|(y, x)| {
                if g.are_two_by_two() {
                    two::means(x, g.w, y);
                    return;
                }
                for (y, origin) in y.iter_mut().zip(g.origins()) {
                    *y = g.members().map(|m| x[origin + m]).sum::<f32>() * self.scale();
                }
            });
        Ok((CpuStorage::F32(y), g.out_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let g = &self.windows;
        g.backward(self.name(), x, grad, |_, dx, grad| {
            if g.are_two_by_two() {
                two::spread_means(grad, g.w, dx);
                return;
            }
            for (&grad, origin) in grad.iter().zip(g.origins()) {
                let share = grad * self.scale();
                g.members().for_each(|m| dx[origin + m] += share);
            }
        })
    }
}
