//! The operations of a graph, and the shapes of what they compute.

use candle_core::{Result, Tensor, bail};
use fkp_kernels::{Activation, Channels, ConvTranspose2dConfig, NormStatistics, Pooling};

/// An operation of a network. Its values are `[n, channels, height, width]`, `[n, features]` or
/// positions `[n, keypoints, 2]`, and shapes are stated without the batch.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// 2-D convolution with the same zero padding on all sides, and the same stride in both directions.
    Conv {
        /// `[c_out, c_in, kh, kw]`; of a depthwise convolution `[c, 1, kh, kw]`.
        weight: Tensor,
        /// `[c_out]`.
        bias: Option<Tensor>,
        padding: usize,
        stride: usize,
        channels: Channels,
    },
    /// 2-D transposed convolution, of `[c_in, c_out, kh, kw]` and `[c_out]`.
    ConvTranspose {
        weight: Tensor,
        bias: Option<Tensor>,
        config: ConvTranspose2dConfig,
    },
    /// Batch normalization with running statistics, each of `[c]`:
    /// `(x − mean) / √(variance + eps) · gamma + beta`.
    BatchNorm {
        gamma: Tensor,
        beta: Tensor,
        running: NormStatistics,
        eps: f64,
    },
    /// `x · weightᵀ + bias`, of `[features_out, features_in]` and `[features_out]`.
    Linear { weight: Tensor, bias: Tensor },
    /// An element-wise function, never the identity.
    Activation(Activation),
    /// Maximum over square windows without padding; an incomplete last window is dropped.
    MaxPool { kernel: usize, stride: usize },
    /// Mean over such windows.
    AvgPool { kernel: usize, stride: usize },
    /// Mean over each channel: `[c, h, w]` to `[c]`.
    GlobalAvgPool,
    /// `scale` times the height and width, each pixel repeated.
    UpsampleNearest { scale: usize },
    /// The same by bilinear interpolation, output pixel i at (i + ½) / scale − ½ of the input, and
    /// beyond the edge the pixel at the edge.
    UpsampleBilinear { scale: usize },
    /// Each channel of `[c, h, w]` times its factor in `[c]`.
    ScaleChannels,
    /// `x` where it is positive, elsewhere times the slope of its channel, `[c]`.
    PRelu { slope: Tensor },
    /// The mean position x, y of `softmax(beta · x)` of each channel: `[c, h, w]` to `[c, 2]`.
    SoftArgmax { beta: f64 },
    /// Sum of two values of one shape.
    Add,
    /// `[c, h, w]` to `[c · h · w]`.
    Flatten,
}

impl Op {
    /// The pooling at the end of a convolution, if any.
    ///
    /// # Errors
    /// If there is no operation for it.
    pub(crate) fn pooling(pooling: Pooling) -> Result<Option<Self>> {
        match pooling {
            Pooling::None => Ok(None),
            Pooling::Max2 => Ok(Some(Self::MaxPool {
                kernel: 2,
                stride: 2,
            })),
            other => bail!("the pooling {other:?} cannot be recorded"),
        }
    }

    /// The name of the operation, for messages and names of nodes.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "conv",
            Self::ConvTranspose { .. } => "conv_transpose",
            Self::BatchNorm { .. } => "batch_norm",
            Self::Linear { .. } => "linear",
            Self::Activation(_) => "activation",
            Self::MaxPool { .. } => "max_pool",
            Self::AvgPool { .. } => "avg_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::UpsampleNearest { .. } => "upsample_nearest",
            Self::UpsampleBilinear { .. } => "upsample_bilinear",
            Self::ScaleChannels => "scale_channels",
            Self::PRelu { .. } => "prelu",
            Self::SoftArgmax { .. } => "soft_argmax",
            Self::Add => "add",
            Self::Flatten => "flatten",
        }
    }

    /// Whether the operation returns an input of this shape as it is.
    pub(super) fn is_identity(&self, input: &[usize]) -> bool {
        match self {
            Self::Activation(activation) => *activation == Activation::Identity,
            Self::Flatten => input.len() == 1,
            Self::UpsampleNearest { scale } | Self::UpsampleBilinear { scale } => *scale == 1,
            Self::Conv { .. }
            | Self::ConvTranspose { .. }
            | Self::BatchNorm { .. }
            | Self::Linear { .. }
            | Self::MaxPool { .. }
            | Self::AvgPool { .. }
            | Self::GlobalAvgPool
            | Self::ScaleChannels
            | Self::PRelu { .. }
            | Self::SoftArgmax { .. }
            | Self::Add => false,
        }
    }

    /// Shape of the output for inputs of these shapes.
    pub(super) fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>> {
        let shape = match (self, inputs) {
            (
                Self::Conv {
                    weight,
                    padding,
                    stride,
                    ..
                },
                &[&[_, h, w]],
            ) => {
                let (c_out, _, kh, kw) = weight.dims4()?;
                let along = |side: usize, kernel| windows(side + 2 * padding, kernel, *stride);
                along(h, kh)
                    .zip(along(w, kw))
                    .map(|(h, w)| vec![c_out, h, w])
            }
            (Self::ConvTranspose { weight, config, .. }, &[&[c, h, w]]) => {
                let (c_in, c_out, kh, kw) = weight.dims4()?;
                let along = |side: usize, kernel: usize| {
                    let size = side.checked_sub(1)? * config.stride + kernel;
                    (size + config.output_padding).checked_sub(2 * config.padding)
                };
                let size = along(h, kh).zip(along(w, kw)).filter(|_| c == c_in);
                size.map(|(h, w)| vec![c_out, h, w])
            }
            (
                Self::MaxPool { kernel, stride } | Self::AvgPool { kernel, stride },
                &[&[c, h, w]],
            ) => {
                let along = |side: usize| windows(side, *kernel, *stride);
                along(h).zip(along(w)).map(|(h, w)| vec![c, h, w])
            }
            (Self::BatchNorm { .. }, &[&[c, h, w]]) => Some(vec![c, h, w]),
            (Self::Linear { weight, .. }, &[&[_]]) => Some(vec![weight.dim(0)?]),
            (Self::Activation(_), &[shape]) => Some(shape.to_vec()),
            (Self::GlobalAvgPool, &[&[c, _, _]]) => Some(vec![c]),
            (Self::UpsampleNearest { scale } | Self::UpsampleBilinear { scale }, &[&[c, h, w]]) => {
                Some(vec![c, h * scale, w * scale])
            }
            (Self::ScaleChannels, &[&[c, h, w], &[factors]]) if c == factors => Some(vec![c, h, w]),
            (Self::PRelu { slope }, &[shape]) if shape.first() == Some(&slope.dim(0)?) => {
                Some(shape.to_vec())
            }
            (Self::SoftArgmax { .. }, &[&[c, _, _]]) => Some(vec![c, 2]),
            (Self::Add, &[a, b]) if a == b => Some(a.to_vec()),
            (Self::Flatten, &[shape]) => Some(vec![shape.iter().product()]),
            (
                Self::Conv { .. }
                | Self::ConvTranspose { .. }
                | Self::BatchNorm { .. }
                | Self::Linear { .. }
                | Self::Activation(_)
                | Self::MaxPool { .. }
                | Self::AvgPool { .. }
                | Self::GlobalAvgPool
                | Self::UpsampleNearest { .. }
                | Self::UpsampleBilinear { .. }
                | Self::ScaleChannels
                | Self::PRelu { .. }
                | Self::SoftArgmax { .. }
                | Self::Add
                | Self::Flatten,
                _,
            ) => None,
        };
        match shape {
            Some(shape) => Ok(shape),
            None => bail!("{}: cannot be applied to {inputs:?}", self.name()),
        }
    }
}

/// Number of complete windows along a side.
fn windows(side: usize, kernel: usize, stride: usize) -> Option<usize> {
    Some(side.checked_sub(kernel)?.checked_div(stride)? + 1)
}
