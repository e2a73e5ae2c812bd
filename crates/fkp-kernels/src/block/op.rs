//! The block as a candle operation of three operands: input, variables, residual.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

use super::backward::{Needed, backward};
use super::config::{BlockConv, Residual};
use super::forward::{Operands, Saved, forward};
use super::plan::Plan;
use super::tail::Addition;
use crate::conv::Pooling;
use crate::host::with_values;
use crate::{BatchStatistics, NormStatistics};

const NAME: &str = "conv_block";

/// Computes the block for `f32` tensors on the CPU.
pub(super) fn apply(
    x: &Tensor,
    convs: &[BlockConv<'_>],
    residual: Residual<'_>,
    pooling: Pooling,
    eps: f64,
) -> Result<(Tensor, Vec<BatchStatistics>)> {
    let plan = Plan::new(x, convs, residual, pooling, eps)?;
    let mut parameters = Vec::with_capacity(3 * convs.len());
    for conv in convs {
        parameters.push(conv.weight.flatten_all()?);
        parameters.push(conv.gamma.clone());
        parameters.push(conv.beta.clone());
    }
    let parameters = Tensor::cat(&parameters, 0)?;
    let none = Tensor::zeros(0, DType::F32, x.device())?;
    let added = residual.tensor().unwrap_or(&none);
    let (y, saved) = with_values(
        NAME,
        [x, &parameters, added],
        |[x, parameters, residual]| {
            let operands = Operands {
                x,
                parameters,
                residual,
            };
            Ok(forward(&plan, operands))
        },
    )?;
    let statistics = plan.layers.iter().zip(&saved.layers).map(|(layer, saved)| {
        let moments = &saved.moments[..layer.geometry.c_out];
        let tensor = |f: &dyn Fn(&[f64; 2]) -> f64| {
            let values: Vec<f32> = moments.iter().map(|m| f(m) as f32).collect();
            Tensor::new(values, x.device())
        };
        Ok(BatchStatistics {
            batch: NormStatistics {
                mean: tensor(&|&[mean, _]| mean)?,
                variance: tensor(&|&[_, variance]| variance)?,
            },
            count: layer.count(),
        })
    });
    let statistics = statistics.collect::<Result<Vec<_>>>()?;
    let output = plan.tail.output();
    let op = ConvBlock {
        shape: Shape::from((plan.n, output.channels, output.h, output.w)),
        plan,
        result: Mutex::new(Some(y)),
        saved,
    };
    Ok((x.apply_op3(&parameters, added, op)?, statistics))
}

struct ConvBlock {
    plan: Plan,
    shape: Shape,
    /// Computed before the operation is applied, together with the statistics.
    result: Mutex<Option<Vec<f32>>>,
    saved: Saved,
}

impl CustomOp3 for ConvBlock {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let result = self.result.lock().ok().and_then(|mut result| result.take());
        match result {
            Some(y) => Ok((CpuStorage::F32(y), self.shape.clone())),
            None => bail!("{NAME}: applied twice"),
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        residual: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let tail = &self.plan.tail;
        let residual_needed = residual.track_op() && tail.addition != Addition::None;
        // The gradient of a residual that is added last is that of the result.
        let is_grad = (tail.addition, tail.pooling) == (Addition::AfterActivation, Pooling::None);
        let needed = Needed {
            x: x.track_op(),
            residual: residual_needed && !is_grad,
        };
        let gradients = with_values(
            NAME,
            [x, parameters, residual, grad],
            |[x, parameters, residual, grad]| {
                let operands = Operands {
                    x,
                    parameters,
                    residual,
                };
                Ok(backward(&self.plan, &self.saved, operands, grad, needed))
            },
        )?;
        let like = |values: Vec<f32>, tensor: &Tensor, needed: bool| match needed {
            true => Tensor::from_vec(values, tensor.shape(), tensor.device()).map(Some),
            false => Ok(None),
        };
        let d_residual = match residual_needed && is_grad {
            true => Some(grad.clone()),
            false => like(gradients.residual, residual, needed.residual)?,
        };
        Ok((
            like(gradients.x, x, needed.x)?,
            like(gradients.parameters, parameters, true)?,
            d_residual,
        ))
    }
}
