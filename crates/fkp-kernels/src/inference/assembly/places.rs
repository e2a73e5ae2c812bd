//! Where the values of a plan are, and the buffers that they get.

use crate::inference::batch::{BatchOp, BatchPlan, BatchStep};
use crate::inference::image::{ImageOp, ImagePlan, Source, Step, Target};
use crate::inference::layouts::Layouts;
use crate::inference::node::{Node, Value};
use crate::layout::Frame;

/// A plan whose operations are added one by one.
pub(super) struct Build<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) layouts: &'a Layouts,
    /// How many operations have yet to read a value.
    pub(super) remaining: Vec<usize>,
    pub(super) places: Vec<Place>,
    /// The network's input as planes and as pixels.
    pub(super) planes: Source,
    pub(super) pixels: Source,
    pub(super) image: ImagePlan,
    pub(super) batch: BatchPlan,
}

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    None,
    Slot(usize),
    /// Part of the row of the image.
    Row {
        start: usize,
        len: usize,
    },
    /// A buffer of the batch.
    Batch(usize),
}

impl Build<'_> {
    pub(super) fn frame(&self, value: Value) -> Frame {
        match (self.layouts.frames[value.0], self.nodes[value.0].shape) {
            (Some(frame), _) => frame,
            // The builder checks that these are maps.
            (None, shape) => Frame::tight(shape.len(), 1, 1),
        }
    }

    /// Where the inputs of an operation on maps are.
    pub(super) fn sources(&self, node: &Node) -> [Source; 2] {
        let mut sources = [Source::None; 2];
        for (source, value) in sources.iter_mut().zip(&node.inputs) {
            *source = match self.places[value.0] {
                Place::Slot(slot) => Source::Slot {
                    slot,
                    len: self.frame(*value).len(),
                },
                _ => self.pixels,
            };
        }
        sources
    }

    /// An operation whose value is a map.
    pub(super) fn map(&mut self, i: usize, op: Box<dyn ImageOp>, inputs: [Source; 2]) {
        let frame = self.frame(Value(i));
        let slot = self.image.slots.take(frame.len());
        self.places[i] = Place::Slot(slot);
        self.push(op, inputs, Target::Frame { slot, frame });
        self.release_inputs(i);
    }

    /// An operation whose value is a part of the image's row.
    pub(super) fn row(&mut self, i: usize, op: Box<dyn ImageOp>, node: &Node, len: usize) {
        let start = self.image.row_len;
        self.image.row_len += len;
        self.places[i] = Place::Row { start, len };
        self.push(op, self.sources(node), Target::Row { start, len });
        self.release_inputs(i);
    }

    pub(super) fn push(&mut self, op: Box<dyn ImageOp>, inputs: [Source; 2], target: Target) {
        self.image.steps.push(Step { op, inputs, target });
    }

    /// The buffers of values that no later operation reads are free again.
    pub(super) fn release_inputs(&mut self, i: usize) {
        for value in &self.nodes[i].inputs {
            self.remaining[value.0] -= 1;
            if self.remaining[value.0] == 0
                && let Place::Slot(slot) = self.places[value.0]
            {
                self.image.slots.release(slot);
            }
        }
    }

    /// The buffer of the batch that has a vector. The features are in the first; the other buffers
    /// are numbered when all features are known.
    pub(super) fn in_batch(&mut self, value: Value) -> usize {
        match self.places[value.0] {
            Place::Batch(buffer) => buffer,
            Place::Row { start, len } => {
                let inputs = vec![0];
                self.push_batch(value.0, BatchOp::Columns { start }, inputs, len)
            }
            Place::None | Place::Slot(_) => 0,
        }
    }

    pub(super) fn push_batch(
        &mut self,
        i: usize,
        op: BatchOp,
        inputs: Vec<usize>,
        len: usize,
    ) -> usize {
        if self.batch.lengths.is_empty() {
            // The features, whose length is set at the end.
            self.batch.lengths.push(0);
        }
        let target = self.batch.lengths.len();
        self.batch.lengths.push(len);
        self.places[i] = Place::Batch(target);
        self.batch.steps.push(BatchStep { op, inputs, target });
        target
    }
}
