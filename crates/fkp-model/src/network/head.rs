//! The last layers of a network: dense layers to the values of each keypoint, or a map for each.

use crate::layers::{
    Activation, Conv2d, Conv2dConfig, Dropout, Linear, flatten, global_avg_pool2d,
};
use candle_core::{Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder};
use fkp_core::Task;
use std::collections::BTreeMap;

/// The features that the head gets, and its sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadConfig<'a> {
    /// Channels of the last convolution.
    pub(super) channels: usize,
    /// Side of its maps.
    pub(super) side: usize,
    /// How maps become the input of the first dense layer.
    pub(super) reduction: Reduction,
    /// Units of each hidden dense layer + ReLU.
    pub(super) dense: &'a [usize],
    /// Probability of dropout after each hidden dense layer.
    pub(super) dropout: f64,
}

/// How maps become a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduction {
    /// All values.
    Flatten,
    /// The mean of each channel.
    GlobalAverage,
}

/// Dense + ReLU layers and a dense layer to the values of the output; for outputs that are maps,
/// a 1×1 convolution to a map for each keypoint, of the size of the features.
#[derive(Debug, Clone)]
pub(super) enum Head {
    Dense {
        reduction: Reduction,
        hidden: Vec<Hidden>,
        output: Linear,
    },
    Maps(Conv2d),
}

/// Dense + ReLU + dropout.
#[derive(Debug, Clone)]
pub(super) struct Hidden {
    dense: Linear,
    dropout: Option<Dropout>,
}

impl Head {
    /// Parameters are named `dense0.weight`, …, or `maps.weight` and `maps.bias`.
    ///
    /// # Errors
    /// If `vb` does not have the weights.
    pub(super) fn new(config: HeadConfig<'_>, task: &Task, vb: &VarBuilder<'_>) -> Result<Self> {
        let (channels, n_keypoints) = (config.channels, task.schema.len());
        let Some(outputs) = task.output.vector_len(n_keypoints) else {
            let conv = Conv2dConfig::new();
            let maps = Conv2d::new(channels, n_keypoints, 1, conv, vb.pp("maps"))?;
            return Ok(Self::Maps(maps));
        };
        let mut features = match config.reduction {
            Reduction::Flatten => channels * config.side * config.side,
            Reduction::GlobalAverage => channels,
        };
        let mut hidden = Vec::new();
        for (i, &units) in config.dense.iter().enumerate() {
            let dropout = || Dropout::new(config.dropout, vb.pp(format!("dropout{i}")));
            let dropout = (config.dropout > 0.0).then(dropout).transpose()?;
            let vb = vb.pp(format!("dense{i}"));
            let dense = Linear::new(features, units, Activation::Relu, vb)?;
            hidden.push(Hidden { dense, dropout });
            features = units;
        }
        let vb = vb.pp(format!("dense{}", config.dense.len()));
        let output = Linear::new(features, outputs, Activation::Identity, vb)?;
        Ok(Self::Dense {
            reduction: config.reduction,
            hidden,
            output,
        })
    }
}

/// The names of the parameters of the last dense layer, which has the values of the output as its
/// rows.
pub(crate) fn output_parameters(weights: &BTreeMap<String, Tensor>) -> Vec<String> {
    let number = |name: &str| -> Option<usize> {
        let (number, _) = name.strip_prefix("dense")?.split_once('.')?;
        number.parse().ok()
    };
    let last = weights.keys().filter_map(|name| number(name)).max();
    let of_last = weights.keys().filter(|name| number(name) == last);
    match last {
        Some(_) => of_last.cloned().collect(),
        None => Vec::new(),
    }
}

impl ModuleT for Head {
    /// `[n, channels, side, side]` to the task's output.
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        match self {
            Self::Dense {
                reduction,
                hidden,
                output,
            } => {
                let mut x = match reduction {
                    Reduction::Flatten => flatten(x)?,
                    Reduction::GlobalAverage => global_avg_pool2d(x)?,
                };
                for layer in hidden {
                    x = layer.forward_t(&x, train)?;
                }
                output.forward(&x)
            }
            Self::Maps(maps) => maps.forward(x),
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
