//! Maximum and average pooling over square windows.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::host::{is_host_f32, values, with_values};

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

/// Mean over `kernel × kernel` windows of `x`, `[n, c, h, w]`, `stride` pixels apart; rows and
/// columns that do not fill a window are dropped.
///
/// # Errors
/// As [`max_pool2d`].
pub fn avg_pool2d(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let windows = Windows::new("avg_pool2d", x, kernel, stride)?;
    if is_host_f32(&[x]) {
        x.apply_op1(AvgPool { windows })
    } else {
        x.avg_pool2d_with_stride(kernel, stride)
    }
}

/// The positions of the windows.
#[derive(Clone, Copy, Debug)]
struct Windows {
    n: usize,
    c: usize,
    h: usize,
    w: usize,
    kernel: usize,
    stride: usize,
    ho: usize,
    wo: usize,
}

impl Windows {
    fn new(op: &str, x: &Tensor, kernel: usize, stride: usize) -> Result<Self> {
        let &[n, c, h, w] = x.dims() else {
            bail!("{op}: x must be [n, c, h, w], got {:?}", x.dims());
        };
        if n == 0 || c == 0 {
            bail!("{op}: the batch is empty, x is {:?}", x.dims());
        }
        if kernel == 0 || stride == 0 {
            bail!("{op}: kernel {kernel} and stride {stride} must be at least 1");
        }
        if h < kernel || w < kernel {
            bail!(
                "{op}: the window {kernel}×{kernel} exceeds x {:?}",
                x.dims()
            );
        }
        let (ho, wo) = ((h - kernel) / stride + 1, (w - kernel) / stride + 1);
        Ok(Self {
            n,
            c,
            h,
            w,
            kernel,
            stride,
            ho,
            wo,
        })
    }

    fn out_shape(&self) -> Shape {
        Shape::from((self.n, self.c, self.ho, self.wo))
    }

    fn planes(&self) -> usize {
        self.n * self.c
    }

    fn in_plane(&self) -> usize {
        self.h * self.w
    }

    fn out_plane(&self) -> usize {
        self.ho * self.wo
    }

    /// The offset in its plane of each window's first value, in the order of the output.
    fn origins(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.ho).flat_map(move |y| {
            (0..self.wo).map(move |x| y * self.stride * self.w + x * self.stride)
        })
    }

    /// The offsets of a window's values relative to its first.
    fn members(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.kernel).flat_map(move |y| (0..self.kernel).map(move |x| y * self.w + x))
    }

    /// The gradient of `x`: `add(plane, dx, grad)` adds that of one plane.
    fn backward(
        &self,
        op: &'static str,
        x: &Tensor,
        grad: &Tensor,
        add: impl Fn(usize, &mut [f32], &[f32]) + Sync,
    ) -> Result<Option<Tensor>> {
        let dx = with_values(op, [grad], |[grad]| {
            let mut dx = vec![0.0f32; self.planes() * self.in_plane()];
            dx.par_chunks_mut(self.in_plane())
                .zip(grad.par_chunks(self.out_plane()))
                .enumerate()
                .for_each(|(plane, (dx, grad))| add(plane, dx, grad));
            Ok(dx)
        })?;
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}

struct MaxPool {
    windows: Windows,
    tracked: bool,
    /// Offset in its plane of each window's maximum, saved by the forward pass.
    argmax: OnceLock<Vec<u32>>,
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.windows;
        let x = values(self.name(), storage, layout)?;
        let mut y = vec![0.0f32; g.planes() * g.out_plane()];
        let mut argmax = vec![0u32; if self.tracked { y.len() } else { 0 }];
        let pool = |(y, x): (&mut [f32], &[f32]), mut argmax: Option<&mut [u32]>| {
            for (i, (y, origin)) in y.iter_mut().zip(g.origins()).enumerate() {
                let mut max = origin;
                for member in g.members() {
                    let v = x[origin + member];
                    if v > x[max] || (v.is_nan() && !x[max].is_nan()) {
                        max = origin + member;
                    }
                }
                *y = x[max];
                if let Some(argmax) = argmax.as_deref_mut() {
                    argmax[i] = max as u32;
                }
            }
        };
        let planes = y
            .par_chunks_mut(g.out_plane())
            .zip(x.par_chunks(g.in_plane()));
        if self.tracked {
            planes
                .zip(argmax.par_chunks_mut(g.out_plane()))
                .for_each(|(plane, argmax)| pool(plane, Some(argmax)));
            // The operation runs forward once; a second result could only be the same.
            let _ = self.argmax.set(argmax);
        } else {
            planes.for_each(|plane| pool(plane, None));
        }
        Ok((CpuStorage::F32(y), g.out_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let g = &self.windows;
        let Some(argmax) = self.argmax.get() else {
            bail!("max_pool2d: backward without a tracked forward");
        };
        g.backward(self.name(), x, grad, |plane, dx, grad| {
            let argmax = &argmax[plane * g.out_plane()..];
            for (&grad, &max) in grad.iter().zip(argmax) {
                dx[max as usize] += grad;
            }
        })
    }
}

struct AvgPool {
    windows: Windows,
}

impl CustomOp1 for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.windows;
        let x = values(self.name(), storage, layout)?;
        let scale = 1.0 / (g.kernel * g.kernel) as f32;
        let mut y = vec![0.0f32; g.planes() * g.out_plane()];
        y.par_chunks_mut(g.out_plane())
            .zip(x.par_chunks(g.in_plane()))
            .for_each(|(y, x)| {
                for (y, origin) in y.iter_mut().zip(g.origins()) {
                    *y = g.members().map(|m| x[origin + m]).sum::<f32>() * scale;
                }
            });
        Ok((CpuStorage::F32(y), g.out_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let g = &self.windows;
        let scale = 1.0 / (g.kernel * g.kernel) as f32;
        g.backward(self.name(), x, grad, |_, dx, grad| {
            for (&grad, origin) in grad.iter().zip(g.origins()) {
                g.members().for_each(|m| dx[origin + m] += grad * scale);
            }
        })
    }
}
