//! The operations that a plan can have.

use candle_core::{Result, bail};

use super::build::build;
use super::node::{Conv, Kind, Linear, Node, Residual, Shape, Value};
use super::plan::Plan;
use crate::Activation;
use crate::conv::{Channels, Conv2dConfig, Geometry, Pooling, is_fused};
use crate::frame_pool::Reduction;

/// Builds a [`Plan`] operation by operation.
#[derive(Debug)]
pub struct PlanBuilder {
    nodes: Vec<Node>,
}

/// A convolution with its weights.
#[derive(Clone, Copy, Debug)]
pub struct ConvLayer<'a> {
    /// As PyTorch has it.
    pub weight: &'a [f32],
    /// `[c_out, c_in, kh, kw]`; of a depthwise convolution `[c, 1, kh, kw]`.
    pub shape: [usize; 4],
    /// `c_out` values.
    pub bias: Option<&'a [f32]>,
    /// Dense or depthwise.
    pub channels: Channels,
    /// Padding, stride, activation and pooling.
    pub config: Conv2dConfig,
    /// A value of the shape of the result before pooling.
    pub residual: Residual,
}

/// `activation(x · weightᵀ + bias)`.
#[derive(Clone, Copy, Debug)]
pub struct LinearLayer<'a> {
    /// `[n_out, n_in]`.
    pub weight: &'a [f32],
    /// `n_out` values.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
}

impl PlanBuilder {
    /// A plan for images of this shape, `[channels, height, width]`.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new([channels, h, w]: [usize; 3]) -> Result<Self> {
        if channels == 0 || h == 0 || w == 0 {
            bail!("inference: the input [{channels}, {h}, {w}] must not have a size of 0");
        }
        let input = Node {
            kind: Kind::Input,
            inputs: Vec::new(),
            shape: Shape::Map { channels, h, w },
        };
        Ok(Self { nodes: vec![input] })
    }

    /// The input of the network.
    pub fn input(&self) -> Value {
        Value(0)
    }

    /// Adds a convolution.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn conv2d(&mut self, x: Value, layer: ConvLayer<'_>) -> Result<Value> {
        if layer.config.pooling != Pooling::None && !is_fused(layer.config.activation) {
            let config = Conv2dConfig {
                pooling: Pooling::None,
                ..layer.config
            };
            let y = self.conv2d(x, ConvLayer { config, ..layer })?;
            return self.max_pool(y, 2, 2);
        }
        let (c, h, w) = self.map("conv2d", x)?;
        let (x_shape, w_shape) = ([1, c, h, w], layer.shape);
        let g = match layer.channels {
            Channels::All => Geometry::new(&x_shape, &w_shape, layer.config)?,
            Channels::Depthwise => Geometry::depthwise(&x_shape, &w_shape, layer.config)?,
        };
        check_len(
            "conv2d: weight",
            layer.weight.len(),
            w_shape.iter().product(),
        )?;
        let bias = layer.bias.unwrap_or_default();
        if layer.bias.is_some() {
            check_len("conv2d: bias", bias.len(), g.c_out)?;
        }
        let mut inputs = vec![x];
        if let Some(residual) = layer.residual.value() {
            let (c, h, w) = self.map("conv2d", residual)?;
            if (c, h, w) != (g.c_out, g.ho, g.wo) {
                let (c_out, ho, wo) = (g.c_out, g.ho, g.wo);
                bail!("conv2d: the residual must be [{c_out}, {ho}, {wo}], got [{c}, {h}, {w}]");
            }
            inputs.push(residual);
        }
        let (h, w) = g.out_size();
        let shape = Shape::Map {
            channels: g.c_out,
            h,
            w,
        };
        let conv = Conv {
            geometry: g,
            channels: layer.channels,
            weight: layer.weight.to_vec(),
            bias: bias.to_vec(),
            residual: layer.residual,
        };
        Ok(self.push(Kind::Conv(Box::new(conv)), inputs, shape))
    }

    /// Adds a dense layer on a vector.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn linear(&mut self, x: Value, layer: LinearLayer<'_>) -> Result<Value> {
        let Shape::Vector(n_in) = self.shape_of(x)? else {
            bail!("linear: the input must be a vector: `flatten` it");
        };
        let n_out = layer.weight.len() / n_in;
        if n_out == 0 {
            bail!("linear: no weights");
        }
        check_len("linear: weight", layer.weight.len(), n_out * n_in)?;
        let bias = layer.bias.unwrap_or_default();
        if layer.bias.is_some() {
            check_len("linear: bias", bias.len(), n_out)?;
        }
        let linear = Linear {
            weight: layer.weight.to_vec(),
            bias: bias.to_vec(),
            activation: layer.activation,
        };
        Ok(self.push(Kind::Linear(linear), vec![x], Shape::Vector(n_out)))
    }

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
            kernel,
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

    /// The plan that computes `output`: packs the weights and assigns the buffers. Operations that
    /// `output` does not depend on are left out.
    ///
    /// # Errors
    /// If the value is of another builder.
    pub fn build(self, output: Value) -> Result<Plan> {
        self.shape_of(output)?;
        Ok(build(self.nodes, output))
    }

    fn shape_of(&self, value: Value) -> Result<Shape> {
        match self.nodes.get(value.0) {
            Some(node) => Ok(node.shape),
            None => bail!("inference: value {} is not of this builder", value.0),
        }
    }

    fn map(&self, op: &str, value: Value) -> Result<(usize, usize, usize)> {
        match self.shape_of(value)? {
            Shape::Map { channels, h, w } => Ok((channels, h, w)),
            Shape::Vector(len) => bail!("{op}: a map is needed, got a vector of {len} values"),
        }
    }

    fn push(&mut self, kind: Kind, inputs: Vec<Value>, shape: Shape) -> Value {
        self.nodes.push(Node {
            kind,
            inputs,
            shape,
        });
        Value(self.nodes.len() - 1)
    }
}

fn check_len(name: &str, len: usize, expected: usize) -> Result<()> {
    if len != expected {
        bail!("{name} must have {expected} values, got {len}");
    }
    Ok(())
}
