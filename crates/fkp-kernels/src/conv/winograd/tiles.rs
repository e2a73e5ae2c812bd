//! Loads and stores of tiles, and the transform of the input, which both passes need.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::plan::{Block, Plan};
use super::transform::{IN, Input, POINTS, Transform};
use crate::simd::Simd;

/// Loads `N × N` vectors.
///
/// # Safety
/// All of them can be read: rows are `row_stride` values apart, columns `column_stride`.
#[inline(always)]
pub(super) unsafe fn load_square<S: Simd, const N: usize>(
    s: S,
    from: *const f32,
    row_stride: usize,
    column_stride: usize,
) -> [[S::f32s; N]; N] {
    let mut square = [[s.splat_f32s(0.0); N]; N];
    for (y, row) in square.iter_mut().enumerate() {
        for (x, v) in row.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *v = unsafe { s.load(from.add(y * row_stride + x * column_stride)) };
        }
    }
    square
}

/// Stores `N × N` vectors.
///
/// # Safety
/// A vector can be written at `to` and at each of the next `N² - 1` multiples of `stride`.
#[inline(always)]
pub(super) unsafe fn store_square<S: Simd, const N: usize>(
    s: S,
    square: &[[S::f32s; N]; N],
    to: *mut f32,
    stride: usize,
) {
    for (i, &v) in square.as_flattened().iter().enumerate() {
        // SAFETY: the caller's contract.
        unsafe { s.store(to.add(i * stride), v) };
    }
}

/// Transforms a block of tiles of the input frame to `v`, one matrix `[tiles, c_in]` per point.
#[inline(always)]
pub(super) fn input_to_points<S: Simd>(
    s: S,
    plan: &Plan,
    input: &[f32],
    block: Block,
    v: &mut [f32],
) {
    let Block { first, count } = block;
    let (depth, stride) = (plan.c_in, plan.v_stride());
    let line = plan.input.frame_w * depth;
    assert!(first + count <= plan.tiles && count <= plan.block);
    let last = plan.input_offset(plan.tiles - 1);
    assert!(last + (IN - 1) * line + IN * depth <= input.len());
    assert!(v.len() >= POINTS * stride);
    for t in 0..count {
        let offset = plan.input_offset(first + t);
        for c in (0..depth).step_by(S::F32_LANES) {
            // SAFETY: 6×6 pixels from the corner of the last tile, and so of any, are inside the
            // input; c + LANES <= depth; t < count <=
            // block, so each store ends inside its point's stride.
            unsafe {
                let pixels = load_square(s, input.as_ptr().add(offset + c), line, depth);
                let points = Input.apply_2d(s, &pixels);
                store_square(s, &points, v.as_mut_ptr().add(t * depth + c), stride);
            }
        }
    }
}
