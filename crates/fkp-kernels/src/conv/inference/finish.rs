//! The operations after a convolution whose activation its kernel does not have, as a pass over the
//! output.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::Activation;
use crate::layout::Grid;
use crate::matmul::{Addition, Position};
use crate::simd::{Kernel, Simd, dispatch};

/// An image of `depth` channels and the operations on it.
pub(super) struct Finish<'a> {
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) depth: usize,
    pub(super) activation: Activation,
    pub(super) addition: Addition<'a>,
    pub(super) grid: Grid,
    pub(super) values: &'a mut [f32],
}

impl Finish<'_> {
    pub(super) fn run(self) {
        dispatch(self);
    }
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            h,
            w,
            depth,
            activation,
            addition,
            grid,
            values,
        } = self;
        assert!(h > 0 && w > 0 && depth.is_multiple_of(S::F32_LANES));
        assert!(grid.offset(h - 1, w - 1) + depth <= values.len());
        if let Addition::BeforeActivation(added) | Addition::AfterActivation(added) = addition {
            assert!(added.grid.offset(h - 1, w - 1) + depth <= added.values.len());
        }
        for y in 0..h {
            for x in 0..w {
                for c in (0..depth).step_by(S::F32_LANES) {
                    let at = Position { y, x, c };
                    // SAFETY: asserted for the last pixel of both; c + LANES <= depth.
                    unsafe {
                        let to = values.as_mut_ptr().add(grid.offset(y, x) + c);
                        let mut v = s.load(to);
                        if let Addition::BeforeActivation(operand) = addition {
                            v = s.add_f32s(v, operand.load(s, at));
                        }
                        v = activation.apply_vector(s, v);
                        if let Addition::AfterActivation(operand) = addition {
                            v = s.add_f32s(v, operand.load(s, at));
                        }
                        s.store(to, v);
                    }
                }
            }
        }
    }
}
