//! The operations on vectors, for the whole batch: dense layers read their weights once for all images.

use crate::Activation;
use crate::matmul::{DenseSizes, forward};

/// The operations on the features of a batch, in order.
#[derive(Debug, Default)]
pub(super) struct BatchPlan {
    pub(super) steps: Vec<BatchStep>,
    /// Values of each image in each buffer; the first has the features.
    pub(super) lengths: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct BatchStep {
    pub(super) op: BatchOp,
    /// Buffers.
    pub(super) inputs: Vec<usize>,
    pub(super) target: usize,
}

#[derive(Debug)]
pub(super) enum BatchOp {
    /// Some values of each row.
    Columns {
        start: usize,
    },
    Linear(Dense),
    Add,
    Activation(Activation),
    /// The slope of each value.
    PRelu(Vec<f32>),
}

/// A dense layer.
#[derive(Debug)]
pub(super) struct Dense {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    /// `[n_out, n_in]`.
    pub(super) weight: Vec<f32>,
    /// `[n_out]`.
    pub(super) bias: Vec<f32>,
    pub(super) activation: Activation,
}

/// The buffers of a batch.
#[derive(Debug)]
pub(super) struct BatchBuffers(Vec<Vec<f32>>);

impl BatchPlan {
    /// The same, and the buffer of the output, with the features read where they are if they are one
    /// vector.
    pub(super) fn without_copies(mut self, output: usize) -> (Self, usize) {
        let copies = |step: &BatchStep| match step.op {
            BatchOp::Columns { .. } if self.lengths[step.target] == self.lengths[0] => {
                Some(step.target)
            }
            _ => None,
        };
        let Some(copy) = self.steps.iter().find_map(copies) else {
            return (self, output);
        };
        self.steps.retain(|step| step.target != copy);
        for input in self.steps.iter_mut().flat_map(|step| &mut step.inputs) {
            if *input == copy {
                *input = 0;
            }
        }
        (self, if output == copy { 0 } else { output })
    }

    pub(super) fn buffers(&self) -> BatchBuffers {
        BatchBuffers(vec![Vec::new(); self.lengths.len()])
    }

    /// The features of `n` images, to be filled, before [`Self::run`].
    pub(super) fn features<'a>(&self, buffers: &'a mut BatchBuffers, n: usize) -> &'a mut [f32] {
        for (buffer, len) in buffers.0.iter_mut().zip(&self.lengths) {
            buffer.resize(n * len, 0.0);
        }
        &mut buffers.0[0]
    }

    /// Computes all values from the features.
    pub(super) fn run(&self, buffers: &mut BatchBuffers, n: usize) {
        for step in &self.steps {
            let mut output = std::mem::take(&mut buffers.0[step.target]);
            let input = |index: usize| buffers.0[step.inputs[index]].as_slice();
            match &step.op {
                BatchOp::Columns { start } => {
                    let row_len = self.lengths[step.inputs[0]];
                    let rows = output.chunks_exact_mut(self.lengths[step.target]);
                    for (to, from) in rows.zip(input(0).chunks_exact(row_len)) {
                        to.copy_from_slice(&from[*start..][..to.len()]);
                    }
                }
                BatchOp::Linear(dense) => dense.run(n, input(0), &mut output),
                BatchOp::Add => {
                    for ((y, a), b) in output.iter_mut().zip(input(0)).zip(input(1)) {
                        *y = a + b;
                    }
                }
                BatchOp::Activation(activation) => {
                    for (y, x) in output.iter_mut().zip(input(0)) {
                        *y = activation.apply(*x);
                    }
                }
                BatchOp::PRelu(slopes) => {
                    let slopes = slopes.iter().cycle();
                    for ((y, &x), slope) in output.iter_mut().zip(input(0)).zip(slopes) {
                        *y = if x > 0.0 { x } else { slope * x };
                    }
                }
            }
            buffers.0[step.target] = output;
        }
    }
}

impl BatchBuffers {
    pub(super) fn values(&self, buffer: usize) -> &[f32] {
        &self.0[buffer]
    }
}

impl Dense {
    fn run(&self, rows: usize, x: &[f32], y: &mut [f32]) {
        let sizes = DenseSizes {
            rows,
            n_in: self.n_in,
            n_out: self.n_out,
        };
        forward(sizes, x, &self.weight, |row, column, product| {
            y[row * self.n_out + column] = self.activation.apply(product + self.bias[column]);
        });
    }
}
