//! A network of the inverted residual blocks of MobileNetV2, then dense layers or a map for each
//! keypoint.

mod config;

pub use config::MobileConfig;

use super::head::{Head, HeadConfig, Reduction};
use crate::layers::{Conv2dConfig, ConvNorm, InvertedResidual, InvertedResidualConfig};
use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::Task;

/// 3×3 convolutions of stride 2 with batch normalization and ReLU, then stages of inverted residual
/// blocks (Sandler et al. 2018) with ReLU. Then the mean of each channel, dense + ReLU layers and a
/// dense layer to the values of each keypoint, or, for outputs that are maps, a 1×1 convolution to a
/// map for each keypoint, of the size of the last stage's output.
#[derive(Debug, Clone)]
pub struct Mobile {
    stem: Vec<ConvNorm>,
    blocks: Vec<InvertedResidual>,
    head: Head,
}

impl Mobile {
    /// Builds the network. Parameters are named `stem0.conv.weight`, …,
    /// `stage0.block0.expand.conv.weight`, …, `dense0.weight`, …; those of an output of maps
    /// `maps.weight`, ….
    ///
    /// # Errors
    /// If `vb` does not have the weights.
    pub fn new(config: &MobileConfig, task: &Task, vb: VarBuilder) -> Result<Self> {
        let mut channels = task.input.channels;
        let mut stem = Vec::new();
        for (i, &out) in config.stem_channels.iter().enumerate() {
            let conv = Conv2dConfig::new().padding(1).stride(2).relu();
            stem.push(ConvNorm::new(
                channels,
                out,
                3,
                conv,
                vb.pp(format!("stem{i}")),
            )?);
            channels = out;
        }
        let mut blocks = Vec::new();
        let strides = config.blocks.iter().zip(&config.strides);
        for (i, (&out, (&count, &stride))) in config.channels.iter().zip(strides).enumerate() {
            for j in 0..count {
                let block = InvertedResidualConfig {
                    expansion: config.expansion,
                    kernel: config.kernel_size,
                    stride: if j == 0 { stride } else { 1 },
                    ..InvertedResidualConfig::default()
                };
                let vb = vb.pp(format!("stage{i}.block{j}"));
                blocks.push(InvertedResidual::new(channels, out, block, vb)?);
                channels = out;
            }
        }
        let head = HeadConfig {
            channels,
            side: config.final_side(&task.input),
            reduction: Reduction::GlobalAverage,
            dense: &config.dense,
            dropout: config.dropout,
        };
        let head = Head::new(head, task, &vb)?;
        Ok(Self { stem, blocks, head })
    }
}

impl ModuleT for Mobile {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for layer in &self.stem {
            x = layer.forward_t(&x, train)?;
        }
        for block in &self.blocks {
            x = block.forward_t(&x, train)?;
        }
        self.head.forward_t(&x, train)
    }
}

#[cfg(test)]
mod tests;
