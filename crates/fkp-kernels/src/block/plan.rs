//! The convolutions of a block with their sizes and memory layouts.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};

use super::config::{BlockConv, Residual};
use super::tail::{Addition, Tail};
use crate::Activation;
use crate::conv::{Channels, Conv2dConfig, FrameConv, Geometry, Pooling, Source};

/// Products per value of an output up to which it is computed again.
const MAX_TERMS: usize = 16;

/// Values of an output from which on it is.
const MIN_COMPUTED_AGAIN: usize = 1 << 18;

/// A block of convolutions, validated.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) n: usize,
    pub(super) layers: Vec<Layer>,
    pub(super) tail: Tail,
    /// Added to each variance.
    pub(super) eps: f64,
}

/// One convolution of a block.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) geometry: Geometry,
    pub(super) conv: FrameConv,
    pub(super) activation: Activation,
    pub(super) parameters: Parameters,
}

/// Where the variables of a convolution are among those of the block.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) weight: Range<usize>,
    pub(super) gamma: Range<usize>,
    pub(super) beta: Range<usize>,
}

impl Plan {
    pub(super) fn new(
        x: &Tensor,
        source: Source,
        convs: &[BlockConv<'_>],
        residual: Residual<'_>,
        pooling: Pooling,
        eps: f64,
    ) -> Result<Self> {
        if !(eps >= 0.0 && eps.is_finite()) {
            bail!("conv_block: eps = {eps} must be finite and at least 0");
        }
        let mut layers: Vec<Layer> = Vec::with_capacity(convs.len());
        let mut shape = x.dims().to_vec();
        for conv in convs {
            let layer = Layer::new(&shape, source, conv, layers.last())?;
            let g = &layer.geometry;
            shape = vec![g.n, g.c_out, g.ho, g.wo];
            layers.push(layer);
        }
        let Some(last) = layers.last() else {
            bail!("conv_block: no convolution");
        };
        let addition = match residual {
            Residual::None => Addition::None,
            Residual::BeforeActivation(_) => Addition::BeforeActivation,
            Residual::AfterActivation(_) => Addition::AfterActivation,
        };
        if let Some(residual) = residual.tensor()
            && residual.dims() != shape
        {
            let got = residual.dims();
            bail!("conv_block: the residual must be {shape:?}, got {got:?}");
        }
        let g = &last.geometry;
        if pooling == Pooling::Max2 && (g.ho < 2 || g.wo < 2) {
            let (ho, wo) = (g.ho, g.wo);
            bail!("conv_block: the {ho}×{wo} result is too small for 2×2 pooling");
        }
        Ok(Self {
            n: g.n,
            tail: Tail {
                z: last.conv.output(),
                addition,
                pooling,
            },
            layers,
            eps,
        })
    }
}

impl Layer {
    fn new(
        x: &[usize],
        source: Source,
        conv: &BlockConv<'_>,
        previous: Option<&Self>,
    ) -> Result<Self> {
        let config = Conv2dConfig::new()
            .padding(conv.padding)
            .stride(conv.stride);
        let weight = conv.weight.dims();
        let geometry = match conv.channels {
            Channels::All => Geometry::new(x, weight, config)?,
            Channels::Depthwise => Geometry::depthwise(x, weight, config)?,
        };
        let c = geometry.c_out;
        for (name, tensor) in [("gamma", conv.gamma), ("beta", conv.beta)] {
            if tensor.dims() != [c] {
                bail!("conv_block: {name} must be [{c}], got {:?}", tensor.dims());
            }
        }
        if geometry.n * geometry.positions() < 2 {
            bail!("conv_block: a variance needs more than one value per channel, x is {x:?}");
        }
        let source = match previous {
            None => source,
            Some(_) => Source::Pixels,
        };
        let start = previous.map_or(0, |layer| layer.parameters.beta.end);
        let weight = start..start + conv.weight.elem_count();
        let gamma = weight.end..weight.end + c;
        let beta = gamma.end..gamma.end + c;
        Ok(Self {
            conv: FrameConv::new(&geometry, conv.channels, source),
            geometry,
            activation: conv.activation,
            parameters: Parameters {
                weight,
                gamma,
                beta,
            },
        })
    }

    /// Whether computing the output again takes no longer than reading it from memory.
    pub(super) fn is_computed_again(&self) -> bool {
        let values = self.geometry.n * self.conv.output().len();
        values >= MIN_COMPUTED_AGAIN && self.conv.terms().is_some_and(|terms| terms <= MAX_TERMS)
    }

    /// Values of each channel over the batch.
    pub(super) fn count(&self) -> usize {
        self.geometry.n * self.geometry.positions()
    }
}
