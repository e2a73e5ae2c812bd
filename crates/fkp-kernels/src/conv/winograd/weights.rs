//! The transform of the weights to points, and of the gradient of the points to weights.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::tiles::{load_square, store_square};
use super::transform::{Filter, FilterAdjoint, POINTS, Transform};
use crate::layout::{Frame, padded};
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
    let (n_rows, n_columns) = match rows {
        Rows::In => (c_in, c_out),
        Rows::Out => (c_out, c_in),
    };
    let depth = padded(n_columns);
    with_scratch(n_rows * TAPS * depth, |packed| {
        // [rows, 9, columns]
        match rows {
            Rows::In => Frame::tight(c_out, 1, c_in * TAPS).pack(w, packed),
            Rows::Out => {
                let row = Frame::tight(c_in, 1, TAPS);
                let rows = packed.chunks_exact_mut(TAPS * depth);
                for (packed, w) in rows.zip(w.chunks_exact(c_in * TAPS)) {
                    row.pack(w, packed);
                }
            }
        }
        let matrix = padded(n_rows) * depth;
        assert_eq!(points.len(), POINTS * matrix);
        dispatch(Convert {
            transform: Filter,
            n_rows,
            depth,
            from: packed,
            from_strides: Strides::packed(depth),
            to: points,
            to_strides: Strides::points(n_rows, depth),
        });
        for point in points.chunks_exact_mut(matrix) {
            point[n_rows * depth..].fill(0.0);
        }
    });
}

/// Writes the weight gradient, `[c_out, c_in, 3, 3]`, from that of the points, one matrix
/// `[c_in, c_out]` per point, both padded to whole vectors.
pub(super) fn from_points(points: &[f32], c_out: usize, c_in: usize, dw: &mut [f32]) {
    assert_eq!(dw.len(), c_out * c_in * TAPS);
    let depth = padded(c_out);
    with_scratch(c_in * TAPS * depth, |packed| {
        dispatch(Convert {
            transform: FilterAdjoint,
            n_rows: c_in,
            depth,
            from: points,
            from_strides: Strides::points(c_in, depth),
            to: packed,
            to_strides: Strides::packed(depth),
        });
        Frame::tight(c_out, 1, c_in * TAPS).unpack(packed, dw);
    });
}

/// Values between two rows, and between two taps or points of a row.
#[derive(Clone, Copy)]
struct Strides {
    row: usize,
    term: usize,
}

impl Strides {
    /// Of weights `[n_rows, 9, depth]`.
    fn packed(depth: usize) -> Self {
        Self {
            row: TAPS * depth,
            term: depth,
        }
    }

    /// Of points `[36, padded n_rows, depth]`.
    fn points(n_rows: usize, depth: usize) -> Self {
        Self {
            row: depth,
            term: padded(n_rows) * depth,
        }
    }
}

/// The transform of every row and column of a matrix, each a square of `I × I` values.
struct Convert<'a, T, const I: usize, const O: usize> {
    transform: T,
    n_rows: usize,
    depth: usize,
    from: &'a [f32],
    from_strides: Strides,
    to: &'a mut [f32],
    to_strides: Strides,
}

impl<T: Transform<I, O>, const I: usize, const O: usize> Kernel for Convert<'_, T, I, O> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            n_rows,
            depth,
            from_strides: from,
            to_strides: to,
            ..
        } = self;
        let len = |strides: Strides, n: usize| {
            (n_rows - 1) * strides.row + (n * n - 1) * strides.term + depth
        };
        assert!(len(from, I) <= self.from.len() && len(to, O) <= self.to.len());
        assert!(depth.is_multiple_of(S::F32_LANES));
        for row in 0..n_rows {
            for column in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: row < n_rows, column + LANES <= depth, and the lengths asserted above
                // for the terms of every row.
                unsafe {
                    let values = self.from.as_ptr().add(row * from.row + column);
                    let values = load_square(s, values, I * from.term, from.term);
                    let values = self.transform.apply_2d(s, &values);
                    let start = self.to.as_mut_ptr().add(row * to.row + column);
                    store_square(s, &values, start, to.term);
                }
            }
        }
    }
}
