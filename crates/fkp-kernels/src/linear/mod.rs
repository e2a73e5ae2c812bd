//! The dense layer, with weights used where they lie.

mod kernels;

use crate::Activation;
use crate::gradients::keep_factors;
use crate::host::{is_host_f32, values, with_values};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
pub(crate) use kernels::{Sizes, weight_gradient, weight_gradient_block};
use kernels::{forward, input_gradient};

const NAME: &str = "linear";

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
    /// The sizes for an input of this many values.
    fn sizes(&self, x_len: usize) -> Sizes {
        Sizes {
            rows: x_len / self.n_in,
            n_in: self.n_in,
            n_out: self.n_out,
        }
    }

    fn run(
        &self,
        x: &[f32],
        x_shape: &Shape,
        w: &[f32],
        bias: Option<&[f32]>,
    ) -> (CpuStorage, Shape) {
        let sizes = self.sizes(x.len());
        let mut y = vec![0.0f32; sizes.rows * sizes.n_out];
        forward(sizes, x, w, |row, column, product| {
            let bias = bias.map_or(0.0, |b| b[column]);
            y[row * sizes.n_out + column] = self.activation.apply(product + bias);
        });
        let mut dims = x_shape.dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = sizes.n_out;
        }
        (CpuStorage::F32(y), Shape::from(dims))
    }

    /// Gradients of x (unless `x` is untracked data), w (unless its factors are kept) and bias.
    fn gradients(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Vec<f32>)> {
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
        let dx = if x.track_op() {
            let dx = with_values(NAME, w, |w| {
                Ok(input_gradient(self.sizes(x.elem_count()), w, &dy))
            })?;
            Some(Tensor::from_vec(dx, x.shape(), x.device())?)
        } else {
            None
        };
        let dy = Tensor::from_vec(dy, (x.elem_count() / self.n_in, self.n_out), x.device())?;
        let dw = if keep_factors(w, x, &dy)? {
            None
        } else {
            let dw = with_values(NAME, x, |x| {
                with_values(NAME, &dy, |dy| {
                    Ok(weight_gradient(self.sizes(x.len()), x, dy))
                })
            })?;
            Some(Tensor::from_vec(dw, w.shape(), w.device())?)
        };
        Ok((dx, dw, db))
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
        Ok((dx, dw))
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
        Ok((dx, dw, Some(db)))
    }
}
