//! A residual network: stages of convolution blocks with residual connections, then dense layers or
//! a map for each keypoint.

mod config;

pub use config::ResidualConfig;

use super::head::{Head, HeadConfig, Reduction};
use super::stage::Stage;
use crate::layers::{Conv2dConfig, ConvNorm};
use candle_core::{Result, Tensor, bail};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::Task;

/// Stages of a 3×3 convolution + batch normalization + ReLU and residual blocks of the same width,
/// x + relu(norm(conv(x))) (He et al. 2016, fig. 4c); a 2×2 max-pool ends every stage but the last.
/// Then dense + ReLU layers and a dense layer to the values of each keypoint, or, for outputs that
/// are maps, a 1×1 convolution to a map for each keypoint, of the size of the last stage's output.
#[derive(Debug, Clone)]
pub struct ResidualNetwork {
    stages: Vec<Stage>,
    head: Head,
}

impl ResidualNetwork {
    /// Builds the network. Parameters are named `stage0.first.conv.weight`,
    /// `stage0.residual0.conv.weight`, …, `dense0.weight`, …; those of an output of maps
    /// `maps.weight`, ….
    ///
    /// # Errors
    /// If the input is too small for the stages, or `vb` does not have the weights.
    pub fn new(config: &ResidualConfig, task: &Task, vb: VarBuilder) -> Result<Self> {
        let input = &task.input;
        let Some(side) = config.final_side(input) else {
            bail!("an input of {} pixels is too small", input.size);
        };
        let mut stages = Vec::new();
        let mut channels = input.channels;
        let last = config.channels.len() - 1;
        for (i, (&out, &blocks)) in config
            .channels
            .iter()
            .zip(&config.residual_blocks)
            .enumerate()
        {
            let plain = Conv2dConfig::new().padding(1).relu();
            let end = if i == last { plain } else { plain.max_pool2() };
            let conv = |j| if j == blocks { end } else { plain };
            let vb = vb.pp(format!("stage{i}"));
            let first = ConvNorm::new(channels, out, 3, conv(0), vb.pp("first"))?;
            let residual =
                |j| ConvNorm::new(out, out, 3, conv(j), vb.pp(format!("residual{}", j - 1)));
            let residual_blocks = (1..=blocks).map(residual).collect::<Result<_>>()?;
            stages.push(Stage {
                first,
                residual_blocks,
            });
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
        Ok(Self { stages, head })
    }
}

impl ModuleT for ResidualNetwork {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for stage in &self.stages {
            x = stage.forward_t(&x, train)?;
        }
        self.head.forward_t(&x, train)
    }
}

#[cfg(test)]
mod tests;
