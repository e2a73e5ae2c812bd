//! Pooling of channels-last images.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::layout::Grid;
use crate::simd::Simd;

/// What a window becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// The largest value; NaN counts as the largest.
    Max,
    Mean,
}

/// Pooling over windows of `window.0` rows and `window.1` columns, `stride` pixels apart, of an image
/// of `depth` channels, a multiple of 16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramePool {
    pub(crate) window: (usize, usize),
    pub(crate) stride: usize,
    pub(crate) reduction: Reduction,
    pub(crate) depth: usize,
    pub(crate) input: Grid,
    /// Size of the result.
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) output: Grid,
}

impl FramePool {
    #[inline(always)]
    pub(crate) fn run<S: Simd>(&self, s: S, input: &[f32], output: &mut [f32]) {
        let &Self {
            window: (rows, columns),
            stride,
            depth,
            h,
            w,
            ..
        } = self;
        if h == 0 || w == 0 {
            return;
        }
        assert!(rows > 0 && columns > 0 && depth.is_multiple_of(S::F32_LANES));
        let last = ((h - 1) * stride + rows - 1, (w - 1) * stride + columns - 1);
        assert!(self.input.offset(last.0, last.1) + depth <= input.len());
        assert!(self.output.offset(h - 1, w - 1) + depth <= output.len());
        let scale = s.splat_f32s(1.0 / (rows * columns) as f32);
        for y in 0..h {
            for x in 0..w {
                let corner = self.input.offset(y * stride, x * stride);
                let to = self.output.offset(y, x);
                for c in (0..depth).step_by(S::F32_LANES) {
                    // SAFETY: asserted for the last window and pixel.
                    unsafe {
                        let from = input.as_ptr().add(corner + c);
                        let mut result = s.load(from);
                        for i in 0..rows {
                            let from = from.add(i * self.input.line);
                            for j in usize::from(i == 0)..columns {
                                let v = s.load(from.add(j * self.input.pixel));
                                result = match self.reduction {
                                    Reduction::Max => larger(s, v, result),
                                    Reduction::Mean => s.add_f32s(result, v),
                                };
                            }
                        }
                        if self.reduction == Reduction::Mean {
                            result = s.mul_f32s(result, scale);
                        }
                        s.store(output.as_mut_ptr().add(to + c), result);
                    }
                }
            }
        }
    }
}

/// The larger of two values, NaN if one of them is.
#[inline(always)]
pub(crate) fn larger<S: Simd>(s: S, v: S::f32s, max: S::f32s) -> S::f32s {
    let max = s.select_f32s(s.greater_than_f32s(v, max), v, max);
    // A NaN is not equal to itself.
    s.select_f32s(s.equal_f32s(v, v), max, v)
}
