//! The transform of the weights to points, and of the gradient of the points to weights.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::tiles::{load_points, load_square, store_points};
use super::transform::{Filter, FilterAdjoint, POINTS, Transform};
use crate::layout::padded;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

const TAPS: usize = 9;

/// Which channels of the weights `[c_out, c_in, 3, 3]` are the rows of each point's matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    In,
    Out,
}

/// Fills `points`, one matrix `[rows, columns]` per point, both padded to whole vectors.
pub(super) fn to_points(w: &[f32], c_out: usize, c_in: usize, rows: Rows, points: &mut [f32]) {
    assert_eq!(w.len(), c_out * c_in * TAPS);
    let (n_rows, n_columns, row_stride, column_stride) = match rows {
        Rows::In => (c_in, c_out, TAPS, c_in * TAPS),
        Rows::Out => (c_out, c_in, c_in * TAPS, TAPS),
    };
    let depth = padded(n_columns);
    with_scratch(n_rows * TAPS * depth, |packed| {
        for (row, packed) in packed.chunks_exact_mut(TAPS * depth).enumerate() {
            let w = &w[row * row_stride..];
            for (tap, line) in packed.chunks_exact_mut(depth).enumerate() {
                line[n_columns..].fill(0.0);
                for (column, v) in line[..n_columns].iter_mut().enumerate() {
                    *v = w[column * column_stride + tap];
                }
            }
        }
        dispatch(ToPoints {
            packed,
            n_rows,
            depth,
            points,
        });
    });
}

struct ToPoints<'a> {
    /// `[n_rows, 9, depth]`
    packed: &'a [f32],
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
            packed,
            n_rows,
            depth,
            points,
        } = self;
        let matrix = padded(n_rows) * depth;
        assert_eq!(packed.len(), n_rows * TAPS * depth);
        assert_eq!(points.len(), POINTS * matrix);
        assert!(depth.is_multiple_of(S::F32_LANES));
        for point in points.chunks_exact_mut(matrix) {
            point[n_rows * depth..].fill(0.0);
        }
        for row in 0..n_rows {
            for column in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: row < n_rows, column + LANES <= depth, and the lengths asserted above for
                // 9 taps and 36 points.
                unsafe {
                    let from = packed.as_ptr().add(row * TAPS * depth + column);
                    let taps = load_square(s, from, 3 * depth, depth);
                    let to = points.as_mut_ptr().add(row * depth + column);
                    store_points(s, &Filter.apply_2d(s, &taps), to, matrix);
                }
            }
        }
    }
}

/// Writes the weight gradient, `[c_out, c_in, 3, 3]`, from that of the points, one matrix
/// `[c_in, c_out]` per point, both padded to whole vectors.
pub(super) fn from_points(points: &[f32], c_out: usize, c_in: usize, dw: &mut [f32]) {
    assert_eq!(dw.len(), c_out * c_in * TAPS);
    let depth = padded(c_out);
    with_scratch(c_in * TAPS * depth, |packed| {
        dispatch(FromPoints {
            points,
            n_rows: c_in,
            depth,
            packed,
        });
        for (o, dw) in dw.chunks_exact_mut(c_in * TAPS).enumerate() {
            for (i, v) in dw.iter_mut().enumerate() {
                *v = packed[i * depth + o];
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
    packed: &'a mut [f32],
}

impl Kernel for FromPoints<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            points,
            n_rows,
            depth,
            packed,
        } = self;
        let matrix = padded(n_rows) * depth;
        assert_eq!(packed.len(), n_rows * TAPS * depth);
        assert_eq!(points.len(), POINTS * matrix);
        assert!(depth.is_multiple_of(S::F32_LANES));
        for row in 0..n_rows {
            for column in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: row < n_rows, column + LANES <= depth, and the lengths asserted above for
                // 36 points and 9 taps.
                unsafe {
                    let from = points.as_ptr().add(row * depth + column);
                    let taps = FilterAdjoint.apply_2d(s, &load_points(s, from, matrix));
                    let to = packed.as_mut_ptr().add(row * TAPS * depth + column);
                    for (tap, &v) in taps.as_flattened().iter().enumerate() {
                        s.store(to.add(tap * depth), v);
                    }
                }
            }
        }
    }
}
