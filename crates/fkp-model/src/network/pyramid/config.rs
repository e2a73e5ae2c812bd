//! The configuration of the feature pyramid, and its validation.

use crate::ModelError;
use crate::network::limits::{
    check_each, check_length, check_parameters, check_sizes, check_task, product, refuse,
};
use fkp_core::{OutputSpec, Task};
use serde::{Deserialize, Serialize};

/// Configuration of a [`Pyramid`](super::Pyramid). The default has 0.38 M parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PyramidConfig {
    /// Channels of each stage. Each halves width and height.
    pub channels: Vec<usize>,
    /// Number of residual blocks of each stage, after its first convolution.
    pub residual_blocks: Vec<usize>,
    /// Channels of the merged features.
    pub width: usize,
    /// Number of 3×3 convolutions between the merged features and the output.
    pub head_convs: usize,
}

impl Default for PyramidConfig {
    fn default() -> Self {
        Self {
            channels: vec![16, 24, 40, 64, 96],
            residual_blocks: vec![0, 0, 1, 1, 2],
            width: 40,
            head_convs: 1,
        }
    }
}

impl PyramidConfig {
    /// Checks that the sizes are valid for the task, whose output must be boxes.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the name of the first invalid field.
    pub fn validate(&self, task: &Task) -> Result<(), ModelError> {
        check_task(task)?;
        let stages = self.channels.len();
        if !(1..=10).contains(&stages) {
            let problem = format!("must have 1 to 10 stages, got {stages}");
            return refuse("network.channels", problem);
        }
        check_sizes("network.channels", &self.channels)?;
        let field = "network.residual_blocks";
        check_length(field, &self.residual_blocks, &self.channels)?;
        check_each(field, &self.residual_blocks, 0..=64)?;
        check_sizes("network.width", &[self.width])?;
        check_each("network.head_convs", &[self.head_convs], 0..=64)?;
        if self.finest(task).is_none() {
            let strides: Vec<String> = (0..stages).map(|i| (2 << i).to_string()).collect();
            let problem = format!(
                "must be `boxes` with a stride of the {stages} stages, {}",
                strides.join(", ")
            );
            return refuse("output", problem);
        }
        let (size, multiple) = (task.input.size, 1 << stages);
        if size % multiple != 0 {
            let problem = format!("must be a multiple of {multiple}, got {size}");
            return refuse("input.size", problem);
        }
        let (mut channels, mut parameters) = (task.input.channels, 0u128);
        for (&out, &blocks) in self.channels.iter().zip(&self.residual_blocks) {
            parameters += product([3, 3, channels, out]) + product([3, 3, out, out, blocks]);
            parameters += product([out, self.width]);
            channels = out;
        }
        let convs = stages + self.head_convs;
        parameters += product([3, 3, self.width, self.width, convs]);
        check_parameters(parameters, 0, &[])
    }

    /// The stage whose maps have the size of the output; `None` if there is none.
    pub(super) fn finest(&self, task: &Task) -> Option<usize> {
        let OutputSpec::Boxes { stride } = task.output else {
            return None;
        };
        (0..self.channels.len()).find(|stage| 2 << stage == stride)
    }
}
