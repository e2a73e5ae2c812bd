//! The backward pass by im2col.

use super::unroll::{col2im, im2col};
use crate::conv::batch::{GroupImage, sum_over_groups};
use crate::conv::buffers::{BackwardImage, BackwardInputs};
use crate::conv::config::Pooling;
use crate::conv::epilogue::unpool_channel;
use crate::conv::geometry::Geometry;
use crate::matmul::{Matrix, Write, matmul};
use crate::scratch::with_scratch;
use crate::weighted_op::OpGradients;

/// See [`crate::conv::algorithm::backward`].
pub(crate) fn backward(g: &Geometry, inputs: &BackwardInputs<'_>) -> OpGradients {
    let w_len = inputs.w.len();
    let mut dx = inputs.new_input_gradient();
    let mut dw = sum_over_groups(g, dx.as_deref_mut(), w_len + g.c_out, |group, sums| {
        let (dw, db) = sums.split_at_mut(w_len);
        db.fill(0.0);
        group.for_each_image(|image| {
            let values = inputs.image(g, image.index);
            with_scratch(g.c_out * g.positions(), |dy| {
                output_gradient(g, values, dy, db);
                products(g, values.x, inputs.w, dy, dw, image);
            });
        });
    });
    let bias = dw.split_off(w_len);
    OpGradients {
        x: dx,
        w: Some(dw),
        bias,
    }
}

/// Computes the gradient of the convolution before its epilogue, `dy`, `[c_out, positions]`, and
/// adds that of the bias to `db`.
fn output_gradient(g: &Geometry, image: BackwardImage<'_>, dy: &mut [f32], db: &mut [f32]) {
    let p = g.positions();
    match g.pooling {
        Pooling::None => {
            g.activation.backward_into(dy, image.y, image.grad);
            for (db, dy) in db.iter_mut().zip(dy.chunks_exact(p)) {
                *db += dy.iter().sum::<f32>();
            }
        }
        Pooling::Max2 => {
            let pooled = image.grad.len() / g.c_out;
            let grad = image.grad.chunks_exact(pooled);
            let channels = grad.zip(image.argmax.chunks_exact(pooled));
            for ((db, dy), (grad, argmax)) in
                db.iter_mut().zip(dy.chunks_exact_mut(p)).zip(channels)
            {
                *db += unpool_channel(grad, argmax, g.wo, dy);
            }
        }
    }
}

/// Adds the weight gradient of one image to `dw` and computes its input gradient.
fn products(g: &Geometry, x: &[f32], w: &[f32], dy: &[f32], dw: &mut [f32], image: GroupImage<'_>) {
    let (k, p) = (g.taps(), g.positions());
    let (w, dy) = (Matrix::new(w, g.c_out, k), Matrix::new(dy, g.c_out, p));
    let dw = Matrix::new(dw, g.c_out, k);
    let GroupImage { write, dx, .. } = image;
    if g.is_pointwise() {
        matmul(dy, Matrix::new(x, k, p).t(), dw, write);
        if let Some(dx) = dx {
            matmul(w.t(), dy, Matrix::new(dx, k, p), Write::Overwrite);
        }
    } else {
        with_scratch(k * p, |cols| {
            im2col(g, x, cols);
            matmul(dy, Matrix::new(&*cols, k, p).t(), dw, write);
            if let Some(dx) = dx {
                let dcols = Matrix::new(&mut *cols, k, p);
                matmul(w.t(), dy, dcols, Write::Overwrite);
                col2im(g, cols, dx);
            }
        });
    }
}
