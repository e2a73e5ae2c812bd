//! The sizes of the input and the output of upsampling.

use candle_core::{Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::host::with_values;

/// Sizes of `x`, `[n, c, h, w]`, and the factor of height and width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) n: usize,
    pub(super) c: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) scale: usize,
}

impl Sizes {
    pub(super) fn new(op: &str, x: &Tensor, scale: usize) -> Result<Self> {
        let &[n, c, h, w] = x.dims() else {
            bail!("{op}: x must be [n, c, h, w], got {:?}", x.dims());
        };
        if x.elem_count() == 0 {
            bail!("{op}: x must not be empty, got {:?}", x.dims());
        }
        if scale == 0 {
            bail!("{op}: scale must be at least 1");
        }
        Ok(Self { n, c, h, w, scale })
    }

    /// Width of the output.
    pub(super) fn wide(&self) -> usize {
        self.w * self.scale
    }

    pub(super) fn in_plane(&self) -> usize {
        self.h * self.w
    }

    pub(super) fn out_plane(&self) -> usize {
        self.in_plane() * self.scale * self.scale
    }

    pub(super) fn out_shape(&self) -> Shape {
        Shape::from((self.n, self.c, self.h * self.scale, self.wide()))
    }

    /// The output: `plane` computes each plane.
    pub(super) fn forward(&self, x: &[f32], plane: impl Fn(&[f32], &mut [f32]) + Sync) -> Vec<f32> {
        let mut y = vec![0.0f32; self.n * self.c * self.out_plane()];
        y.par_chunks_mut(self.out_plane())
            .zip(x.par_chunks(self.in_plane()))
            .for_each(|(y, x)| plane(x, y));
        y
    }

    /// The gradient of `x`: `plane` computes each plane from that of the output.
    pub(super) fn backward(
        &self,
        op: &'static str,
        x: &Tensor,
        grad: &Tensor,
        plane: impl Fn(&[f32], &mut [f32]) + Sync,
    ) -> Result<Option<Tensor>> {
        let dx = with_values(op, [grad], |[grad]| {
            let mut dx = vec![0.0f32; self.n * self.c * self.in_plane()];
            dx.par_chunks_mut(self.in_plane())
                .zip(grad.par_chunks(self.out_plane()))
                .for_each(|(dx, grad)| plane(grad, dx));
            Ok(dx)
        })?;
        Tensor::from_vec(dx, x.shape(), x.device()).map(Some)
    }
}
