//! The linear (dense) layer.

use super::init::glorot_uniform;
use crate::graph::{Op, record_sequence};
use candle_core::{Result, Tensor};
use candle_nn::{Init, Module, VarBuilder};
use fkp_kernels::Activation;

/// A linear layer with bias and activation.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder};
/// use fkp_model::layers::{Activation, Linear};
///
/// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
/// let linear = Linear::new(8, 3, Activation::Relu, vb)?;
/// let features = Tensor::zeros((2, 8), DType::F32, &Device::Cpu)?;
/// assert_eq!(linear.forward(&features)?.dims(), [2, 3]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl Linear {
    /// `weight`, `[features_out, features_in]`, is initialized like Keras' default,
    /// `glorot_uniform`; `bias`, `[features_out]`, with 0.
    ///
    /// # Errors
    /// If `vb` does not have the variables in these shapes.
    pub fn new(
        features_in: usize,
        features_out: usize,
        activation: Activation,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let init = glorot_uniform(features_in, features_out);
        Ok(Self {
            weight: vb.get_with_hints((features_out, features_in), "weight", init)?,
            bias: vb.get_with_hints(features_out, "bias", Init::Const(0.0))?,
            activation,
        })
    }
}

impl Module for Linear {
    /// Transforms `[n, features_in]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = fkp_kernels::linear(x, &self.weight, Some(&self.bias), self.activation)?;
        record_sequence("Linear", x, &y, || {
            let linear = Op::Linear {
                weight: self.weight.detach(),
                bias: self.bias.detach(),
            };
            Ok(vec![linear, Op::Activation(self.activation)])
        })?;
        Ok(y)
    }
}
