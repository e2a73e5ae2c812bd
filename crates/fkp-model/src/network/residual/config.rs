//! The configuration of the residual network, and its validation.

use crate::ModelError;
use crate::network::limits::{
    check_dropout, check_each, check_length, check_maps, check_parameters, check_sizes, check_task,
    product, refuse,
};
use fkp_core::{InputSpec, Task};
use serde::{Deserialize, Serialize};

/// Configuration of a [`ResidualNetwork`](super::ResidualNetwork). The default has 2.42 M parameters for
/// 68 keypoints on gray images of 96×96 pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResidualConfig {
    /// Channels of each stage.
    pub channels: Vec<usize>,
    /// Number of residual blocks of each stage, after its first convolution.
    pub residual_blocks: Vec<usize>,
    /// Units of each hidden dense layer + ReLU.
    pub dense: Vec<usize>,
    /// Probability of dropout after each hidden dense layer.
    pub dropout: f64,
}

impl Default for ResidualConfig {
    fn default() -> Self {
        Self {
            channels: vec![24, 48, 96, 128, 192],
            residual_blocks: vec![0, 0, 1, 1, 0],
            dense: vec![256],
            dropout: 0.0,
        }
    }
}

impl ResidualConfig {
    /// Checks that the sizes are valid for the task.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the name of the first invalid field.
    pub fn validate(&self, task: &Task) -> Result<(), ModelError> {
        let input = &task.input;
        check_task(task)?;
        if self.channels.is_empty() {
            return refuse("network.channels", "needs at least one stage");
        }
        check_sizes("network.channels", &self.channels)?;
        let field = "network.residual_blocks";
        check_length(field, &self.residual_blocks, &self.channels)?;
        check_each(field, &self.residual_blocks, 0..=64)?;
        check_sizes("network.dense", &self.dense)?;
        check_dropout(self.dropout)?;
        let Some(side) = self.final_side(input) else {
            let (size, stages) = (input.size, self.channels.len());
            let problem = format!("an input of {size} pixels is too small for {stages} stages");
            return refuse("network.channels", problem);
        };
        check_maps(task, &self.dense, side, "network.channels")?;
        let (mut channels, mut convolutions) = (input.channels, 0u128);
        for (&out, &blocks) in self.channels.iter().zip(&self.residual_blocks) {
            convolutions += product([3, 3, channels, out]) + product([3, 3, out, out, blocks]);
            channels = out;
        }
        check_parameters(convolutions, product([channels, side, side]), &self.dense)
    }

    /// Side of the maps after the last stage; `None` if the input is too small.
    pub(super) fn final_side(&self, input: &InputSpec) -> Option<usize> {
        let pools = self.channels.len().checked_sub(1)?;
        let side = (0..pools).fold(input.size, |side, _| side / 2);
        (side > 0).then_some(side)
    }
}
