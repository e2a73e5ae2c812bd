//! The public depthwise convolution and its candle operation.
#![expect(unsafe_code, reason = "results are not zeroed before they are written")]

use std::sync::{Mutex, PoisonError};

use candle_core::{Result, Shape, Tensor, bail};

use super::channels::Channels;
use super::channels_last::FrameConv;
use super::config::Conv2dConfig;
use super::frame_buffers::{BackwardPass, ForwardPass, InputFrames, Source};
use super::geometry::Geometry;
use crate::activate;
use crate::host::with_values;
use crate::recycle::Buffer;
use crate::weighted_op::{OpGradients, OpInputs, WeightedOp, applies, apply};
use crate::written::written;

const NAME: &str = "depthwise_conv2d";

/// As [`conv2d`](crate::conv2d) with the kernel `i` of `w`, `[c, 1, kh, kw]`, for channel `i` of `x`,
/// `[n, c, h, w]`: PyTorch's `groups = c`.
///
/// # Errors
/// As [`conv2d`](crate::conv2d).
pub fn depthwise_conv2d(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    config: Conv2dConfig,
) -> Result<Tensor> {
    let geometry = Geometry::depthwise(x.dims(), w.dims(), config)?;
    let channels = geometry.c_out;
    if let Some(bias) = bias
        && bias.dims() != [channels]
    {
        bail!("{NAME}: bias must be [{channels}], got {:?}", bias.dims());
    }
    let y = if applies(x, w, bias) {
        let conv = FrameConv::new(&geometry, Channels::Depthwise, Source::Planes);
        apply(Depthwise { geometry, conv }, x, w, bias)?
    } else {
        let y = x.conv2d(w, config.padding, config.stride, 1, channels)?;
        match bias {
            None => y,
            Some(bias) => y.broadcast_add(&bias.reshape((1, channels, 1, 1))?)?,
        }
    };
    config.pooling.apply(&activate(&y, config.activation)?)
}

/// The convolution with its bias.
struct Depthwise {
    geometry: Geometry,
    conv: FrameConv,
}

impl WeightedOp for Depthwise {
    const NAME: &'static str = NAME;

    fn forward(&self, inputs: OpInputs<'_>) -> (Vec<f32>, Shape) {
        let g = &self.geometry;
        let weights = self.conv.forward_weights(inputs.w);
        let image = g.c_out * g.positions();
        let write = |y: &mut [f32]| {
            let images = ForwardImages {
                op: self,
                x: inputs.x,
                bias: inputs.bias,
                y: y.chunks_exact_mut(image).map(Mutex::new).collect(),
            };
            let mut z = Buffer::new(g.n * self.conv.output().len());
            self.conv.forward_batch(&images, &weights, &mut z);
        };
        // SAFETY: the output of each image is passed on, and `unpack` writes a whole image.
        let y = unsafe { written(g.n * image, write) };
        (y, Shape::from((g.n, g.c_out, g.ho, g.wo)))
    }

    fn backward(&self, x: &Tensor, w: &Tensor, _: &Tensor, grad: &[f32]) -> Result<OpGradients> {
        let g = &self.geometry;
        with_values(NAME, [x, w], |[values, w]| {
            let mut dw = vec![0.0; w.len()];
            let gradients = |dx: &mut [f32], dw: &mut [f32]| {
                let weights = match dx.is_empty() {
                    true => Vec::new(),
                    false => self.conv.gradient_weights(w),
                };
                let images = BackwardImages {
                    op: self,
                    x: values,
                    grad,
                    dx: dx.chunks_exact_mut(g.x_len()).map(Mutex::new).collect(),
                };
                self.conv.gradients_batch(g.n, &images, &weights, dw);
            };
            let dx = match x.track_op() {
                true => {
                    let mut dx = Buffer::new(values.len());
                    gradients(&mut dx, &mut dw);
                    Some(dx)
                }
                false => {
                    gradients(&mut [], &mut dw);
                    None
                }
            };
            let mut bias = vec![0.0; g.c_out];
            for image in grad.chunks_exact(g.c_out * g.positions()) {
                for (sum, plane) in bias.iter_mut().zip(image.chunks_exact(g.positions())) {
                    *sum += plane.iter().sum::<f32>();
                }
            }
            Ok(OpGradients {
                x: dx,
                w: Some(dw),
                bias,
            })
        })
    }
}

impl Depthwise {
    fn fill_input(&self, x: &[f32], image: usize, input: &mut [f32]) {
        let len = self.geometry.x_len();
        self.conv.fill_from_planes(&x[image * len..][..len], input);
    }
}

/// The images of the forward pass.
struct ForwardImages<'a> {
    op: &'a Depthwise,
    x: &'a [f32],
    bias: Option<&'a [f32]>,
    /// One for each image, which only the task of the image uses.
    y: Vec<Mutex<&'a mut [f32]>>,
}

impl InputFrames for ForwardImages<'_> {
    fn input(&self, _: usize) -> Option<&[f32]> {
        None
    }

    fn fill_input(&self, image: usize, input: &mut [f32]) {
        self.op.fill_input(self.x, image, input);
    }
}

impl ForwardPass for ForwardImages<'_> {
    fn take_output(&self, image: usize, z: &[f32]) {
        let mut y = self.y[image].lock().unwrap_or_else(PoisonError::into_inner);
        self.op.conv.output().unpack(z, &mut y);
        let planes = y.chunks_exact_mut(self.op.geometry.positions());
        for (plane, &bias) in planes.zip(self.bias.unwrap_or_default()) {
            plane.iter_mut().for_each(|y| *y += bias);
        }
    }
}

/// The images of the backward pass.
struct BackwardImages<'a> {
    op: &'a Depthwise,
    x: &'a [f32],
    grad: &'a [f32],
    /// One for each image, which only the task of the image uses; none if not needed.
    dx: Vec<Mutex<&'a mut [f32]>>,
}

impl InputFrames for BackwardImages<'_> {
    fn input(&self, _: usize) -> Option<&[f32]> {
        None
    }

    fn fill_input(&self, image: usize, input: &mut [f32]) {
        self.op.fill_input(self.x, image, input);
    }
}

impl BackwardPass for BackwardImages<'_> {
    fn fill_gradient(&self, image: usize, dy: &mut [f32]) {
        let g = &self.op.geometry;
        let len = g.c_out * g.positions();
        let frame = self.op.conv.output_gradient();
        frame.pack(&self.grad[image * len..][..len], dy);
    }

    fn take_input_gradient(&self, image: usize, dx: &[f32]) {
        let mut planes = self.dx[image]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.op.conv.input_gradient().unpack(dx, &mut planes);
    }
}
