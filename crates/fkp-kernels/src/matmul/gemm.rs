//! General matrix products on slices: a checked wrapper around the `gemm` crate.
#![expect(unsafe_code, reason = "the gemm crate takes raw pointers")]

/// A matrix in a slice: element `(i, j)` is at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<V> {
    pub(crate) values: V,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) row_stride: usize,
    pub(crate) col_stride: usize,
}

impl<V> Matrix<V> {
    /// A contiguous row-major matrix.
    pub(crate) const fn new(values: V, rows: usize, cols: usize) -> Self {
        Self {
            values,
            rows,
            cols,
            row_stride: cols,
            col_stride: 1,
        }
    }

    /// The transpose, of the same values.
    pub(crate) fn t(self) -> Self {
        Self {
            values: self.values,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Length of the shortest slice that contains every element.
    const fn span(&self) -> usize {
        if self.rows == 0 || self.cols == 0 {
            0
        } else {
            (self.rows - 1) * self.row_stride + (self.cols - 1) * self.col_stride + 1
        }
    }
}

/// What happens to the values already in the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Overwrite,
    Accumulate,
}

impl Write {
    /// For term `index` of a sum: the first overwrites, the others accumulate.
    pub(crate) const fn term(index: usize) -> Self {
        if index == 0 {
            Self::Overwrite
        } else {
            Self::Accumulate
        }
    }
}

/// `dst = lhs · rhs` (or `dst += lhs · rhs`), on the calling thread. The result depends on the
/// shapes and values only.
pub(crate) fn matmul(
    lhs: Matrix<&[f32]>,
    rhs: Matrix<&[f32]>,
    dst: Matrix<&mut [f32]>,
    write: Write,
) {
    let (m, n, k) = (dst.rows, dst.cols, lhs.cols);
    assert!(lhs.rows == m && rhs.rows == k && rhs.cols == n);
    assert!(dst.span() <= dst.values.len(), "dst is too short");
    assert!(lhs.span() <= lhs.values.len(), "lhs is too short");
    assert!(rhs.span() <= rhs.values.len(), "rhs is too short");
    if cfg!(miri) {
        // Miri does not support the vector instructions of the gemm crate.
        for i in 0..m {
            for j in 0..n {
                let sum: f32 = (0..k)
                    .map(|p| {
                        lhs.values[i * lhs.row_stride + p * lhs.col_stride]
                            * rhs.values[p * rhs.row_stride + j * rhs.col_stride]
                    })
                    .sum();
                let value = &mut dst.values[i * dst.row_stride + j * dst.col_stride];
                *value = match write {
                    Write::Accumulate => *value + sum,
                    Write::Overwrite => sum,
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
            dst.values.as_mut_ptr(),
            dst.col_stride as isize,
            dst.row_stride as isize,
            write == Write::Accumulate,
            lhs.values.as_ptr(),
            lhs.col_stride as isize,
            lhs.row_stride as isize,
            rhs.values.as_ptr(),
            rhs.col_stride as isize,
            rhs.row_stride as isize,
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
        let mut multiply = |write| {
            let (a, b) = (Matrix::new(&a[..], 2, 2), Matrix::new(&b[..], 2, 2));
            matmul(a, b.t(), Matrix::new(&mut c[..], 2, 2), write);
            c
        };
        assert_eq!(multiply(Write::Accumulate), [18., 24., 40., 54.]);
        assert_eq!(multiply(Write::Overwrite), [17., 23., 39., 53.]);
    }

    #[test]
    #[should_panic(expected = "lhs is too short")]
    fn short_slices_are_rejected() {
        let (lhs, rhs) = (
            Matrix::new(&[0.0; 3][..], 2, 2),
            Matrix::new(&[0.0; 4][..], 2, 2),
        );
        matmul(
            lhs,
            rhs,
            Matrix::new(&mut [0.0; 4][..], 2, 2),
            Write::Overwrite,
        );
    }
}
