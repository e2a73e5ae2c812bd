//! Max-pooling.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::two::{self, exceeds};
use super::windows::Windows;
use crate::host::{is_host_f32, values};

/// Maximum over `kernel × kernel` windows of `x`, `[n, c, h, w]`, `stride` pixels apart; rows and
/// columns that do not fill a window are dropped. The gradient goes to the first of equal maxima;
/// NaN counts as the largest value.
///
/// # Errors
/// If the batch is empty, `kernel` or `stride` is 0, or the image is smaller than the window.
/// Backward on another device needs `kernel == stride`.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let windows = Windows::new("max_pool2d", x, kernel, stride)?;
    if is_host_f32(&[x]) {
        let argmax = OnceLock::new();
        x.apply_op1(MaxPool {
            windows,
            tracked: x.track_op(),
            argmax,
        })
    } else {
        max_pool2d_by_candle(x, &windows)
    }
}

/// The same with candle's own operations. Windows that tile the image become two reductions,
/// because the backward of candle 0.11.1's `max_pool2d` scales the gradient by `1 / kernel²`.
fn max_pool2d_by_candle(x: &Tensor, windows: &Windows) -> Result<Tensor> {
    let &Windows {
        n,
        c,
        kernel,
        stride,
        ho,
        wo,
        ..
    } = windows;
    if kernel != stride {
        return x.max_pool2d_with_stride(kernel, stride);
    }
    let tiled = x
        .narrow(2, 0, ho * kernel)?
        .narrow(3, 0, wo * kernel)?
        .contiguous()?;
    let rows = tiled.reshape(vec![n * c * ho, kernel, wo, kernel])?;
    rows.max(3)?.max(1)?.reshape((n, c, ho, wo))
}

struct MaxPool {
    windows: Windows,
    tracked: bool,
    argmax: OnceLock<Argmax>,
}

/// The positions of the maxima, saved by the forward pass.
enum Argmax {
    /// Index of each maximum in its 2×2 window.
    InWindow(Vec<u8>),
    /// Offset of each maximum in its plane.
    InPlane(Vec<u32>),
}

impl MaxPool {
    /// Pools all planes; `argmax` has one entry per value of `y`, or none at all.
    fn pool<A: Send>(
        &self,
        x: &[f32],
        y: &mut [f32],
        argmax: &mut [A],
        pool: impl Fn(&[f32], &mut [f32], Option<&mut [A]>) + Sync,
    ) {
        let g = &self.windows;
        let planes = y
            .par_chunks_mut(g.out_plane())
            .zip(x.par_chunks(g.in_plane()));
        if argmax.is_empty() {
            planes.for_each(|(y, x)| pool(x, y, None));
        } else {
            planes
                .zip(argmax.par_chunks_mut(g.out_plane()))
                .for_each(|((y, x), argmax)| pool(x, y, Some(argmax)));
        }
    }

    fn pool_any_windows(&self, x: &[f32], y: &mut [f32], mut argmax: Option<&mut [u32]>) {
        let g = &self.windows;
        for (i, (y, origin)) in y.iter_mut().zip(g.origins()).enumerate() {
            let mut max = origin;
            for member in g.members() {
                if exceeds(x[origin + member], x[max]) {
                    max = origin + member;
                }
            }
            *y = x[max];
            if let Some(argmax) = argmax.as_deref_mut() {
                argmax[i] = max as u32;
            }
        }
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.windows;
        let x = values(self.name(), storage, layout)?;
        let mut y = vec![0.0f32; g.planes() * g.out_plane()];
        let saved = if self.tracked { y.len() } else { 0 };
        let argmax = if g.are_two_by_two() {
            let mut argmax = vec![0; saved];
            self.pool(&x, &mut y, &mut argmax, |x, y, a| two::maxima(x, g.w, y, a));
            Argmax::InWindow(argmax)
        } else {
            let mut argmax = vec![0; saved];
            self.pool(&x, &mut y, &mut argmax, |x, y, a| {
                self.pool_any_windows(x, y, a)
            });
            Argmax::InPlane(argmax)
        };
        if self.tracked {
            // The operation runs forward once; a second result could only be the same.
            let _ = self.argmax.set(argmax);
        }
        Ok((CpuStorage::F32(y), g.out_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let g = &self.windows;
        let Some(argmax) = self.argmax.get() else {
            bail!("max_pool2d: backward without a tracked forward");
        };
        g.backward(self.name(), x, grad, |plane, dx, grad| {
            let first = plane * g.out_plane();
            match argmax {
                Argmax::InWindow(argmax) => {
                    two::spread_maxima(grad, &argmax[first..][..grad.len()], g.w, dx);
                }
                Argmax::InPlane(argmax) => {
                    for (&grad, &max) in grad.iter().zip(&argmax[first..]) {
                        dx[max as usize] += grad;
                    }
                }
            }
        })
    }
}
