//! The public transposed convolution and its candle operation, by a matrix product and col2im,
//! image by image.

use std::borrow::Cow;

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use super::config::ConvTranspose2dConfig;
use super::geometry::TransposedGeometry;
use super::subpixel::Subpixel;
use crate::conv::{Conv2dConfig, Geometry, GroupImage, col2im, im2col, sum_over_groups};
use crate::host::with_values;
use crate::matmul::{Matrix, Write, matmul};
use crate::recycle::Buffer;
use crate::scratch::with_scratch;
use crate::sums::sum;
use crate::weighted_op::{OpGradients, OpInputs, WeightedOp, applies, apply};

const NAME: &str = "conv_transpose2d";

/// The transposed convolution of `x`, `[n, c_in, h, w]`, with the kernels `w`,
/// `[c_in, c_out, kh, kw]`, plus `bias`, `[c_out]`: PyTorch's `conv_transpose2d`, which is the
/// gradient of a convolution by its input.
///
/// The result is `[n, c_out, h', w']` with
/// `h' = (h − 1)·stride − 2·padding + kh + output_padding`. Differentiable in `x`, `w` and `bias`;
/// the gradient of an `x` that does not depend on a variable is not computed.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fkp_kernels::{ConvTranspose2dConfig, conv_transpose2d};
///
/// let x = Tensor::new(&[[[[1f32, 2.0]]]], &Device::Cpu)?;
/// let w = Tensor::ones((1, 1, 2, 2), DType::F32, &Device::Cpu)?;
/// let y = conv_transpose2d(&x, &w, None, ConvTranspose2dConfig::new().stride(2))?;
/// assert_eq!(y.flatten_to(2)?.to_vec2::<f32>()?, [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If a shape does not fit the others or has a dimension of size 0, or the padding is as large as
/// the result.
pub fn conv_transpose2d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    config: ConvTranspose2dConfig,
) -> Result<Tensor> {
    let bias_shape = bias.map(Tensor::dims);
    let geometry = TransposedGeometry::new(NAME, x.dims(), w.dims(), bias_shape, config)?;
    if applies(x, w, bias) {
        return apply(ConvTranspose2d::new(geometry)?, x, w, bias);
    }
    let ConvTranspose2dConfig {
        stride,
        padding,
        output_padding,
    } = config;
    let y = x.conv_transpose2d(w, padding, output_padding, stride, 1)?;
    match bias {
        None => Ok(y),
        Some(bias) => y.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?),
    }
}

struct ConvTranspose2d {
    geometry: TransposedGeometry,
    subpixel: Option<Subpixel>,
    /// The convolution whose im2col matrix is the product of `x` and the kernels: of the result, or
    /// of its phases.
    columns: Geometry,
    /// The product as a 1×1 convolution of `x`.
    product: Geometry,
}

impl ConvTranspose2d {
    fn new(geometry: TransposedGeometry) -> Result<Self> {
        let g = &geometry;
        let subpixel = Subpixel::new(g);
        let (image, kernel, config) = match &subpixel {
            None => {
                let config = Conv2dConfig::new()
                    .stride(g.config.stride)
                    .padding(g.config.padding);
                let image = [g.n, g.c_out, g.out_h, g.out_w];
                (image, [g.c_in, g.c_out, g.kh, g.kw], config)
            }
            Some(subpixel) => {
                let channels = g.c_out * subpixel.phases();
                let [h, w] = subpixel.phase_size();
                let [kh, kw] = subpixel.kernel_size();
                let image = [g.n, channels, h, w];
                (image, [g.c_in, channels, kh, kw], Conv2dConfig::new())
            }
        };
        let columns = Geometry::new(&image, &kernel, config)?;
        let pointwise = [columns.taps(), g.c_in, 1, 1];
        let product = Geometry::new(&[g.n, g.c_in, g.h, g.w], &pointwise, Conv2dConfig::new())?;
        Ok(Self {
            geometry,
            subpixel,
            columns,
            product,
        })
    }

    /// The kernels in the order of `columns`.
    fn kernels<'a>(&self, w: &'a [f32]) -> Cow<'a, [f32]> {
        match &self.subpixel {
            None => Cow::Borrowed(w),
            Some(subpixel) => Cow::Owned(subpixel.kernels_by_phase(w)),
        }
    }

    /// The result for one image, without bias.
    fn image(&self, x: &[f32], kernels: &[f32], y: &mut [f32]) {
        let (taps, positions) = (self.columns.taps(), self.geometry.positions());
        let kernels = Matrix::new(kernels, self.geometry.c_in, taps);
        let x = Matrix::new(x, self.geometry.c_in, positions);
        with_scratch(taps * positions, |columns| {
            let product = Matrix::new(&mut *columns, taps, positions);
            matmul(kernels.t(), x, product, Write::Overwrite);
            match &self.subpixel {
                None => col2im(&self.columns, columns, y),
                Some(subpixel) => with_scratch(self.columns.x_len(), |phases| {
                    col2im(&self.columns, columns, phases);
                    subpixel.join(phases, y);
                }),
            }
        });
    }

    /// Adds the kernel gradient of one image to `dw` and computes its input gradient.
    fn image_gradients(
        &self,
        x: &[f32],
        kernels: &[f32],
        dy: &[f32],
        dw: &mut [f32],
        image: GroupImage<'_>,
    ) {
        let g = &self.geometry;
        let (taps, positions) = (self.columns.taps(), g.positions());
        with_scratch(taps * positions, |columns| {
            match &self.subpixel {
                None => im2col(&self.columns, dy, columns),
                Some(subpixel) => with_scratch(self.columns.x_len(), |phases| {
                    subpixel.split(dy, phases);
                    im2col(&self.columns, phases, columns);
                }),
            }
            let columns = Matrix::new(&*columns, taps, positions);
            let x = Matrix::new(x, g.c_in, positions);
            matmul(x, columns.t(), Matrix::new(dw, g.c_in, taps), image.write);
            if let Some(dx) = image.dx {
                let kernels = Matrix::new(kernels, g.c_in, taps);
                let dx = Matrix::new(dx, g.c_in, positions);
                matmul(kernels, columns, dx, Write::Overwrite);
            }
        });
    }
}

impl WeightedOp for ConvTranspose2d {
    const NAME: &'static str = NAME;

    fn forward(&self, inputs: OpInputs<'_>) -> (Vec<f32>, Shape) {
        let g = &self.geometry;
        let kernels = self.kernels(inputs.w);
        let mut y = vec![0.0f32; g.n * g.out_len()];
        y.par_chunks_mut(g.out_len())
            .zip(inputs.x.par_chunks(self.product.x_len()))
            .for_each(|(y, x)| {
                self.image(x, &kernels, y);
                let Some(bias) = inputs.bias else {
                    return;
                };
                for (plane, bias) in y.chunks_exact_mut(g.out_h * g.out_w).zip(bias) {
                    plane.iter_mut().for_each(|v| *v += bias);
                }
            });
        (y, Shape::from((g.n, g.c_out, g.out_h, g.out_w)))
    }

    fn backward(&self, x: &Tensor, w: &Tensor, _y: &Tensor, grad: &[f32]) -> Result<OpGradients> {
        let g = &self.geometry;
        let (x_len, w_len) = (self.product.x_len(), w.elem_count());
        let mut dx = x.track_op().then(|| {
            let mut dx = Buffer::new(g.n * x_len);
            dx.fill(0.0);
            dx
        });
        let mut sums = with_values(NAME, [x, w], |[x, w]| {
            let kernels = self.kernels(w);
            let sums = sum_over_groups(
                &self.product,
                dx.as_deref_mut(),
                w_len + g.c_out,
                |group, sums| {
                    let (dw, db) = sums.split_at_mut(w_len);
                    db.fill(0.0);
                    group.for_each_image(|image| {
                        let x = &x[image.index * x_len..][..x_len];
                        let dy = &grad[image.index * g.out_len()..][..g.out_len()];
                        for (db, plane) in db.iter_mut().zip(dy.chunks_exact(g.out_h * g.out_w)) {
                            *db += sum(plane) as f32;
                        }
                        self.image_gradients(x, &kernels, dy, dw, image);
                    });
                },
            );
            Ok(sums)
        })?;
        let bias = sums.split_off(w_len);
        let w = match &self.subpixel {
            None => sums,
            Some(subpixel) => subpixel.kernels_from_phases(&sums),
        };
        Ok(OpGradients {
            x: dx,
            w: Some(w),
            bias,
        })
    }
}
