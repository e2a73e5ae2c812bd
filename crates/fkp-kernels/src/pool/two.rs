//! One plane of 2×2 windows with stride 2: loops over pairs of rows, which the compiler turns into
//! vector instructions. An odd last row or column is not in a window.

use crate::simd::{Kernel, Simd, dispatch};

/// The maxima `y` of a plane `x` with rows of `w` values; `argmax` receives the index of each in its
/// window (0 to 3, row by row).
pub(super) fn maxima(x: &[f32], w: usize, y: &mut [f32], argmax: Option<&mut [u8]>) {
    dispatch(Maxima { x, w, y, argmax });
}

/// Writes each gradient to the position of its maximum in `dx`, and zeros to the others.
pub(super) fn spread_maxima(grad: &[f32], argmax: &[u8], w: usize, dx: &mut [f32]) {
    dispatch(SpreadMaxima {
        grad,
        argmax,
        w,
        dx,
    });
}

/// The means `y` of the windows of a plane `x` with rows of `w` values.
pub(super) fn means(x: &[f32], w: usize, y: &mut [f32]) {
    for (y, rows) in y.chunks_exact_mut(w / 2).zip(x.chunks_exact(2 * w)) {
        let (top, bottom) = pairs(rows, w);
        for ((y, t), b) in y.iter_mut().zip(top).zip(bottom) {
            *y = (t[0] + t[1] + b[0] + b[1]) * 0.25;
        }
    }
}

/// Writes a quarter of each gradient to the four positions of its window in `dx`.
pub(super) fn spread_means(grad: &[f32], w: usize, dx: &mut [f32]) {
    for (grad, rows) in grad.chunks_exact(w / 2).zip(dx.chunks_exact_mut(2 * w)) {
        let (top, bottom) = pairs_mut(rows, w);
        for ((&g, t), b) in grad.iter().zip(top).zip(bottom) {
            let share = g * 0.25;
            (*t, *b) = ([share; 2], [share; 2]);
        }
    }
}

/// The upper and lower halves of the windows of two rows.
#[inline(always)]
fn pairs(rows: &[f32], w: usize) -> (&[[f32; 2]], &[[f32; 2]]) {
    let (top, bottom) = rows.split_at(w);
    (top.as_chunks().0, bottom.as_chunks().0)
}

#[inline(always)]
fn pairs_mut(rows: &mut [f32], w: usize) -> (&mut [[f32; 2]], &mut [[f32; 2]]) {
    let (top, bottom) = rows.split_at_mut(w);
    (top.as_chunks_mut().0, bottom.as_chunks_mut().0)
}

/// Whether `v` replaces the maximum so far.
#[inline(always)]
pub(super) fn exceeds(v: f32, max: f32) -> bool {
    (v > max) | (v.is_nan() & !max.is_nan())
}

struct Maxima<'a> {
    x: &'a [f32],
    w: usize,
    y: &'a mut [f32],
    argmax: Option<&'a mut [u8]>,
}

impl Kernel for Maxima<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { x, w, y, argmax } = self;
        let lines = y.chunks_exact_mut(w / 2).zip(x.chunks_exact(2 * w));
        let Some(argmax) = argmax else {
            for (y, rows) in lines {
                let (top, bottom) = pairs(rows, w);
                for ((y, t), b) in y.iter_mut().zip(top).zip(bottom) {
                    let larger = |max, v| if exceeds(v, max) { v } else { max };
                    *y = larger(larger(larger(t[0], t[1]), b[0]), b[1]);
                }
            }
            return;
        };
        for ((y, rows), argmax) in lines.zip(argmax.chunks_exact_mut(w / 2)) {
            let (top, bottom) = pairs(rows, w);
            for (((y, argmax), t), b) in y.iter_mut().zip(argmax).zip(top).zip(bottom) {
                let (mut max, mut index) = (t[0], 0);
                for (i, v) in [(1, t[1]), (2, b[0]), (3, b[1])] {
                    let larger = exceeds(v, max);
                    max = if larger { v } else { max };
                    index = if larger { i } else { index };
                }
                (*y, *argmax) = (max, index);
            }
        }
    }
}

struct SpreadMaxima<'a> {
    grad: &'a [f32],
    argmax: &'a [u8],
    w: usize,
    dx: &'a mut [f32],
}

impl Kernel for SpreadMaxima<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self {
            grad,
            argmax,
            w,
            dx,
        } = self;
        let lines = grad.chunks_exact(w / 2).zip(argmax.chunks_exact(w / 2));
        for ((grad, argmax), rows) in lines.zip(dx.chunks_exact_mut(2 * w)) {
            let (top, bottom) = pairs_mut(rows, w);
            for (((&g, &max), t), b) in grad.iter().zip(argmax).zip(top).zip(bottom) {
                let at = |index| if max == index { g } else { 0.0 };
                (*t, *b) = ([at(0), at(1)], [at(2), at(3)]);
            }
        }
    }
}
