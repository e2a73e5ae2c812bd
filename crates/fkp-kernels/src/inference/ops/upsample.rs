//! Upsampling by a whole factor.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::inference::image::ImageOp;
use crate::layout::{Frame, padded};
use crate::simd::{Kernel, Simd, dispatch};
use crate::upsample::Phase;

/// Repeats each pixel `scale` times in both directions.
#[derive(Debug)]
pub(in crate::inference) struct Nearest {
    pub(in crate::inference) input: Frame,
    pub(in crate::inference) output: Frame,
    pub(in crate::inference) scale: usize,
}

/// Interpolates between the four nearest pixels.
#[derive(Debug)]
pub(in crate::inference) struct Bilinear {
    pub(in crate::inference) input: Frame,
    pub(in crate::inference) output: Frame,
    /// As many as the factor.
    pub(in crate::inference) phases: Vec<Phase>,
}

impl ImageOp for Nearest {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let depth = padded(self.input.channels);
        for y in 0..self.output.h {
            let pixels = self.input.row(y / self.scale, x).chunks_exact(depth);
            let row = self.output.row_mut(y, output);
            for (copies, pixel) in row.chunks_exact_mut(self.scale * depth).zip(pixels) {
                for to in copies.chunks_exact_mut(depth) {
                    to.copy_from_slice(pixel);
                }
            }
        }
    }
}

impl ImageOp for Bilinear {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let scale = self.phases.len();
        for y in 0..self.output.h {
            let phase = &self.phases[y % scale];
            let rows = phase.neighbors(y / scale, self.input.h);
            dispatch(Row {
                phases: &self.phases,
                depth: padded(self.input.channels),
                input: rows.map(|row| self.input.row(row, x)),
                weights: phase.weights.map(|weight| weight as f32),
                output: self.output.row_mut(y, output),
            });
        }
    }
}

/// A row of the output, and the two rows that it is between.
struct Row<'a> {
    phases: &'a [Phase],
    depth: usize,
    input: [&'a [f32]; 2],
    /// Of the two rows.
    weights: [f32; 2],
    output: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            phases,
            depth,
            input: [upper, lower],
            weights,
            output,
        } = self;
        let w = upper.len() / depth;
        assert!(depth.is_multiple_of(S::F32_LANES) && w * depth <= lower.len());
        let between = |[first, second]: [S::f32s; 2], [a, b]: [S::f32s; 2]| {
            s.mul_add(second, b, s.mul_f32s(first, a))
        };
        let of_rows = weights.map(|weight| s.splat_f32s(weight));
        for (x, pixel) in output.chunks_exact_mut(depth).enumerate() {
            let phase = &phases[x % phases.len()];
            let columns = phase.neighbors(x / phases.len(), w).map(|x| x * depth);
            let of_columns = phase.weights.map(|weight| s.splat_f32s(weight as f32));
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: both rows have `w` pixels, `neighbors` returns indices below `w`, and
                // `depth` is a multiple of the number of lanes.
                unsafe {
                    let along = |row: &[f32]| {
                        let values = columns.map(|start| s.load(row.as_ptr().add(start + c)));
                        between(of_columns, values)
                    };
                    let result = between(of_rows, [along(upper), along(lower)]);
                    s.store(pixel.as_mut_ptr().add(c), result);
                }
            }
        }
    }
}
