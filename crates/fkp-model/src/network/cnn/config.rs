//! The configuration of the convolutional network, and its validation.

use crate::ModelError;
use fkp_core::{InputSpec, Task};
use serde::{Deserialize, Serialize};

/// The padding of a convolution, as Keras' `padding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Zeros, so that the output has the size of the input.
    Same,
    /// None: the output is smaller by `kernel_size − 1`.
    Valid,
}

/// The normalization of the output of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// None; the convolution has a bias.
    #[default]
    None,
    /// Batch normalization, before the ReLU; the convolution has no bias.
    Batch,
}

/// Configuration of a [`Cnn`](super::Cnn). The default is the network of the tutorial: 32-64-128
/// channels, dense 500.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CnnConfig {
    /// Output channels of each convolution + ReLU + 2×2 max-pool block.
    pub conv_channels: Vec<usize>,
    /// Side of the convolution kernels, odd.
    pub kernel_size: usize,
    /// Padding of the convolutions.
    pub padding: Padding,
    /// Units of each hidden dense layer + ReLU.
    pub dense: Vec<usize>,
    /// Normalization of the output of each convolution.
    #[serde(skip_serializing_if = "is_default")]
    pub norm: Norm,
    /// Probability of dropout after each hidden dense layer.
    #[serde(skip_serializing_if = "is_default")]
    pub dropout: f64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for CnnConfig {
    fn default() -> Self {
        Self {
            conv_channels: vec![32, 64, 128],
            kernel_size: 3,
            padding: Padding::Same,
            dense: vec![500],
            norm: Norm::None,
            dropout: 0.0,
        }
    }
}

impl CnnConfig {
    /// Checks that the sizes are valid for the task.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the name of the first invalid field.
    pub fn validate(&self, task: &Task) -> std::result::Result<(), ModelError> {
        let input = &task.input;
        let refuse = |field, problem: String| Err(ModelError::config(field, problem));
        if let Some(problem) = input.problem() {
            return refuse("input", problem);
        }
        if let Some(problem) = task.output.problem() {
            return refuse("output", problem);
        }
        if self.conv_channels.is_empty() {
            return refuse(
                "network.conv_channels",
                "needs at least one block".to_owned(),
            );
        }
        if !matches!(self.kernel_size, 1 | 3 | 5 | 7) {
            let problem = format!("must be 1, 3, 5 or 7, got {}", self.kernel_size);
            return refuse("network.kernel_size", problem);
        }
        for (field, sizes) in [
            ("network.conv_channels", &self.conv_channels),
            ("network.dense", &self.dense),
        ] {
            if let Some(size) = sizes.iter().find(|size| !(1..=65_536).contains(*size)) {
                return refuse(field, format!("each must be in 1..=65536, got {size}"));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse(
                "network.dropout",
                format!("must be in 0..1, got {}", self.dropout),
            );
        }
        let Some(side) = self.final_side(input) else {
            let blocks = self.conv_channels.len();
            let problem = format!(
                "an input of {} pixels is too small for {blocks} blocks",
                input.size
            );
            return refuse("network.conv_channels", problem);
        };
        if task.output.values_per_keypoint().is_none() {
            if !self.dense.is_empty() {
                let kind = task.output.kind();
                let problem = format!("must be [] for the output `{kind}`, which is maps");
                return refuse("network.dense", problem);
            }
            if side < 2 {
                let problem = "the last block must output maps of at least 2×2".to_owned();
                return refuse("network.conv_channels", problem);
            }
        }
        match self.parameters(input.channels, side) {
            Some(..=Self::MAX_PARAMETERS) => Ok(()),
            _ => {
                let max = Self::MAX_PARAMETERS;
                let problem = format!("the network would have more than {max} parameters");
                refuse("network.dense", problem)
            }
        }
    }

    /// Limit on the number of parameters, so that a typing error does not exhaust the memory.
    const MAX_PARAMETERS: usize = 1 << 28;

    /// Number of parameters before the last layer, with maps of this side after the last block;
    /// `None` on overflow.
    fn parameters(&self, mut channels: usize, side: usize) -> Option<usize> {
        let mut sum = 0usize;
        for &out in &self.conv_channels {
            let area = self.kernel_size * self.kernel_size;
            sum = sum.checked_add(channels.checked_mul(out)?.checked_mul(area)?)?;
            channels = out;
        }
        let mut features = channels.checked_mul(side * side)?;
        for &units in &self.dense {
            sum = sum.checked_add(features.checked_mul(units)?)?;
            features = units;
        }
        Some(sum)
    }

    /// Side of the maps after the last block; `None` if the input is too small.
    pub(super) fn final_side(&self, input: &InputSpec) -> Option<usize> {
        let shrink = match self.padding {
            Padding::Same => 0,
            Padding::Valid => self.kernel_size - 1,
        };
        let block = |side: usize, _: &usize| Some(side.checked_sub(shrink)? / 2);
        let side = self.conv_channels.iter().try_fold(input.size, block)?;
        (side > 0).then_some(side)
    }
}
