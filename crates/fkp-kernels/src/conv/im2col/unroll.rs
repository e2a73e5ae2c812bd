//! im2col and its adjoint, col2im.

use crate::conv::geometry::Geometry;

/// Fills `cols`, `[taps, positions]`, from one image `[c_in, h, w]`: the matrix whose product
/// with the weights is the convolution.
pub(crate) fn im2col(g: &Geometry, x: &[f32], cols: &mut [f32]) {
    assert_eq!(x.len(), g.x_len());
    assert_eq!(cols.len(), g.taps() * g.positions());
    let mut rows = cols.chunks_exact_mut(g.positions());
    for plane in x.chunks_exact(g.h * g.w) {
        for ky in 0..g.kh {
            for kx in 0..g.kw {
                if let Some(row) = rows.next() {
                    unroll_tap(g, plane, (ky, kx), row);
                }
            }
        }
    }
}

fn unroll_tap(g: &Geometry, plane: &[f32], (ky, kx): (usize, usize), row: &mut [f32]) {
    let valid = g.valid_columns(kx);
    for (oy, line) in row.chunks_exact_mut(g.wo).enumerate() {
        let y = (oy * g.stride + ky).wrapping_sub(g.padding);
        if y >= g.h || valid.is_empty() {
            line.fill(0.0);
            continue;
        }
        let source = &plane[y * g.w..][..g.w];
        line[..valid.start].fill(0.0);
        line[valid.end..].fill(0.0);
        let first = valid.start * g.stride + kx - g.padding;
        let line = &mut line[valid.clone()];
        if g.stride == 1 {
            line.copy_from_slice(&source[first..][..line.len()]);
        } else {
            let source = source[first..].iter().step_by(g.stride);
            line.iter_mut().zip(source).for_each(|(d, &s)| *d = s);
        }
    }
}

/// The adjoint of [`im2col`]: adds each entry of `cols` to the pixel it was read from.
pub(crate) fn col2im(g: &Geometry, cols: &[f32], x: &mut [f32]) {
    assert_eq!(x.len(), g.x_len());
    assert_eq!(cols.len(), g.taps() * g.positions());
    x.fill(0.0);
    let mut rows = cols.chunks_exact(g.positions());
    for plane in x.chunks_exact_mut(g.h * g.w) {
        for ky in 0..g.kh {
            for kx in 0..g.kw {
                if let Some(row) = rows.next() {
                    scatter_tap(g, row, (ky, kx), plane);
                }
            }
        }
    }
}

fn scatter_tap(g: &Geometry, row: &[f32], (ky, kx): (usize, usize), plane: &mut [f32]) {
    let valid = g.valid_columns(kx);
    if valid.is_empty() {
        return;
    }
    for (oy, line) in row.chunks_exact(g.wo).enumerate() {
        let y = (oy * g.stride + ky).wrapping_sub(g.padding);
        if y >= g.h {
            continue;
        }
        let first = y * g.w + valid.start * g.stride + kx - g.padding;
        let line = &line[valid.clone()];
        if g.stride == 1 {
            for (d, &s) in plane[first..][..line.len()].iter_mut().zip(line) {
                *d += s;
            }
        } else {
            for (d, &s) in plane[first..].iter_mut().step_by(g.stride).zip(line) {
                *d += s;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conv2dConfig;

    #[test]
    fn im2col_of_a_literal_image() {
        let config = Conv2dConfig::new().padding(1).stride(2);
        let g = Geometry::new(&[1, 1, 2, 3], &[1, 1, 3, 3], config).unwrap();
        assert_eq!((g.ho, g.wo), (1, 2));
        let mut cols = [9.0; 18];
        im2col(&g, &[1., 2., 3., 4., 5., 6.], &mut cols);
        let expected = [
            0., 0., 0., 0., 0., 0., // row above the image
            0., 2., 1., 3., 2., 0., // first row
            0., 5., 4., 6., 5., 0., // second row
        ];
        assert_eq!(cols, expected);
    }

    #[test]
    fn col2im_is_the_adjoint() {
        // <im2col(x), c> = <x, col2im(c)> for a padding wider than the kernel needs.
        let config = Conv2dConfig::new().padding(3).stride(2);
        let g = Geometry::new(&[1, 2, 5, 4], &[1, 2, 3, 3], config).unwrap();
        let x: Vec<f32> = (0..g.x_len()).map(|i| (i % 7) as f32).collect();
        let c: Vec<f32> = (0..g.taps() * g.positions())
            .map(|i| (i % 5) as f32)
            .collect();
        let mut cols = vec![0.0; c.len()];
        im2col(&g, &x, &mut cols);
        let mut back = vec![0.0; x.len()];
        col2im(&g, &c, &mut back);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert_eq!(dot(&cols, &c), dot(&x, &back));
    }
}
