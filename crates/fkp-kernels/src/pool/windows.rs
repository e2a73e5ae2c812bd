//! The positions of the windows of a pooling operation.

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::host::with_values;

/// The positions of the windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    pub(super) n: usize,
    pub(super) c: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) ho: usize,
    pub(super) wo: usize,
}

impl Windows {
    pub(super) fn new(op: &str, x: &Tensor, kernel: usize, stride: usize) -> Result<Self> {
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

    /// Whether these are the 2×2 windows with stride 2, which have loops of their own.
    pub(super) fn are_two_by_two(&self) -> bool {
        self.kernel == 2 && self.stride == 2
    }

    pub(super) fn out_shape(&self) -> Shape {
        Shape::from((self.n, self.c, self.ho, self.wo))
    }

    pub(super) fn planes(&self) -> usize {
        self.n * self.c
    }

    pub(super) fn in_plane(&self) -> usize {
        self.h * self.w
    }

    pub(super) fn out_plane(&self) -> usize {
        self.ho * self.wo
    }

    /// The offset in its plane of each window's first value, in the order of the output.
    pub(super) fn origins(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.ho).flat_map(move |y| {
            (0..self.wo).map(move |x| y * self.stride * self.w + x * self.stride)
        })
    }

    /// The offsets of a window's values relative to its first.
    pub(super) fn members(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.kernel).flat_map(move |y| (0..self.kernel).map(move |x| y * self.w + x))
    }

    /// The gradient of `x`: `add(plane, dx, grad)` adds that of one plane to zeros.
    pub(super) fn backward(
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
