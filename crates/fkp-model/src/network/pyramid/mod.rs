//! A feature pyramid: for outputs that are one map for objects of all sizes, such as those of a face
//! detector.

mod config;

pub use config::PyramidConfig;

use super::stage::Stage;
use crate::layers::{Conv2d, Conv2dConfig, ConvNorm, Residual, upsample_nearest2d};
use candle_core::{Result, Tensor, bail};
use candle_nn::{Module, ModuleT, VarBuilder};
use fkp_core::Task;

/// Stages of a 3×3 convolution with stride 2 + batch normalization + ReLU and residual blocks of the
/// same width, x + relu(norm(conv(x))). From the last stage back to the one whose maps have the size
/// of the output, the features of each are added to those of the next, enlarged to its size, and
/// convolved (feature pyramid network, Lin et al. 2017). Then 3×3 convolutions and a 1×1 convolution
/// to the maps of the output.
///
/// It takes images of any size, with a width and a height that are multiples of 2 to the number of
/// stages.
#[derive(Debug, Clone)]
pub struct Pyramid {
    stages: Vec<Stage>,
    /// From the last stage to the finest.
    levels: Vec<Level>,
    head: Vec<ConvNorm>,
    output: Conv2d,
}

/// The features of a stage, added to those of the level before, and a convolution of the sum.
#[derive(Debug, Clone)]
struct Level {
    lateral: ConvNorm,
    merged: ConvNorm,
}

impl Pyramid {
    /// Builds the network. Parameters are named `stage0.first.conv.weight`,
    /// `stage2.residual0.conv.weight`, …, `level4.lateral.conv.weight`, `level4.merged.conv.weight`,
    /// …, `head0.conv.weight`, …, `output.weight`, `output.bias`.
    ///
    /// # Errors
    /// If the output of the task is not boxes of one of the stages, or `vb` does not have the weights.
    pub fn new(config: &PyramidConfig, task: &Task, vb: VarBuilder) -> Result<Self> {
        let finest = config.finest(task);
        let Some((finest, outputs)) = finest.zip(task.output.maps(task.schema.len())) else {
            bail!("the output must be boxes of one of the stages");
        };
        let same = Conv2dConfig::new().padding(1).relu();
        let mut stages = Vec::new();
        let mut channels = task.input.channels;
        let sizes = config.channels.iter().zip(&config.residual_blocks);
        for (i, (&out, &blocks)) in sizes.enumerate() {
            let vb = vb.pp(format!("stage{i}"));
            let first = ConvNorm::new(channels, out, 3, same.stride(2), vb.pp("first"))?;
            let block = |j| ConvNorm::new(out, out, 3, same, vb.pp(format!("residual{j}")));
            let residual_blocks = (0..blocks).map(block).collect::<Result<_>>()?;
            stages.push(Stage {
                first,
                residual_blocks,
            });
            channels = out;
        }
        let width = config.width;
        let level = |i: usize| {
            let vb = vb.pp(format!("level{i}"));
            let pointwise = Conv2dConfig::new().relu();
            Ok(Level {
                lateral: ConvNorm::new(config.channels[i], width, 1, pointwise, vb.pp("lateral"))?,
                merged: ConvNorm::new(width, width, 3, same, vb.pp("merged"))?,
            })
        };
        let levels = (finest..stages.len()).rev().map(level);
        let levels = levels.collect::<Result<_>>()?;
        let head = |i| ConvNorm::new(width, width, 3, same, vb.pp(format!("head{i}")));
        Ok(Self {
            stages,
            levels,
            head: (0..config.head_convs).map(head).collect::<Result<_>>()?,
            output: Conv2d::new(width, outputs, 1, Conv2dConfig::new(), vb.pp("output"))?,
        })
    }
}

impl ModuleT for Pyramid {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut features = Vec::new();
        let mut x = x.clone();
        for stage in &self.stages {
            x = stage.forward_t(&x, train)?;
            features.push(x.clone());
        }
        let mut coarser: Option<Tensor> = None;
        for (level, features) in self.levels.iter().zip(features.iter().rev()) {
            let sum = match coarser {
                None => level.lateral.forward_t(features, train)?,
                Some(coarser) => {
                    let enlarged = upsample_nearest2d(&coarser, 2)?;
                    let addition = Residual::AfterActivation(&enlarged);
                    level
                        .lateral
                        .forward_residual_t(features, addition, train)?
                }
            };
            coarser = Some(level.merged.forward_t(&sum, train)?);
        }
        let mut x = coarser.unwrap_or(x);
        for conv in &self.head {
            x = conv.forward_t(&x, train)?;
        }
        self.output.forward(&x)
    }
}

#[cfg(test)]
mod tests;
