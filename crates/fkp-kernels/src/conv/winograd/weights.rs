//! Weights to points, and the gradient of the points back to weights.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::transform::{Filter, FilterAdjoint, IN, POINTS, Transform};
use crate::conv::layout::padded;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

const TAPS: usize = 9;

/// Which channels of the weights `[c_out, c_in, 3, 3]` are the rows of each point's matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    In,
    Out,
}

/// Fills `points`, one matrix `[rows, columns]` per point with both padded to whole vectors.
pub(super) fn to_points(w: &[f32], c_out: usize, c_in: usize, rows: Rows, points: &mut [f32]) {
    assert_eq!(w.len(), c_out * c_in * TAPS);
    let (n_rows, n_columns, row_step, column_step) = match rows {
        Rows::In => (c_in, c_out, TAPS, c_in * TAPS),
        Rows::Out => (c_out, c_in, c_in * TAPS, TAPS),
    };
    let depth = padded(n_columns);
    with_scratch(n_rows * TAPS * depth, |spread| {
        for (row, spread) in spread.chunks_exact_mut(TAPS * depth).enumerate() {
            let w = &w[row * row_step..];
            for (tap, line) in spread.chunks_exact_mut(depth).enumerate() {
                line[n_columns..].fill(0.0);
                for (column, v) in line[..n_columns].iter_mut().enumerate() {
                    *v = w[column * column_step + tap];
                }
            }
        }
        dispatch(ToPoints {
            spread,
            n_rows,
            depth,
            points,
        });
    });
}

struct ToPoints<'a> {
    /// `[n_rows, 9, depth]`
    spread: &'a [f32],
    n_rows: usize,
    depth: usize,
    /// `[36, padded n_rows, depth]`
    points: &'a mut [f32],
}

impl Kernel for ToPoints<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            spread,
            n_rows,
            depth,
            points,
        } = self;
        let matrix = padded(n_rows) * depth;
        assert_eq!(spread.len(), n_rows * TAPS * depth);
        assert_eq!(points.len(), POINTS * matrix);
        assert!(depth.is_multiple_of(S::F32_LANES));
        for point in points.chunks_exact_mut(matrix) {
            point[n_rows * depth..].fill(0.0);
        }
        for row in 0..n_rows {
            for column in (0..depth).step_by(S::F32_LANES) {
                let mut taps = [[s.splat_f32s(0.0); 3]; 3];
                for (tap, v) in taps.as_flattened_mut().iter_mut().enumerate() {
                    // SAFETY: row < n_rows, tap < 9, column + LANES <= depth.
                    *v =
                        unsafe { s.load(spread.as_ptr().add((row * TAPS + tap) * depth + column)) };
                }
                let transformed = Filter.apply_2d(s, &taps);
                for (point, &v) in transformed.as_flattened().iter().enumerate() {
                    let at = point * matrix + row * depth + column;
                    // SAFETY: point < 36 and row and column as above.
                    unsafe { s.store(points.as_mut_ptr().add(at), v) };
                }
            }
        }
    }
}

/// Writes the weight gradient, `[c_out, c_in, 3, 3]`, from that of the points, one matrix
/// `[c_in, c_out]` per point with both padded to whole vectors.
pub(super) fn from_points(points: &[f32], c_out: usize, c_in: usize, dw: &mut [f32]) {
    assert_eq!(dw.len(), c_out * c_in * TAPS);
    let depth = padded(c_out);
    with_scratch(c_in * TAPS * depth, |spread| {
        dispatch(FromPoints {
            points,
            n_rows: c_in,
            depth,
            spread,
        });
        for (o, dw) in dw.chunks_exact_mut(c_in * TAPS).enumerate() {
            for (at, v) in dw.iter_mut().enumerate() {
                *v = spread[at * depth + o];
            }
        }
    });
}

struct FromPoints<'a> {
    /// `[36, padded n_rows, depth]`
    points: &'a [f32],
    n_rows: usize,
    depth: usize,
    /// `[n_rows, 9, depth]`
    spread: &'a mut [f32],
}

impl Kernel for FromPoints<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            points,
            n_rows,
            depth,
            spread,
        } = self;
        let matrix = padded(n_rows) * depth;
        assert_eq!(spread.len(), n_rows * TAPS * depth);
        assert_eq!(points.len(), POINTS * matrix);
        assert!(depth.is_multiple_of(S::F32_LANES));
        for row in 0..n_rows {
            for column in (0..depth).step_by(S::F32_LANES) {
                let mut gradient = [[s.splat_f32s(0.0); IN]; IN];
                for (point, v) in gradient.as_flattened_mut().iter_mut().enumerate() {
                    let at = point * matrix + row * depth + column;
                    // SAFETY: point < 36, row < n_rows, column + LANES <= depth.
                    *v = unsafe { s.load(points.as_ptr().add(at)) };
                }
                let taps = FilterAdjoint.apply_2d(s, &gradient);
                for (tap, &v) in taps.as_flattened().iter().enumerate() {
                    let at = (row * TAPS + tap) * depth + column;
                    // SAFETY: tap < 9 and row and column as above.
                    unsafe { s.store(spread.as_mut_ptr().add(at), v) };
                }
            }
        }
    }
}
