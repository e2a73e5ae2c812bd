//! Operations with weights.

use candle_core::{Result, bail};

use super::nodes::PlanBuilder;
use crate::Activation;
use crate::conv::{Channels, Conv2dConfig, Geometry, Pooling, is_fused};
use crate::conv_transpose::{ConvPhases, ConvTranspose2dConfig, TransposedGeometry};
use crate::inference::node::{Conv, ConvTranspose, Kind, Linear, Residual, Shape, Value};

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

/// A transposed convolution with its weights, of any number of taps and any stride.
#[derive(Clone, Copy, Debug)]
pub struct ConvTransposeLayer<'a> {
    /// As PyTorch has it.
    pub weight: &'a [f32],
    /// `[c_in, c_out, kh, kw]`.
    pub shape: [usize; 4],
    /// `c_out` values.
    pub bias: Option<&'a [f32]>,
    /// Padding and stride.
    pub config: ConvTranspose2dConfig,
    /// Applied after the bias.
    pub activation: Activation,
}

impl PlanBuilder {
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
        let bias = checked_bias("conv2d: bias", layer.bias, g.c_out)?;
        let mut inputs = vec![x];
        let (residual, added) = layer.residual.split();
        if let Some(residual) = residual {
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
            bias,
            residual: added,
        };
        Ok(self.push(Kind::Conv(Box::new(conv)), inputs, shape))
    }

    /// Adds a transposed convolution.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn conv_transpose2d(&mut self, x: Value, layer: ConvTransposeLayer<'_>) -> Result<Value> {
        const OP: &str = "conv_transpose2d";
        let (c, h, w) = self.map(OP, x)?;
        let bias_shape = layer.bias.map(|bias| [bias.len()]);
        let g = TransposedGeometry::new(
            OP,
            &[1, c, h, w],
            &layer.shape,
            bias_shape.as_ref().map(<[usize; 1]>::as_slice),
            layer.config,
        )?;
        let weights = layer.shape.iter().product();
        check_len("conv_transpose2d: weight", layer.weight.len(), weights)?;
        let conv = ConvTranspose {
            phases: ConvPhases::new(&g, layer.activation, layer.weight)?,
            bias: layer.bias.unwrap_or_default().to_vec(),
        };
        let shape = Shape::Map {
            channels: g.c_out,
            h: g.out_h,
            w: g.out_w,
        };
        Ok(self.push(Kind::ConvTranspose(Box::new(conv)), vec![x], shape))
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
        let bias = checked_bias("linear: bias", layer.bias, n_out)?;
        let linear = Linear {
            weight: layer.weight.to_vec(),
            bias,
            activation: layer.activation,
        };
        Ok(self.push(Kind::Linear(linear), vec![x], Shape::Vector(n_out)))
    }
}

fn check_len(name: &str, len: usize, expected: usize) -> Result<()> {
    if len != expected {
        bail!("{name} must have {expected} values, got {len}");
    }
    Ok(())
}

/// The values of a bias, none if there is none.
fn checked_bias(name: &str, bias: Option<&[f32]>, expected: usize) -> Result<Vec<f32>> {
    if let Some(bias) = bias {
        check_len(name, bias.len(), expected)?;
    }
    Ok(bias.unwrap_or_default().to_vec())
}
