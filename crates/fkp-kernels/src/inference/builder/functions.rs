//! Operations without weights, and the parametric ReLU.

use candle_core::{Result, bail};

use super::nodes::PlanBuilder;
use crate::Activation;
use crate::frame_pool::Reduction;
use crate::inference::node::{Interpolation, Kind, Shape, Value};
use crate::soft_argmax::MeanPosition;

impl PlanBuilder {
    /// Maximum over `kernel × kernel` windows, as [`max_pool2d`](crate::max_pool2d).
    ///
    /// # Errors
    /// If `x` is a vector, or a window does not fit.
    pub fn max_pool(&mut self, x: Value, kernel: usize, stride: usize) -> Result<Value> {
        self.pool("max_pool", x, (kernel, stride), Reduction::Max)
    }

    /// Mean over `kernel × kernel` windows, as [`avg_pool2d`](crate::avg_pool2d).
    ///
    /// # Errors
    /// As [`Self::max_pool`].
    pub fn avg_pool(&mut self, x: Value, kernel: usize, stride: usize) -> Result<Value> {
        self.pool("avg_pool", x, (kernel, stride), Reduction::Mean)
    }

    fn pool(
        &mut self,
        op: &str,
        x: Value,
        (kernel, stride): (usize, usize),
        reduction: Reduction,
    ) -> Result<Value> {
        let (channels, h, w) = self.map(op, x)?;
        if kernel == 0 || stride == 0 || kernel > h || kernel > w {
            bail!("{op}: windows of {kernel}×{kernel} with stride {stride} on {h}×{w}");
        }
        let shape = Shape::Map {
            channels,
            h: (h - kernel) / stride + 1,
            w: (w - kernel) / stride + 1,
        };
        let kind = Kind::Pool {
            window: (kernel, kernel),
            stride,
            reduction,
        };
        Ok(self.push(kind, vec![x], shape))
    }

    /// Mean over each channel: a map to a vector.
    ///
    /// # Errors
    /// If `x` is a vector.
    pub fn global_avg_pool(&mut self, x: Value) -> Result<Value> {
        let (channels, ..) = self.map("global_avg_pool", x)?;
        Ok(self.push(Kind::GlobalAvgPool, vec![x], Shape::Vector(channels)))
    }

    /// A map to a vector in the order `[channels, h, w]`, as PyTorch's. A vector stays what it is.
    ///
    /// # Errors
    /// If the value is of another builder.
    pub fn flatten(&mut self, x: Value) -> Result<Value> {
        match self.shape_of(x)? {
            Shape::Vector(_) => Ok(x),
            Shape::Map { channels, h, w } => {
                let shape = Shape::Vector(channels * h * w);
                Ok(self.push(Kind::Flatten, vec![x], shape))
            }
        }
    }

    /// The sum of two values of one shape.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn add(&mut self, a: Value, b: Value) -> Result<Value> {
        let (shape, other) = (self.shape_of(a)?, self.shape_of(b)?);
        if shape != other {
            bail!("add: the shapes {shape:?} and {other:?} differ");
        }
        Ok(self.push(Kind::Add, vec![a, b], shape))
    }

    /// An activation by itself. That of a convolution or dense layer is part of it.
    ///
    /// # Errors
    /// If the value is of another builder.
    pub fn activate(&mut self, x: Value, activation: Activation) -> Result<Value> {
        let shape = self.shape_of(x)?;
        Ok(match activation {
            Activation::Identity => x,
            _ => self.push(Kind::Activation(activation), vec![x], shape),
        })
    }

    /// A map at `scale` times its height and width, each pixel repeated, as
    /// [`upsample_nearest2d`](crate::upsample_nearest2d).
    ///
    /// # Errors
    /// If `x` is a vector or `scale` is 0.
    pub fn upsample_nearest(&mut self, x: Value, scale: usize) -> Result<Value> {
        self.upsample("upsample_nearest", x, scale, Interpolation::Nearest)
    }

    /// The same by interpolation, as [`upsample_bilinear2d`](crate::upsample_bilinear2d).
    ///
    /// # Errors
    /// As [`Self::upsample_nearest`].
    pub fn upsample_bilinear(&mut self, x: Value, scale: usize) -> Result<Value> {
        self.upsample("upsample_bilinear", x, scale, Interpolation::Bilinear)
    }

    fn upsample(
        &mut self,
        op: &str,
        x: Value,
        scale: usize,
        interpolation: Interpolation,
    ) -> Result<Value> {
        let (channels, h, w) = self.map(op, x)?;
        match scale {
            0 => bail!("{op}: scale must be at least 1"),
            1 => return Ok(x),
            _ => {}
        }
        let kind = Kind::Upsample {
            scale,
            interpolation,
        };
        let shape = Shape::Map {
            channels,
            h: h * scale,
            w: w * scale,
        };
        Ok(self.push(kind, vec![x], shape))
    }

    /// A map whose channels are multiplied by the values of a vector, as
    /// [`scale_channels`](crate::scale_channels).
    ///
    /// # Errors
    /// If `x` is a vector or `scale` does not have a value for each channel.
    pub fn scale_channels(&mut self, x: Value, scale: Value) -> Result<Value> {
        let (channels, ..) = self.map("scale_channels", x)?;
        let (shape, factors) = (self.shape_of(x)?, self.shape_of(scale)?);
        if factors != Shape::Vector(channels) {
            bail!("scale_channels: a vector of {channels} values is needed, got {factors:?}");
        }
        Ok(self.push(Kind::ScaleChannels, vec![x, scale], shape))
    }

    /// The parametric ReLU, as [`prelu`](crate::prelu): a slope for each channel of a map, or for
    /// each value of a vector.
    ///
    /// # Errors
    /// If there is another number of slopes.
    pub fn prelu(&mut self, x: Value, slopes: &[f32]) -> Result<Value> {
        let shape = self.shape_of(x)?;
        let (Shape::Map { channels, .. } | Shape::Vector(channels)) = shape;
        if slopes.len() != channels {
            let len = slopes.len();
            bail!("prelu: {channels} slopes are needed, got {len}");
        }
        Ok(self.push(Kind::PRelu(slopes.to_vec()), vec![x], shape))
    }

    /// The mean position x, y of the softmax of each channel, as
    /// [`soft_argmax2d`](crate::soft_argmax2d): a map of `c` channels to a vector, `[c, 2]`.
    ///
    /// # Errors
    /// If `x` is a vector, or `beta` is not positive and finite.
    pub fn soft_argmax(&mut self, x: Value, beta: f64) -> Result<Value> {
        let (channels, h, w) = self.map("soft_argmax", x)?;
        let mean = MeanPosition::new("soft_argmax", [h, w], beta)?;
        Ok(self.push(Kind::SoftArgmax(mean), vec![x], Shape::Vector(2 * channels)))
    }
}
