//! From a graph to a plan.

use super::fuse::{Addition, Fused, Part, fuse};
use crate::graph::{Graph, Op, ValueId};
use candle_core::{Result, Tensor};
use fkp_kernels::inference::{
    ConvLayer, ConvTransposeLayer, LinearLayer, Plan, PlanBuilder, Residual, Value,
};
use fkp_kernels::{Channels, Conv2dConfig};

/// The plan that computes a graph for images of `[channels, height, width]`.
///
/// # Errors
/// If a tensor operation fails, or an operation does not take values of the size that this input leads
/// to.
pub(super) fn compile(graph: &Graph, input: [usize; 3]) -> Result<Plan> {
    let graph = graph.fold_batch_norms()?;
    let builder = PlanBuilder::new(input)?;
    let mut values = Values {
        input: builder.input(),
        nodes: vec![None; graph.nodes.len()],
    };
    let mut builder = builder;
    for (i, part) in fuse(&graph).into_iter().enumerate() {
        if let Part::Node(fused) = part {
            values.nodes[i] = Some(operation(&graph, &mut builder, &values, fused)?);
        }
    }
    let output = values.get(graph.output)?;
    builder.build(output)
}

/// The values of the plan that are those of the graph.
struct Values {
    input: Value,
    nodes: Vec<Option<Value>>,
}

impl Values {
    fn get(&self, value: ValueId) -> Result<Value> {
        match value {
            ValueId::Input => Ok(self.input),
            ValueId::Node(index) => match self.nodes[index] {
                Some(value) => Ok(value),
                None => candle_core::bail!("the value of operation {index} is not computed"),
            },
        }
    }
}

fn operation(
    graph: &Graph,
    builder: &mut PlanBuilder,
    values: &Values,
    fused: Fused,
) -> Result<Value> {
    let node = &graph.nodes[fused.first];
    let x = values.get(node.inputs[0])?;
    match &node.op {
        Op::Conv {
            weight,
            bias,
            padding,
            stride,
            channels,
        } => {
            let (c_out, c_in, kh, kw) = weight.dims4()?;
            let bias = bias.as_ref().map(flat).transpose()?;
            let layer = ConvLayer {
                weight: &flat(weight)?,
                shape: [c_out, c_in, kh, kw],
                bias: bias.as_deref(),
                channels: *channels,
                config: config(fused).padding(*padding).stride(*stride),
                residual: residual(values, fused)?,
            };
            builder.conv2d(x, layer)
        }
        Op::ConvTranspose {
            weight,
            bias,
            config,
        } => {
            let (c_in, c_out, kh, kw) = weight.dims4()?;
            let bias = bias.as_ref().map(flat).transpose()?;
            let layer = ConvTransposeLayer {
                weight: &flat(weight)?,
                shape: [c_in, c_out, kh, kw],
                bias: bias.as_deref(),
                config: *config,
                activation: fused.activation,
            };
            builder.conv_transpose2d(x, layer)
        }
        // One that follows no convolution: a depthwise 1×1 convolution.
        Op::BatchNorm {
            gamma,
            beta,
            running,
            eps,
        } => {
            let scale = (gamma / (&running.variance + *eps)?.sqrt()?)?;
            let shift = (beta - (&running.mean * &scale)?)?;
            let layer = ConvLayer {
                weight: &flat(&scale)?,
                shape: [scale.elem_count(), 1, 1, 1],
                bias: Some(&flat(&shift)?),
                channels: Channels::Depthwise,
                config: config(fused),
                residual: residual(values, fused)?,
            };
            builder.conv2d(x, layer)
        }
        Op::Linear { weight, bias } => {
            let layer = LinearLayer {
                weight: &flat(weight)?,
                bias: Some(&flat(bias)?),
                activation: fused.activation,
            };
            builder.linear(x, layer)
        }
        Op::Activation(activation) => builder.activate(x, *activation),
        Op::MaxPool { kernel, stride } => builder.max_pool(x, *kernel, *stride),
        Op::AvgPool { kernel, stride } => builder.avg_pool(x, *kernel, *stride),
        Op::GlobalAvgPool => builder.global_avg_pool(x),
        Op::UpsampleNearest { scale } => builder.upsample_nearest(x, *scale),
        Op::UpsampleBilinear { scale } => builder.upsample_bilinear(x, *scale),
        Op::ScaleChannels => {
            let factors = values.get(node.inputs[1])?;
            builder.scale_channels(x, factors)
        }
        Op::PRelu { slope } => {
            // Positions are a vector of the plan, in which a channel has several values.
            let values_per_slope = match node.shape.len() {
                3 => 1,
                _ => node.shape[1..].iter().product(),
            };
            let slopes = flat(slope)?.into_iter();
            let slopes = slopes.flat_map(|slope| std::iter::repeat_n(slope, values_per_slope));
            builder.prelu(x, &slopes.collect::<Vec<_>>())
        }
        Op::SoftArgmax { beta } => builder.soft_argmax(x, *beta),
        Op::Add => {
            let other = values.get(node.inputs[1])?;
            builder.add(x, other)
        }
        Op::Flatten => builder.flatten(x),
    }
}

fn config(fused: Fused) -> Conv2dConfig {
    let mut config = Conv2dConfig::new().activation(fused.activation);
    config.pooling = fused.pooling;
    config
}

fn residual(values: &Values, fused: Fused) -> Result<Residual> {
    Ok(match fused.addition {
        Addition::None => Residual::None,
        Addition::BeforeActivation(value) => Residual::BeforeActivation(values.get(value)?),
        Addition::AfterActivation(value) => Residual::AfterActivation(values.get(value)?),
    })
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}
