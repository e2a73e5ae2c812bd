//! Depthwise convolution: each vector of channels is multiplied with the vectors of its taps.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::buffers::Buffers;
use super::input::InputLayout;
use super::parts::{Part, Parts, pairs_len};
use crate::aligned::{Aligned, SLACK, align};
use crate::conv::geometry::Geometry;
use crate::layout::{Grid, padded};
use crate::matmul::Position;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// A depthwise convolution.
#[derive(Debug)]
pub(super) struct Depthwise {
    depth: usize,
    /// The first pixels of the windows.
    input: Grid,
    /// Offset of each tap relative to the first pixel of the window.
    taps: Vec<usize>,
    /// `[kh · kw, depth]`.
    weights: Aligned,
}

impl Depthwise {
    pub(super) fn new(g: &Geometry, input: InputLayout, weights: &[f32]) -> Self {
        let grid = input.grid;
        let taps = (0..g.kh).flat_map(|y| (0..g.kw).map(move |x| y * grid.line + x * grid.pixel));
        let (depth, area) = (padded(g.c_in), g.kh * g.kw);
        let mut packed = Aligned::zeros(area * depth);
        for (c, weights) in weights.chunks_exact(area).enumerate() {
            for (tap, &value) in weights.iter().enumerate() {
                packed.as_mut_slice()[tap * depth + c] = value;
            }
        }
        Self {
            depth,
            input: grid.every(g.stride),
            taps: taps.collect(),
            weights: packed,
        }
    }

    pub(super) fn run(&self, g: &Geometry, buffers: Buffers<'_>) {
        let len = pairs_len(g, self.depth);
        with_scratch(len + SLACK, |pairs| {
            dispatch(Forward {
                conv: self,
                g,
                buffers,
                pairs: align(pairs, len),
            });
        });
    }
}

struct Forward<'a> {
    conv: &'a Depthwise,
    g: &'a Geometry,
    buffers: Buffers<'a>,
    /// Memory for two rows of the convolution's output, for pooling.
    pairs: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            conv,
            g,
            mut buffers,
            pairs,
        } = self;
        let mut parts = Parts::new(g, conv.depth);
        while let Some(part) = parts.next(&mut buffers, pairs) {
            match conv.taps.len() {
                9 => conv.with_taps::<S, 9>(s, g.wo, part),
                25 => conv.with_taps::<S, 25>(s, g.wo, part),
                _ => conv.any_taps(s, g.wo, part),
            }
            parts.pool(s, &mut buffers, pairs);
        }
    }
}

impl Depthwise {
    /// Where the windows of the part's rows start.
    #[inline(always)]
    fn check<S: Simd>(&self, w: usize, part: &Part<'_>) -> Grid {
        let (depth, h) = (self.depth, part.h);
        let windows = self.input.at_row(part.y);
        assert!(depth.is_multiple_of(S::F32_LANES) && h > 0 && w > 0);
        let last = self.taps.last().copied().unwrap_or(0);
        assert!(windows.offset(h - 1, w - 1) + last + depth <= part.input.len());
        assert!(self.taps.len() * depth <= self.weights.as_slice().len());
        assert!(depth <= part.bias.len());
        assert!(part.output_grid.offset(h - 1, w - 1) + depth <= part.output.len());
        if let Some(added) = part.epilogue.operand() {
            assert!(added.grid.offset(h - 1, w - 1) + depth <= added.values.len());
        }
        windows
    }

    /// With the weights of a vector of channels in registers.
    #[inline(always)]
    fn with_taps<S: Simd, const N: usize>(&self, s: S, w: usize, part: Part<'_>) {
        let windows = self.check::<S>(w, &part);
        let mut taps = [0; N];
        taps.copy_from_slice(&self.taps);
        let weights = self.weights.as_slice();
        for y in 0..part.h {
            for c in (0..self.depth).step_by(S::F32_LANES) {
                // SAFETY: `check`: c + LANES <= depth, and the windows and pixels of the last row
                // and column are inside their buffers.
                unsafe {
                    let mut vectors = [s.splat_f32s(0.0); N];
                    for (tap, v) in vectors.iter_mut().enumerate() {
                        *v = s.load(weights.as_ptr().add(tap * self.depth + c));
                    }
                    let bias = s.load(part.bias.as_ptr().add(c));
                    let from = part.input.as_ptr().add(windows.offset(y, 0) + c);
                    let to = part.output_grid.offset(y, 0) + c;
                    let to = part.output.as_mut_ptr().add(to);
                    for x in 0..w {
                        let from = from.add(x * windows.pixel);
                        let mut sum = bias;
                        for (&tap, &v) in taps.iter().zip(&vectors) {
                            sum = s.mul_add(s.load(from.add(tap)), v, sum);
                        }
                        let value = part.epilogue.finish(s, sum, Position { y, x, c });
                        s.store(to.add(x * part.output_grid.pixel), value);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn any_taps<S: Simd>(&self, s: S, w: usize, part: Part<'_>) {
        let windows = self.check::<S>(w, &part);
        let weights = self.weights.as_slice();
        for y in 0..part.h {
            for x in 0..w {
                for c in (0..self.depth).step_by(S::F32_LANES) {
                    // SAFETY: as in `with_taps`.
                    unsafe {
                        let from = part.input.as_ptr().add(windows.offset(y, x) + c);
                        let mut sum = s.load(part.bias.as_ptr().add(c));
                        for (i, &tap) in self.taps.iter().enumerate() {
                            let w = s.load(weights.as_ptr().add(i * self.depth + c));
                            sum = s.mul_add(s.load(from.add(tap)), w, sum);
                        }
                        let value = part.epilogue.finish(s, sum, Position { y, x, c });
                        let to = part.output_grid.offset(y, x) + c;
                        s.store(part.output.as_mut_ptr().add(to), value);
                    }
                }
            }
        }
    }
}
