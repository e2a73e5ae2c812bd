//! A convolutional network: convolution blocks, then dense layers or a map for each keypoint.

mod config;

pub use config::{CnnConfig, Norm, Padding};

use super::head::{Head, HeadConfig, Reduction};
use crate::layers::{Activation, BatchNorm2d, Conv2d, Conv2dConfig, max_pool2d};
use candle_core::{Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder};
use fkp_core::Task;

/// Several convolution + ReLU + 2×2 max-pool blocks; then dense + ReLU layers and a dense layer to
/// the values of each keypoint, or, for outputs that are maps, a 1×1 convolution to a map for each
/// keypoint, of the size of the last block's output.
#[derive(Debug, Clone)]
pub struct Cnn {
    blocks: Vec<Block>,
    head: Head,
}

/// Convolution + ReLU + 2×2 max-pool.
#[derive(Debug, Clone)]
enum Block {
    /// Convolution, ReLU and max-pool in one operation.
    Fused(Conv2d),
    /// With batch normalization after the convolution.
    Normalized(Conv2d, BatchNorm2d),
}

impl Cnn {
    /// Builds the network. Parameters are named `conv0.weight`, …, `dense0.weight`, …; those of
    /// batch normalization `norm0.weight`, …; those of an output of maps `maps.weight`, ….
    ///
    /// # Errors
    /// If the input is too small for the blocks, or `vb` does not have the weights.
    pub fn new(config: &CnnConfig, task: &Task, vb: VarBuilder) -> Result<Self> {
        let input = &task.input;
        let Some(side) = config.final_side(input) else {
            candle_core::bail!(
                "the input of {} pixels is too small for the blocks",
                input.size
            );
        };
        let mut blocks = Vec::new();
        let mut channels = input.channels;
        for (i, &out) in config.conv_channels.iter().enumerate() {
            blocks.push(Block::new(config, i, channels, out, &vb)?);
            channels = out;
        }
        let head = HeadConfig {
            channels,
            side,
            reduction: Reduction::Flatten,
            dense: &config.dense,
            dropout: config.dropout,
        };
        let head = Head::new(head, task, &vb)?;
        Ok(Self { blocks, head })
    }
}

impl Block {
    fn new(
        config: &CnnConfig,
        i: usize,
        channels_in: usize,
        channels_out: usize,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let padding = match config.padding {
            Padding::Same => config.kernel_size / 2,
            Padding::Valid => 0,
        };
        let (kernel, plain) = (config.kernel_size, Conv2dConfig::new().padding(padding));
        let vb_conv = vb.pp(format!("conv{i}"));
        Ok(match config.norm {
            Norm::None => {
                let fused = plain.relu().max_pool2();
                let conv = Conv2d::new(channels_in, channels_out, kernel, fused, vb_conv)?;
                Self::Fused(conv)
            }
            Norm::Batch => {
                let conv = Conv2d::no_bias(channels_in, channels_out, kernel, plain, vb_conv)?;
                let vb = vb.pp(format!("norm{i}"));
                Self::Normalized(conv, BatchNorm2d::new(channels_out, Activation::Relu, vb)?)
            }
        })
    }
}

impl ModuleT for Block {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        match self {
            Self::Fused(conv) => conv.forward(x),
            Self::Normalized(conv, norm) => {
                max_pool2d(&norm.forward_t(&conv.forward(x)?, train)?, 2, 2)
            }
        }
    }
}

impl ModuleT for Cnn {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for block in &self.blocks {
            x = block.forward_t(&x, train)?;
        }
        self.head.forward_t(&x, train)
    }
}

#[cfg(test)]
mod tests;
