//! The variables of a block in candle's graph.
//!
//! A block has more variables than a candle operation has operands. Joining them would make candle
//! cut the joined gradient into pieces and add each to zeros. Instead, the variables of each
//! convolution have a token, as results have in [`crate::port`]: the block puts their gradients into
//! the token's slot, and the token's operation returns each as a tensor of its own.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use super::config::BlockConv;
use crate::gradients::offer;
use crate::port::Slot;
use crate::recycle::Buffer;
use crate::token::{TokenOp, token};

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
            tokens.push(token(source, [conv.weight, conv.gamma, conv.beta])?);
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

impl TokenOp for Source {
    const NAME: &'static str = "conv_block_variables";

    fn backward(
        &self,
        [weight, gamma, beta]: [&Tensor; 3],
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let gradients = self.0.take_all(grad)?;
        let mut rest = &gradients[..];
        let mut next = |variable: &Tensor| {
            let (values, others) = rest.split_at(variable.elem_count());
            rest = others;
            let gradient = Tensor::from_slice(values, variable.shape(), variable.device())?;
            Ok::<_, candle_core::Error>(offer(variable, gradient))
        };
        Ok([next(weight)?, next(gamma)?, next(beta)?])
    }
}
