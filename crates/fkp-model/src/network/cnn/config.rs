//! The configuration of the convolutional network, and its validation.

use crate::ModelError;
use crate::network::limits::{
    check_dropout, check_kernel_size, check_maps, check_parameters, check_sizes, check_task,
    product, refuse,
};
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
        check_task(task)?;
        if self.conv_channels.is_empty() {
            return refuse("network.conv_channels", "needs at least one block");
        }
        check_kernel_size(self.kernel_size)?;
        check_sizes("network.conv_channels", &self.conv_channels)?;
        check_sizes("network.dense", &self.dense)?;
        check_dropout(self.dropout)?;
        let Some(side) = self.final_side(input) else {
            let (size, blocks) = (input.size, self.conv_channels.len());
            let problem = format!("an input of {size} pixels is too small for {blocks} blocks");
            return refuse("network.conv_channels", problem);
        };
        check_maps(task, &self.dense, side, "network.conv_channels")?;
        let (mut channels, mut convolutions) = (input.channels, 0u128);
        for &out in &self.conv_channels {
            convolutions += product([channels, out, self.kernel_size, self.kernel_size]);
            channels = out;
        }
        check_parameters(convolutions, product([channels, side, side]), &self.dense)
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
