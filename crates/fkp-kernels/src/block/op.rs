//! The block as a candle operation of three operands: input, variables (as a token), residual.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Result, Shape, Tensor};

use super::backward::{Needed, Target, backward};
use super::config::{BlockConv, Residual};
use super::forward::{Images, Operands, Saved, convolutions, result};
use super::plan::{Parameters, Plan};
use super::tail::Addition;
use super::variables::Variables;
use crate::conv::{Pooling, Source};
use crate::host::with_values;
use crate::port::{Frames, Port, Slot, expose};
use crate::token::{TokenOp, token};
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
    let device = x.device();
    let input = Operand::new(x);
    let plan = Plan::new(x, input.source(), convs, residual, pooling, eps)?;
    let variables = Variables::new(convs)?;
    let added = match residual.tensor() {
        Some(residual) => Operand::new(residual),
        None => Operand::Planes(Tensor::zeros(0, DType::F32, device)?),
    };
    let (saved, result) = with_operands(&input, &variables.values, &added, |operands| {
        let saved = convolutions(&plan, operands);
        let result = result(&plan, &saved, operands);
        (saved, result)
    })?;
    let statistics = plan.layers.iter().zip(&saved.layers).map(|(layer, saved)| {
        let moments = &saved.moments[..layer.geometry.c_out];
        let tensor = |f: &dyn Fn(&[f64; 2]) -> f64| {
            let values: Vec<f32> = moments.iter().map(|m| f(m) as f32).collect();
            Tensor::new(values, device)
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
    let shape = Shape::from((plan.n, output.channels, output.h, output.w));
    let slot = Arc::new(Slot::default());
    let (x, residual) = (input.node().clone(), added.node().clone());
    let variables_token = variables.token.clone();
    let op = ConvBlock {
        plan,
        variables,
        input,
        residual: added,
        saved: Mutex::new(Some(saved)),
        slot: Arc::clone(&slot),
    };
    let token = token(op, [&x, &variables_token, &residual])?;
    let frames = Frames {
        frame: output,
        values: result.frames,
    };
    let y = expose(result.planes, shape, Some(frames), &token, slot)?;
    Ok((y, statistics))
}

/// An input of a block.
enum Operand {
    Planes(Tensor),
    /// The result of another block.
    Block(Arc<Port>),
}

impl Operand {
    fn new(tensor: &Tensor) -> Self {
        match Port::with_frames(tensor) {
            Some(port) => Self::Block(port),
            None => Self::Planes(tensor.clone()),
        }
    }

    /// The operand in candle's graph.
    fn node(&self) -> &Tensor {
        match self {
            Self::Planes(tensor) => tensor,
            Self::Block(port) => &port.token,
        }
    }

    fn source(&self) -> Source {
        match self {
            Self::Planes(_) => Source::Planes,
            Self::Block(_) => Source::Pixels,
        }
    }

    fn images<'a>(&'a self, node: &'a [f32]) -> Images<'a> {
        match self {
            Self::Planes(_) => Images::Planes(node),
            Self::Block(port) => Images::Frames(port.images()),
        }
    }

    fn target(&self, needed: bool) -> Target<'_> {
        match self {
            _ if !needed => Target::None,
            Self::Planes(_) => Target::Planes,
            Self::Block(port) => Target::Slot(&port.slot),
        }
    }

    /// The gradient for candle's graph from that in planes, if it has not gone to the slot.
    fn gradient(&self, planes: Vec<f32>, needed: bool) -> Result<Option<Tensor>> {
        match self {
            _ if !needed => Ok(None),
            Self::Planes(tensor) => {
                Tensor::from_vec(planes, tensor.shape(), tensor.device()).map(Some)
            }
            Self::Block(_) => Port::token(1).map(Some),
        }
    }
}

/// Calls `f` with the values.
fn with_operands<R>(
    x: &Operand,
    parameters: &Tensor,
    residual: &Operand,
    f: impl FnOnce(Operands<'_>) -> R,
) -> Result<R> {
    let nodes = [x.node(), parameters, residual.node()];
    with_values(NAME, nodes, |[x_node, parameters, residual_node]| {
        Ok(f(Operands {
            x: x.images(x_node),
            parameters,
            residual: residual.images(residual_node),
        }))
    })
}

struct ConvBlock {
    plan: Plan,
    variables: Variables,
    input: Operand,
    residual: Operand,
    /// Until the first backward pass.
    saved: Mutex<Option<Saved>>,
    slot: Arc<Slot>,
}

impl TokenOp for ConvBlock {
    const NAME: &'static str = NAME;

    fn backward(
        &self,
        [x, _, residual]: [&Tensor; 3],
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let plan = &self.plan;
        let dy = self.slot.take_all(grad)?;
        let needs_residual = residual.track_op() && plan.tail.addition != Addition::None;
        let needed = Needed {
            x: self.input.target(x.track_op()),
            residual: self.residual.target(needs_residual),
        };
        let saved = self
            .saved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let gradients = with_operands(
            &self.input,
            &self.variables.values,
            &self.residual,
            |operands| {
                // A second backward pass of one graph.
                let saved = saved.unwrap_or_else(|| convolutions(plan, operands));
                backward(plan, saved, operands, dy, needed)
            },
        )?;
        let of_variables = plan.layers.iter().map(|layer| {
            let Parameters { weight, beta, .. } = &layer.parameters;
            &gradients.parameters[weight.start..beta.end]
        });
        Ok([
            self.input.gradient(gradients.x, x.track_op())?,
            Some(self.variables.gradient(of_variables)?),
            self.residual.gradient(gradients.residual, needs_residual)?,
        ])
    }
}
