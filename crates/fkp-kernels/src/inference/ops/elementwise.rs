//! Activations and sums of single values.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::Activation;
use crate::inference::image::ImageOp;
use crate::layout::Frame;
use crate::simd::{Kernel, Simd, dispatch};

/// `activation(a + b)`, or of `a` alone.
#[derive(Debug)]
pub(in crate::inference) struct Elementwise {
    pub(in crate::inference) a: Frame,
    pub(in crate::inference) b: Option<Frame>,
    pub(in crate::inference) output: Frame,
    pub(in crate::inference) activation: Activation,
}

impl ImageOp for Elementwise {
    fn run(&self, [a, b]: [&[f32]; 2], output: &mut [f32]) {
        for y in 0..self.output.h {
            dispatch(ElementwiseRow {
                a: self.a.row(y, a),
                b: self.b.map(|frame| frame.row(y, b)),
                output: self.output.row_mut(y, output),
                activation: self.activation,
            });
        }
    }
}

struct ElementwiseRow<'a> {
    a: &'a [f32],
    b: Option<&'a [f32]>,
    output: &'a mut [f32],
    activation: Activation,
}

impl Kernel for ElementwiseRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            a,
            b,
            output,
            activation,
        } = self;
        assert!(output.len().is_multiple_of(S::F32_LANES) && a.len() == output.len());
        assert!(b.is_none_or(|b| b.len() == a.len()));
        for i in (0..output.len()).step_by(S::F32_LANES) {
            // SAFETY: asserted above for all three.
            unsafe {
                let mut v = s.load(a.as_ptr().add(i));
                if let Some(b) = b {
                    v = s.add_f32s(v, s.load(b.as_ptr().add(i)));
                }
                let v = activation.apply_vector(s, v);
                s.store(output.as_mut_ptr().add(i), v);
            }
        }
    }
}
