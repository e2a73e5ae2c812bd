//! Operations with a number for each channel.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::inference::image::ImageOp;
use crate::layout::{Frame, padded};
use crate::simd::{Kernel, Simd, dispatch};

/// Each channel times its factor. The factors are the second input, a frame of one pixel.
#[derive(Debug)]
pub(in crate::inference) struct Scale {
    pub(in crate::inference) input: Frame,
    pub(in crate::inference) output: Frame,
}

/// The parametric ReLU.
#[derive(Debug)]
pub(in crate::inference) struct PRelu {
    input: Frame,
    output: Frame,
    /// Of each channel, padded with zeros.
    slopes: Vec<f32>,
}

impl PRelu {
    pub(in crate::inference) fn new(input: Frame, output: Frame, slopes: &[f32]) -> Self {
        let mut slopes = slopes.to_vec();
        slopes.resize(padded(input.channels), 0.0);
        Self {
            input,
            output,
            slopes,
        }
    }
}

impl ImageOp for Scale {
    fn run(&self, [x, factors]: [&[f32]; 2], output: &mut [f32]) {
        Function::Scale.run([self.input, self.output], factors, x, output);
    }
}

impl ImageOp for PRelu {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        Function::PRelu.run([self.input, self.output], &self.slopes, x, output);
    }
}

/// Of a value and the number of its channel.
#[derive(Clone, Copy)]
enum Function {
    Scale,
    PRelu,
}

impl Function {
    /// Of each pixel of `x`; `frames` are those of `x` and the output.
    fn run(self, frames: [Frame; 2], numbers: &[f32], x: &[f32], output: &mut [f32]) {
        let [from, to] = frames;
        for y in 0..to.h {
            dispatch(Row {
                function: self,
                numbers,
                input: from.row(y, x),
                output: to.row_mut(y, output),
            });
        }
    }
}

struct Row<'a> {
    function: Function,
    /// One for each channel of a pixel.
    numbers: &'a [f32],
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let depth = self.numbers.len();
        assert!(depth.is_multiple_of(S::F32_LANES));
        let pixels = self.output.chunks_exact_mut(depth);
        for (to, from) in pixels.zip(self.input.chunks_exact(depth)) {
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: all three have `depth` values, a multiple of the number of lanes.
                unsafe {
                    let v = s.load(from.as_ptr().add(c));
                    let product = s.mul_f32s(v, s.load(self.numbers.as_ptr().add(c)));
                    let result = match self.function {
                        Function::Scale => product,
                        Function::PRelu => {
                            let positive = s.greater_than_f32s(v, s.splat_f32s(0.0));
                            s.select_f32s(positive, v, product)
                        }
                    };
                    s.store(to.as_mut_ptr().add(c), result);
                }
            }
        }
    }
}
