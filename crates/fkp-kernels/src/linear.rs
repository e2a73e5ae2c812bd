//! The dense layer, with weights used where they lie.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::Activation;
use crate::host::{is_host_f32, values, with_values};
use crate::matmul::{Strides, Write, matmul};
use crate::scratch::with_scratch;

const NAME: &str = "linear";

/// Rows of the weights, or columns of the input, per parallel task.
const TASK: usize = 64;
const COLUMN_TASK: usize = 1024;

/// `activation(x · wᵀ + bias)` for `x`, `[.., n_in]`, `w`, `[n_out, n_in]`, and `bias`,
/// `[n_out]`; the result is `[.., n_out]`. Neither the weights nor their gradient are copied or
/// transposed. The gradient of an `x` that no variable leads to is not computed.
///
/// # Errors
/// If the batch is empty or a shape does not fit the others.
pub fn linear(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    let &[n_out, n_in] = w.dims() else {
        bail!("linear: w must be [n_out, n_in], got {:?}", w.dims());
    };
    if x.rank() < 2 || x.dims().last() != Some(&n_in) {
        bail!(
            "linear: x must be [.., {n_in}] for w {:?}, got {:?}",
            w.dims(),
            x.dims()
        );
    }
    if x.elem_count() == 0 || n_out == 0 {
        bail!(
            "linear: x {:?} and w {:?} must not be empty",
            x.dims(),
            w.dims()
        );
    }
    if let Some(bias) = bias
        && bias.dims() != [n_out]
    {
        bail!("linear: bias must be [{n_out}], got {:?}", bias.dims());
    }
    if is_host_f32(&[x, w]) && bias.is_none_or(|b| is_host_f32(&[b])) {
        let op = Linear {
            n_in,
            n_out,
            activation,
        };
        return match bias {
            None => x.apply_op2(w, op),
            Some(bias) => x.apply_op3(w, bias, op),
        };
    }
    let y = x.broadcast_matmul(&w.t()?)?;
    let y = match bias {
        None => y,
        Some(bias) => y.broadcast_add(bias)?,
    };
    activation.apply_tensor(&y)
}

struct Linear {
    n_in: usize,
    n_out: usize,
    activation: Activation,
}

impl Linear {
    fn run(
        &self,
        x: &[f32],
        x_shape: &Shape,
        w: &[f32],
        bias: Option<&[f32]>,
    ) -> (CpuStorage, Shape) {
        let &Self {
            n_in,
            n_out,
            activation,
        } = self;
        let rows = x.len() / n_in;
        let mut y = vec![0.0f32; rows * n_out];
        // Each task makes a block of output columns; they interleave in `y`, so it goes through
        // a buffer `[n_out, rows]` whose blocks are contiguous.
        with_scratch(rows * n_out, |transposed| {
            transposed
                .par_chunks_mut(TASK * rows)
                .zip(w.par_chunks(TASK * n_in))
                .for_each(|(block, w)| {
                    matmul(
                        (w.len() / n_in, rows, n_in),
                        block,
                        Strides::row_major(rows),
                        Write::Overwrite,
                        w,
                        Strides::row_major(n_in),
                        x,
                        Strides::transposed(n_in),
                    );
                });
            for (row, y) in y.chunks_exact_mut(n_out).enumerate() {
                for (o, y) in y.iter_mut().enumerate() {
                    let bias = bias.map_or(0.0, |b| b[o]);
                    *y = activation.apply(transposed[o * rows + row] + bias);
                }
            }
        });
        let mut dims = x_shape.dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = n_out;
        }
        (CpuStorage::F32(y), Shape::from(dims))
    }

    /// Gradients of x (unless `x` is untracked data), w and bias.
    fn gradients(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Tensor, Vec<f32>)> {
        if !is_host_f32(&[x, w, y, grad]) {
            bail!("{NAME}: the gradient must be f32 on the CPU like the result");
        }
        let dy = with_values(NAME, y, |y| {
            with_values(NAME, grad, |grad| {
                let mut dy = vec![0.0f32; grad.len()];
                self.activation.backward_into(&mut dy, y, grad);
                Ok(dy)
            })
        })?;
        let mut db = vec![0.0f32; self.n_out];
        for row in dy.chunks_exact(self.n_out) {
            db.iter_mut().zip(row).for_each(|(b, &d)| *b += d);
        }
        let dw = with_values(NAME, x, |x| Ok(self.weight_gradient(x, &dy)))?;
        let dw = Tensor::from_vec(dw, w.shape(), w.device())?;
        let dx = if x.track_op() {
            let dx = with_values(NAME, w, |w| Ok(self.input_gradient(w, &dy)))?;
            Some(Tensor::from_vec(dx, x.shape(), x.device())?)
        } else {
            None
        };
        Ok((dx, dw, db))
    }

    /// `dyᵀ · x`, in blocks of rows.
    fn weight_gradient(&self, x: &[f32], dy: &[f32]) -> Vec<f32> {
        let &Self { n_in, n_out, .. } = self;
        let rows = x.len() / n_in;
        let mut dw = vec![0.0f32; n_out * n_in];
        dw.par_chunks_mut(TASK * n_in)
            .enumerate()
            .for_each(|(block, dw)| {
                matmul(
                    (dw.len() / n_in, n_in, rows),
                    dw,
                    Strides::row_major(n_in),
                    Write::Overwrite,
                    &dy[block * TASK..],
                    Strides::transposed(n_out),
                    x,
                    Strides::row_major(n_in),
                );
            });
        dw
    }

    /// `dy · w`, in blocks of columns.
    fn input_gradient(&self, w: &[f32], dy: &[f32]) -> Vec<f32> {
        let &Self { n_in, n_out, .. } = self;
        let rows = dy.len() / n_out;
        let mut dx = vec![0.0f32; rows * n_in];
        with_scratch(rows * n_in, |blocks| {
            blocks
                .par_chunks_mut(COLUMN_TASK * rows)
                .enumerate()
                .for_each(|(index, block)| {
                    let width = block.len() / rows;
                    matmul(
                        (rows, width, n_out),
                        block,
                        Strides::row_major(width),
                        Write::Overwrite,
                        dy,
                        Strides::row_major(n_out),
                        &w[index * COLUMN_TASK..],
                        Strides::row_major(n_in),
                    );
                });
            for (index, block) in blocks.chunks(COLUMN_TASK * rows).enumerate() {
                let width = block.len() / rows;
                for (row, values) in block.chunks_exact(width).enumerate() {
                    dx[row * n_in + index * COLUMN_TASK..][..width].copy_from_slice(values);
                }
            }
        });
        dx
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (xv, w) = (values(NAME, x, x_layout)?, values(NAME, w, w_layout)?);
        Ok(self.run(&xv, x_layout.shape(), &w, None))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, _) = self.gradients(x, w, y, grad)?;
        Ok((dx, Some(dw)))
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (xv, w) = (values(NAME, x, x_layout)?, values(NAME, w, w_layout)?);
        let bias = values(NAME, bias, bias_layout)?;
        Ok(self.run(&xv, x_layout.shape(), &w, Some(&bias)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, db) = self.gradients(x, w, y, grad)?;
        let db = Tensor::from_vec(db, bias.shape(), bias.device())?;
        Ok((dx, Some(dw), Some(db)))
    }
}
