//! Transposed convolution in inference: each phase of the result is a convolution of stride 1 of the input
//! with some of the taps, which writes its pixels to where they belong.

use candle_core::Result;

use super::geometry::TransposedGeometry;
use crate::Activation;
use crate::conv::{Conv2dConfig, Geometry, InferenceConv, InputLayout, Layouts, Reads};
use crate::layout::{Frame, Grid};
use crate::matmul::Addition;

/// The convolutions of the phases. The pixels of a phase are `stride` apart in both directions, and
/// computed with the same taps.
#[derive(Debug)]
pub(crate) struct ConvPhases {
    stride: usize,
    phases: Vec<Phase>,
}

/// A transposed convolution of one image with its weights and bias.
#[derive(Debug)]
pub(crate) struct InferenceConvTranspose(Vec<InferenceConv>);

#[derive(Debug)]
struct Phase {
    /// Of the pixels that are read.
    geometry: Geometry,
    /// `[c_out, c_in, rows of taps, columns of taps]`.
    weights: Vec<f32>,
    rows: Axis,
    columns: Axis,
}

/// The pixels of a phase along one axis.
#[derive(Clone, Debug, PartialEq)]
struct Axis {
    /// The first pixel of the result; the others follow at distances of `stride`.
    start: usize,
    len: usize,
    /// The input pixel of the first tap of the first pixel.
    first: isize,
    /// In the order of their input pixels. One beyond the kernel has weight 0.
    taps: Vec<usize>,
}

impl ConvPhases {
    /// `weights` are `[c_in, c_out, kh, kw]`.
    ///
    /// # Errors
    /// If the convolution of a phase is not valid.
    pub(crate) fn new(
        g: &TransposedGeometry,
        activation: Activation,
        weights: &[f32],
    ) -> Result<Self> {
        let mut phases = Vec::new();
        for rows in axes(g, g.kh, g.out_h) {
            for columns in axes(g, g.kw, g.out_w) {
                let (kh, kw) = (rows.taps.len(), columns.taps.len());
                let image = [1, g.c_in, rows.len + kh - 1, columns.len + kw - 1];
                let config = Conv2dConfig::new().activation(activation);
                phases.push(Phase {
                    geometry: Geometry::new(&image, &[g.c_out, g.c_in, kh, kw], config)?,
                    weights: weights_of(g, [&rows.taps, &columns.taps], weights),
                    rows: rows.clone(),
                    columns,
                });
            }
        }
        Ok(Self {
            stride: g.config.stride,
            phases,
        })
    }

    /// The input pixels that are read.
    pub(crate) fn reads(&self) -> Reads {
        let mut reads = Reads {
            border: 0,
            h: 0,
            w: 0,
        };
        for Phase { rows, columns, .. } in &self.phases {
            for axis in [rows, columns] {
                reads.border = reads.border.max((-axis.first).max(0) as usize);
            }
            reads.h = reads.h.max(rows.end());
            reads.w = reads.w.max(columns.end());
        }
        reads
    }

    /// The transposed convolution from a frame with the zeros of [`Self::reads`] to another.
    pub(crate) fn between(
        &self,
        input: Frame,
        output: Frame,
        bias: &[f32],
    ) -> InferenceConvTranspose {
        let border = self.reads().border;
        let (from, to) = (input.grid(border), output.grid(0));
        let conv = |phase: &Phase| {
            let [y, x] =
                [&phase.rows, &phase.columns].map(|axis| border.saturating_add_signed(axis.first));
            let layouts = Layouts {
                input: InputLayout {
                    grid: Grid {
                        start: from.offset(y, x),
                        ..from
                    },
                    channel: 1,
                },
                output: Grid {
                    start: to.offset(phase.rows.start, phase.columns.start),
                    ..to
                }
                .every(self.stride),
            };
            InferenceConv::by_windows(&phase.geometry, layouts, &phase.weights, bias)
        };
        InferenceConvTranspose(self.phases.iter().map(conv).collect())
    }
}

impl InferenceConvTranspose {
    /// Writes the image of the output.
    pub(crate) fn run(&self, input: &[f32], output: &mut [f32]) {
        for phase in &self.0 {
            phase.run(input, Addition::None, output);
        }
    }
}

impl Axis {
    /// The number of input pixels up to the last that is read.
    fn end(&self) -> usize {
        let len = self.len + self.taps.len() - 1;
        len.saturating_add_signed(self.first)
    }
}

/// Tap t of input pixel i is added to pixel i · stride + t − padding of the result.
fn axes(g: &TransposedGeometry, kernel: usize, out_len: usize) -> Vec<Axis> {
    let stride = g.config.stride;
    let axis = |start: usize| {
        let position = start + g.config.padding;
        let mut taps: Vec<usize> = (position % stride..kernel).step_by(stride).collect();
        taps.reverse();
        if taps.is_empty() {
            taps.push(kernel);
        }
        Axis {
            start,
            len: (out_len - start).div_ceil(stride),
            first: (position / stride + 1) as isize - taps.len() as isize,
            taps,
        }
    };
    (0..stride.min(out_len)).map(axis).collect()
}

fn weights_of(g: &TransposedGeometry, [rows, columns]: [&[usize]; 2], weights: &[f32]) -> Vec<f32> {
    let mut of_phase = Vec::with_capacity(g.c_out * g.c_in * rows.len() * columns.len());
    for o in 0..g.c_out {
        for i in 0..g.c_in {
            let kernel = (i * g.c_out + o) * g.kh * g.kw;
            for &y in rows {
                for &x in columns {
                    let inside = y < g.kh && x < g.kw;
                    of_phase.push(if inside {
                        weights[kernel + y * g.kw + x]
                    } else {
                        0.0
                    });
                }
            }
        }
    }
    of_phase
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConvTranspose2dConfig;

    #[test]
    fn doubling_has_phases_of_two_taps() {
        let config = ConvTranspose2dConfig::doubling();
        let g = TransposedGeometry::new("test", &[1, 1, 5, 5], &[1, 1, 4, 4], None, config);
        let axis = |start, first, taps: [usize; 2]| Axis {
            start,
            len: 5,
            first,
            taps: taps.to_vec(),
        };
        let expected = [axis(0, -1, [3, 1]), axis(1, 0, [2, 0])];
        assert_eq!(axes(&g.unwrap(), 4, 10), expected);
    }
}
