//! The batch normalization layer.

use crate::graph::{Op, record_sequence};
use candle_core::{Result, Tensor, Var};
use candle_nn::{Init, ModuleT, VarBuilder};
use fkp_kernels::{Activation, BatchStatistics, NormStatistics, batch_norm, batch_norm_train};

/// PyTorch's default: the weight of a new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// PyTorch's default, added to the variance.
pub(super) const EPS: f64 = 1e-5;

/// Batch normalization of each channel (Ioffe & Szegedy 2015) with an activation, as PyTorch's
/// `BatchNorm2d` with its defaults: momentum 0.1, epsilon 1e-5.
///
/// In training each channel is normalized with the mean and variance of the batch, and
/// `running_mean` and `running_var` are moved toward them; in evaluation it is normalized with
/// these running statistics. They are updated in place, so that the backend of the `VarBuilder`
/// saves the new values: in `fkp_train::Params` they are buffers, which the optimizer does not
/// change.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candle_nn::{ModuleT, VarBuilder, VarMap};
/// use fkp_model::layers::{Activation, BatchNorm2d};
///
/// let vars = VarMap::new();
/// let vb = VarBuilder::from_varmap(&vars, candle_core::DType::F32, &Device::Cpu);
/// let norm = BatchNorm2d::new(1, Activation::Identity, vb)?;
/// let x = Tensor::new(&[[[[1f32, 3.0]]]], &Device::Cpu)?;
/// let y = norm.forward_t(&x, true)?.flatten_all()?.to_vec1::<f32>()?;
/// assert!((y[0] + 1.0).abs() < 1e-4 && (y[1] - 1.0).abs() < 1e-4);
/// // 0.9 · 0 + 0.1 · 2, and with the unbiased variance 2: 0.9 · 1 + 0.1 · 2.
/// let value = |name: &str| vars.data().lock().unwrap()[name].to_vec1::<f32>();
/// assert!((value("running_mean")?[0] - 0.2).abs() < 1e-6);
/// assert!((value("running_var")?[0] - 1.1).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchNorm2d {
    variables: NormVariables,
    activation: Activation,
}

impl BatchNorm2d {
    /// `weight` and `running_var` start at 1, `bias` and `running_mean` at 0, `[channels]` each.
    ///
    /// # Errors
    /// If `vb` does not have the variables in this shape.
    pub fn new(channels: usize, activation: Activation, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            variables: NormVariables::new(channels, vb)?,
            activation,
        })
    }
}

impl ModuleT for BatchNorm2d {
    /// Normalizes `[n, channels, h, w]`. In training a channel needs more than one value.
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let NormVariables { weight, bias, .. } = &self.variables;
        if !train {
            let running = self.variables.running();
            let y = batch_norm(x, weight, bias, &running, EPS, self.activation)?;
            record_sequence("BatchNorm2d", x, &y, || {
                let norm = Op::BatchNorm {
                    gamma: weight.detach(),
                    beta: bias.detach(),
                    running,
                    eps: EPS,
                };
                Ok(vec![norm, Op::Activation(self.activation)])
            })?;
            return Ok(y);
        }
        let (y, statistics) = batch_norm_train(x, weight, bias, EPS, self.activation)?;
        self.variables.update(&statistics)?;
        Ok(y)
    }
}

/// The parameters and running statistics of a batch normalization.
#[derive(Debug, Clone)]
pub(super) struct NormVariables {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
    running_mean: Var,
    running_var: Var,
}

impl NormVariables {
    pub(super) fn new(channels: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let get = |name, value| vb.get_with_hints(channels, name, Init::Const(value));
        Ok(Self {
            weight: get("weight", 1.0)?,
            bias: get("bias", 0.0)?,
            // The variable itself if `vb` returns variables, otherwise a copy.
            running_mean: Var::from_tensor(&get("running_mean", 0.0)?)?,
            running_var: Var::from_tensor(&get("running_var", 1.0)?)?,
        })
    }

    pub(super) fn running(&self) -> NormStatistics {
        NormStatistics {
            mean: self.running_mean.as_detached_tensor(),
            variance: self.running_var.as_detached_tensor(),
        }
    }

    /// Moves the running statistics toward those of a batch.
    pub(super) fn update(&self, batch: &BatchStatistics) -> Result<()> {
        let updated = batch.update(&self.running(), MOMENTUM)?;
        self.running_mean.set(&updated.mean)?;
        self.running_var.set(&updated.variance)
    }
}
