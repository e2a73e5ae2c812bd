//! What follows a sum of products in inference: bias, activation and the addition of a residual, on
//! the values in registers.
#![expect(unsafe_code, reason = "vector loads at computed offsets")]

use crate::layout::Grid;
use crate::simd::Simd;

/// The operations after a convolution of one image that a kernel applies to its sums. Other
/// activations than ReLU are a pass of their own, which would be too much code for every kernel.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    pub(crate) relu: bool,
    pub(crate) addition: Addition<'a>,
}

/// Where the residual is added.
#[derive(Clone, Copy)]
pub(crate) enum Addition<'a> {
    None,
    BeforeActivation(Operand<'a>),
    AfterActivation(Operand<'a>),
}

/// A frame that is read pixel by pixel.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) grid: Grid,
}

impl<'a> Epilogue<'a> {
    /// The residual, if there is one.
    pub(crate) fn operand(&self) -> Option<Operand<'a>> {
        match self.addition {
            Addition::None => None,
            Addition::BeforeActivation(operand) | Addition::AfterActivation(operand) => {
                Some(operand)
            }
        }
    }

    /// The same for the image from row `y`.
    pub(crate) fn at_row(self, y: usize) -> Self {
        let moved = |operand: Operand<'a>| Operand {
            grid: operand.grid.at_row(y),
            ..operand
        };
        Self {
            addition: match self.addition {
                Addition::None => Addition::None,
                Addition::BeforeActivation(operand) => Addition::BeforeActivation(moved(operand)),
                Addition::AfterActivation(operand) => Addition::AfterActivation(moved(operand)),
            },
            ..self
        }
    }
}

/// A vector of channels of a pixel.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub(crate) y: usize,
    pub(crate) x: usize,
    pub(crate) c: usize,
}

impl Epilogue<'_> {
    /// The result for one vector of channels.
    ///
    /// # Safety
    /// The residual has that pixel and `LANES` channels from `c`.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd>(&self, s: S, v: S::f32s, at: Position) -> S::f32s {
        let mut v = v;
        // SAFETY: the caller's contract.
        unsafe {
            if let Addition::BeforeActivation(operand) = self.addition {
                v = s.add_f32s(v, operand.load(s, at));
            }
            if self.relu {
                v = s.relu(v);
            }
            if let Addition::AfterActivation(operand) = self.addition {
                v = s.add_f32s(v, operand.load(s, at));
            }
        }
        v
    }
}

impl Operand<'_> {
    /// # Safety
    /// The frame has that pixel and `LANES` channels from `c`.
    #[inline(always)]
    pub(crate) unsafe fn load<S: Simd>(&self, s: S, at: Position) -> S::f32s {
        // SAFETY: the caller's contract.
        unsafe {
            s.load(
                self.values
                    .as_ptr()
                    .add(self.grid.offset(at.y, at.x) + at.c),
            )
        }
    }
}
