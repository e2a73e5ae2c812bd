//! The operations on one image, in order.

use std::fmt::Debug;

use super::arena::{Arena, Slots};
use crate::layout::Frame;

/// An operation on the values of one image.
pub(super) trait ImageOp: Debug + Send + Sync {
    /// The zeros around the image are in the output already.
    fn run(&self, inputs: [&[f32]; 2], output: &mut [f32]);
}

/// The operations of one image.
#[derive(Debug, Default)]
pub(super) struct ImagePlan {
    pub(super) steps: Vec<Step>,
    pub(super) slots: Slots,
    /// Values of the row that an image is turned into: its features for the dense layers, or the
    /// output of the network.
    pub(super) row_len: usize,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) op: Box<dyn ImageOp>,
    pub(super) inputs: [Source; 2],
    pub(super) target: Target,
}

/// What an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    None,
    /// The planes of the image.
    Input,
    Slot {
        slot: usize,
        len: usize,
    },
}

/// What an operation writes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Frame {
        slot: usize,
        frame: Frame,
    },
    /// All of it.
    Planes {
        slot: usize,
        len: usize,
    },
    /// Part of the image's row.
    Row {
        start: usize,
        len: usize,
    },
}

impl ImagePlan {
    /// Computes the row of one image.
    pub(super) fn run(&self, arena: &mut Arena, x: &[f32], row: &mut [f32]) {
        for step in &self.steps {
            match step.target {
                Target::Row { start, len } => {
                    let inputs = step.inputs.map(|source| read(source, arena, x));
                    step.op.run(inputs, &mut row[start..][..len]);
                }
                Target::Frame { slot, frame } => arena.with_mut(slot, |buffer, arena| {
                    let output = &mut buffer[..frame.len()];
                    frame.clear_margin(output);
                    let inputs = step.inputs.map(|source| read(source, arena, x));
                    step.op.run(inputs, output);
                }),
                Target::Planes { slot, len } => arena.with_mut(slot, |buffer, arena| {
                    let inputs = step.inputs.map(|source| read(source, arena, x));
                    step.op.run(inputs, &mut buffer[..len]);
                }),
            }
        }
    }
}

fn read<'a>(source: Source, arena: &'a Arena, x: &'a [f32]) -> &'a [f32] {
    match source {
        Source::None => &[],
        Source::Input => x,
        Source::Slot { slot, len } => arena.values(slot, len),
    }
}
