//! A convolutional network: convolution blocks, then dense layers or a map for each keypoint.

mod config;

pub use config::{CnnConfig, Norm, Padding};

use crate::layers::{
    Activation, BatchNorm2d, Conv2d, Conv2dConfig, Dropout, Linear, flatten, max_pool2d,
};
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

#[derive(Debug, Clone)]
enum Head {
    Dense { hidden: Vec<Hidden>, output: Linear },
    Maps(Conv2d),
}

/// Convolution + ReLU + 2×2 max-pool.
#[derive(Debug, Clone)]
enum Block {
    /// Convolution, ReLU and max-pool in one operation.
    Fused(Conv2d),
    /// With batch normalization after the convolution.
    Normalized(Conv2d, BatchNorm2d),
}

/// Dense + ReLU + dropout.
#[derive(Debug, Clone)]
struct Hidden {
    dense: Linear,
    dropout: Option<Dropout>,
}

impl Cnn {
    /// Builds the network. Parameters are named `conv0.weight`, …, `dense0.weight`, …; those of
    /// batch normalization `norm0.weight`, …; those of an output of maps `maps.weight`, ….
    ///
    /// # Errors
    /// If the input is too small for the blocks, or `vb` does not have the weights.
    pub fn new(config: &CnnConfig, task: &Task, vb: VarBuilder) -> Result<Self> {
        let (input, n_keypoints) = (&task.input, task.schema.len());
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
        let Some(values) = task.output.values_per_keypoint() else {
            let maps = Conv2d::new(channels, n_keypoints, 1, Conv2dConfig::new(), vb.pp("maps"))?;
            let head = Head::Maps(maps);
            return Ok(Self { blocks, head });
        };
        let mut hidden = Vec::new();
        let mut features = channels * side * side;
        for (i, &units) in config.dense.iter().enumerate() {
            let dropout = || Dropout::new(config.dropout, vb.pp(format!("dropout{i}")));
            let dropout = (config.dropout > 0.0).then(dropout).transpose()?;
            let vb = vb.pp(format!("dense{i}"));
            let dense = Linear::new(features, units, Activation::Relu, vb)?;
            hidden.push(Hidden { dense, dropout });
            features = units;
        }
        let vb = vb.pp(format!("dense{}", config.dense.len()));
        let output = Linear::new(features, values * n_keypoints, Activation::Identity, vb)?;
        let head = Head::Dense { hidden, output };
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

impl ModuleT for Hidden {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.dense.forward(x)?;
        match &self.dropout {
            Some(dropout) => dropout.forward_t(&x, train),
            None => Ok(x),
        }
    }
}

impl ModuleT for Cnn {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for block in &self.blocks {
            x = block.forward_t(&x, train)?;
        }
        match &self.head {
            Head::Dense { hidden, output } => {
                x = flatten(&x)?;
                for layer in hidden {
                    x = layer.forward_t(&x, train)?;
                }
                output.forward(&x)
            }
            Head::Maps(maps) => maps.forward(&x),
        }
    }
}

#[cfg(test)]
mod tests;
