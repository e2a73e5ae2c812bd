//! The variables of a block in candle's graph.
//!
//! A block has more variables than a candle operation has operands. Joining them would make candle
//! cut the joined gradient into pieces and add each to zeros. Instead, the variables of each
//! convolution have a token, as results have in [`crate::port`]: the block puts their gradients into
//! the token's slot, from which they come without a copy more.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor};

use super::config::BlockConv;
use crate::gradients::offer;
use crate::port::{Slot, token_storage};
use crate::recycle::Buffer;

const NAME: &str = "conv_block_variables";

/// The variables of all convolutions of a block.
pub(super) struct Variables {
    /// For each convolution its weight, γ and β, one after the other.
    pub(super) values: Tensor,
    /// One value per convolution.
    pub(super) token: Tensor,
    /// The gradients of each convolution, in the order of `values`.
    slots: Vec<Arc<Slot>>,
}

impl Variables {
    pub(super) fn new(convs: &[BlockConv<'_>]) -> Result<Self> {
        let (mut values, mut tokens, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for conv in convs {
            for variable in [conv.weight, conv.gamma, conv.beta] {
                values.push(variable.detach().flatten_all()?);
            }
            let slot = Arc::new(Slot::default());
            let source = Source(Arc::clone(&slot));
            tokens.push(conv.weight.apply_op3(conv.gamma, conv.beta, source)?);
            slots.push(slot);
        }
        Ok(Self {
            values: Tensor::cat(&values, 0)?,
            token: Tensor::cat(&tokens, 0)?,
            slots,
        })
    }

    /// Puts the gradients of each convolution into its slot, and returns the gradient of the token.
    pub(super) fn gradient<'a>(
        &self,
        gradients: impl Iterator<Item = &'a [f32]>,
    ) -> Result<Tensor> {
        for (slot, gradient) in self.slots.iter().zip(gradients) {
            slot.add(Buffer::from(gradient));
        }
        Tensor::ones(self.slots.len(), DType::F32, &Device::Cpu)
    }
}

/// Makes a token of weight, γ and β.
struct Source(Arc<Slot>);

impl CustomOp3 for Source {
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
        Ok(token_storage())
    }

    fn bwd(
        &self,
        weight: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradients = self.0.take_all(grad)?;
        let mut rest = &gradients[..];
        let mut next = |variable: &Tensor| {
            let (values, others) = rest.split_at(variable.elem_count());
            rest = others;
            let gradient = Tensor::from_slice(values, variable.shape(), variable.device())?;
            Ok::<_, candle_core::Error>(offer(variable, gradient))
        };
        Ok((next(weight)?, next(gamma)?, next(beta)?))
    }
}
