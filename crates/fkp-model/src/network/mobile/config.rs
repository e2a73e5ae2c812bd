//! The configuration of the network of inverted residual blocks, and its validation.

use crate::ModelError;
use crate::network::limits::{
    check_dropout, check_each, check_kernel_size, check_length, check_maps, check_parameters,
    check_sizes, check_task, product, refuse,
};
use fkp_core::{InputSpec, Task};
use serde::{Deserialize, Serialize};

/// Configuration of a [`Mobile`](super::Mobile) network. The default is meant for gray images of
/// 112×112 pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MobileConfig {
    /// Channels of each 3×3 convolution of stride 2 before the first stage.
    pub stem_channels: Vec<usize>,
    /// Channels of each stage.
    pub channels: Vec<usize>,
    /// Number of blocks of each stage.
    pub blocks: Vec<usize>,
    /// Stride of the first block of each stage.
    pub strides: Vec<usize>,
    /// Channels of the depthwise convolution of a block per input channel.
    pub expansion: usize,
    /// Side of the kernels of the depthwise convolutions, odd.
    pub kernel_size: usize,
    /// Units of each hidden dense layer + ReLU.
    pub dense: Vec<usize>,
    /// Probability of dropout after each hidden dense layer.
    pub dropout: f64,
}

impl Default for MobileConfig {
    fn default() -> Self {
        Self {
            stem_channels: vec![],
            channels: vec![16, 24, 32, 64, 96],
            blocks: vec![1, 2, 3, 3, 2],
            strides: vec![2, 2, 2, 2, 1],
            expansion: 4,
            kernel_size: 3,
            dense: vec![],
            dropout: 0.0,
        }
    }
}

impl MobileConfig {
    /// Checks that the sizes are valid for the task.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the name of the first invalid field.
    pub fn validate(&self, task: &Task) -> Result<(), ModelError> {
        check_task(task)?;
        if self.channels.is_empty() {
            return refuse("network.channels", "needs at least one stage");
        }
        for (field, sizes) in [
            ("network.stem_channels", &self.stem_channels),
            ("network.channels", &self.channels),
            ("network.dense", &self.dense),
        ] {
            check_sizes(field, sizes)?;
        }
        for (field, values, most) in [
            ("network.blocks", &self.blocks, 64),
            ("network.strides", &self.strides, 8),
        ] {
            check_length(field, values, &self.channels)?;
            check_each(field, values, 1..=most)?;
        }
        check_each("network.expansion", &[self.expansion], 1..=64)?;
        check_kernel_size(self.kernel_size)?;
        check_dropout(self.dropout)?;
        let side = self.final_side(&task.input);
        check_maps(task, &self.dense, side, "network.strides")?;
        let last = self.channels.last().copied().unwrap_or(0);
        check_parameters(self.convolutions(&task.input), last as u128, &self.dense)
    }

    /// Number of parameters of the convolutions.
    fn convolutions(&self, input: &InputSpec) -> u128 {
        let (mut channels, mut sum) = (input.channels, 0u128);
        for &out in &self.stem_channels {
            sum += product([3, 3, channels, out]);
            channels = out;
        }
        let kernel = self.kernel_size;
        for (&out, &blocks) in self.channels.iter().zip(&self.blocks) {
            for _ in 0..blocks {
                sum += product([channels, self.expansion, channels])
                    + product([channels, self.expansion, kernel, kernel])
                    + product([channels, self.expansion, out]);
                channels = out;
            }
        }
        sum
    }

    /// Side of the maps after the last stage: padding keeps at least one pixel.
    pub(super) fn final_side(&self, input: &InputSpec) -> usize {
        let stem = self.stem_channels.iter().map(|_| 2);
        let strides = stem.chain(self.strides.iter().copied());
        strides.fold(input.size, |side, stride| side.div_ceil(stride))
    }
}
