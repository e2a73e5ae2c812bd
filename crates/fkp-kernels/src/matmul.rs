//! Matrix products on slices: a checked wrapper around the `gemm` crate.
#![expect(unsafe_code, reason = "the gemm crate takes raw pointers")]

/// A matrix inside a slice: element `(i, j)` is at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strides {
    pub(crate) row: usize,
    pub(crate) col: usize,
}

impl Strides {
    /// Rows of `width` elements one after the other.
    pub(crate) const fn row_major(width: usize) -> Self {
        Self { row: width, col: 1 }
    }

    /// The transpose of a row-major matrix whose rows have `width` elements.
    pub(crate) const fn transposed(width: usize) -> Self {
        Self { row: 1, col: width }
    }

    const fn span(self, rows: usize, cols: usize) -> usize {
        if rows == 0 || cols == 0 {
            0
        } else {
            (rows - 1) * self.row + (cols - 1) * self.col + 1
        }
    }
}

/// What happens to the values already in the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Overwrite,
    Accumulate,
}

/// `dst = lhs · rhs` (or `dst += lhs · rhs`) with `dst` of `m × n` and `lhs` of `m × k`, on the
/// calling thread. The result depends on the shapes and values only.
#[expect(clippy::too_many_arguments, reason = "three matrices and their shapes")]
pub(crate) fn matmul(
    (m, n, k): (usize, usize, usize),
    dst: &mut [f32],
    dst_strides: Strides,
    write: Write,
    lhs: &[f32],
    lhs_strides: Strides,
    rhs: &[f32],
    rhs_strides: Strides,
) {
    assert!(dst_strides.span(m, n) <= dst.len(), "dst is too short");
    assert!(lhs_strides.span(m, k) <= lhs.len(), "lhs is too short");
    assert!(rhs_strides.span(k, n) <= rhs.len(), "rhs is too short");
    if cfg!(miri) {
        // Miri does not know the vector instructions of the gemm crate.
        for i in 0..m {
            for j in 0..n {
                let sum: f32 = (0..k)
                    .map(|p| {
                        lhs[i * lhs_strides.row + p * lhs_strides.col]
                            * rhs[p * rhs_strides.row + j * rhs_strides.col]
                    })
                    .sum();
                let at = &mut dst[i * dst_strides.row + j * dst_strides.col];
                *at = if write == Write::Accumulate {
                    *at + sum
                } else {
                    sum
                };
            }
        }
        return;
    }
    // SAFETY: the assertions above keep every element inside its slice, `dst` is exclusively
    // borrowed and so overlaps neither operand, and a stride fits `isize` because a slice does.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst.as_mut_ptr(),
            dst_strides.col as isize,
            dst_strides.row as isize,
            write == Write::Accumulate,
            lhs.as_ptr(),
            lhs_strides.col as isize,
            lhs_strides.row as isize,
            rhs.as_ptr(),
            rhs_strides.col as isize,
            rhs_strides.row as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_operand_and_accumulation() {
        // [1 2; 3 4] · [5 6; 7 8]ᵀ = [17 23; 39 53]
        let (a, b) = ([1., 2., 3., 4.], [5., 6., 7., 8.]);
        let mut c = [1.0f32; 4];
        let row = Strides::row_major(2);
        let t = Strides::transposed(2);
        matmul((2, 2, 2), &mut c, row, Write::Accumulate, &a, row, &b, t);
        assert_eq!(c, [18., 24., 40., 54.]);
        matmul((2, 2, 2), &mut c, row, Write::Overwrite, &a, row, &b, t);
        assert_eq!(c, [17., 23., 39., 53.]);
    }

    #[test]
    #[should_panic(expected = "lhs is too short")]
    fn short_slices_are_refused() {
        let row = Strides::row_major(2);
        let mut c = [0.0; 4];
        matmul(
            (2, 2, 2),
            &mut c,
            row,
            Write::Overwrite,
            &[0.0; 3],
            row,
            &[0.0; 4],
            row,
        );
    }
}
