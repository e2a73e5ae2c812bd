//! The parametric ReLU layer.

use crate::graph::{Op, record_sequence};
use candle_core::{Result, Tensor};
use candle_nn::{Init, Module, VarBuilder};

/// PyTorch's default, the initial slope of He et al. 2015.
const INITIAL_SLOPE: f64 = 0.25;

/// The parametric ReLU (He et al. 2015): values that are not positive are multiplied by a learned
/// slope of their channel.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder, VarMap};
/// use fkp_model::layers::PRelu;
///
/// let vars = VarMap::new();
/// let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
/// let x = Tensor::new(&[[-4f32, 2.0]], &Device::Cpu)?;
/// let y = PRelu::new(2, vb)?.forward(&x)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1.0, 2.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PRelu {
    weight: Tensor,
}

impl PRelu {
    /// `weight`, `[channels]`, are the slopes; they start at 0.25.
    ///
    /// # Errors
    /// If `vb` does not have the variable in this shape.
    pub fn new(channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let weight = vb.get_with_hints(channels, "weight", Init::Const(INITIAL_SLOPE))?;
        Ok(Self { weight })
    }
}

impl Module for PRelu {
    /// The activation of `[n, channels, ..]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = fkp_kernels::prelu(x, &self.weight)?;
        record_sequence("PRelu", x, &y, || {
            let slope = self.weight.detach();
            Ok(vec![Op::PRelu { slope }])
        })?;
        Ok(y)
    }
}
