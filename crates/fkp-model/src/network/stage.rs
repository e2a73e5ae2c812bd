//! A stage of a network with residual connections.

use crate::layers::{ConvNorm, Residual};
use candle_core::{Result, Tensor};
use candle_nn::ModuleT;

/// A convolution, and blocks of the same width, each of which adds its input to its output after the
/// activation (He et al. 2016, fig. 4c). The last convolution may pool.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) first: ConvNorm,
    pub(super) residual_blocks: Vec<ConvNorm>,
}

impl ModuleT for Stage {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = self.first.forward_t(x, train)?;
        for block in &self.residual_blocks {
            x = block.forward_residual_t(&x, Residual::AfterActivation(&x), train)?;
        }
        Ok(x)
    }
}
