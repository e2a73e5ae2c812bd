//! Loads and stores of tiles, and the transform of the input, which both passes need.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use std::marker::PhantomData;

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

/// Where the points of tiles are read: a row of one matrix `[tiles, depth]` per point for each tile.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    /// From the row of the first tile on.
    pub(super) values: &'a [f32],
    /// Values between the matrices of two points.
    pub(super) stride: usize,
}

impl Points<'_> {
    /// Checks that the rows of `tiles` tiles can be read.
    #[inline(always)]
    pub(super) fn check(&self, tiles: usize, depth: usize) {
        assert!(tiles * depth <= self.stride);
        assert!((POINTS - 1) * self.stride + tiles * depth <= self.values.len());
    }

    /// Loads the 36 vectors of a tile.
    ///
    /// # Safety
    /// The tile is one of those that were checked, and `c + LANES` is at most `depth`.
    #[inline(always)]
    pub(super) unsafe fn load<S: Simd>(
        &self,
        s: S,
        (tile, depth): (usize, usize),
        c: usize,
    ) -> [[S::f32s; IN]; IN] {
        // SAFETY: the caller's contract.
        unsafe {
            let from = self.values.as_ptr().add(tile * depth + c);
            load_square(s, from, IN * self.stride, self.stride)
        }
    }
}

/// Where the points of tiles are written, laid out as [`Points`].
#[derive(Clone, Copy)]
pub(super) struct PointRows<'a> {
    values: *mut f32,
    stride: usize,
    depth: usize,
    tiles: usize,
    memory: PhantomData<&'a mut [f32]>,
}

// SAFETY: whoever stores promises that nobody else uses the rows of these tiles.
unsafe impl Send for PointRows<'_> {}
// SAFETY: as above.
unsafe impl Sync for PointRows<'_> {}

impl<'a> PointRows<'a> {
    pub(super) fn new(values: &'a mut [f32], stride: usize, depth: usize) -> Self {
        assert!(values.len() >= POINTS * stride);
        Self {
            values: values.as_mut_ptr(),
            stride,
            depth,
            tiles: stride / depth,
            memory: PhantomData,
        }
    }

    /// The rows from that of a tile on.
    pub(super) fn starting_at(self, tile: usize) -> Self {
        assert!(tile <= self.tiles);
        Self {
            values: self.values.wrapping_add(tile * self.depth),
            tiles: self.tiles - tile,
            ..self
        }
    }

    /// Checks that there are rows of `tiles` tiles.
    #[inline(always)]
    pub(super) fn check(&self, tiles: usize, depth: usize) {
        assert!(tiles <= self.tiles && depth == self.depth);
    }

    /// Writes the 36 vectors of a tile.
    ///
    /// # Safety
    /// The tile is one of those that were checked, `c + LANES` is at most the depth, and no other
    /// thread uses the row.
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd>(
        &self,
        s: S,
        tile: usize,
        c: usize,
        points: &[[S::f32s; IN]; IN],
    ) {
        // SAFETY: the caller's contract.
        unsafe {
            let to = self.values.add(tile * self.depth + c);
            store_square(s, points, to, self.stride);
        }
    }
}

/// Transforms a block of tiles of the input frame to their points.
#[inline(always)]
pub(super) fn input_to_points<S: Simd>(
    s: S,
    plan: &Plan,
    input: &[f32],
    block: Block,
    rows: PointRows<'_>,
) {
    let Block { first, count } = block;
    let depth = plan.c_in;
    let line = plan.input.frame_w * depth;
    assert!(first + count <= plan.tiles);
    rows.check(count, depth);
    let last = plan.input_offset(plan.tiles - 1);
    assert!(last + (IN - 1) * line + IN * depth <= input.len());
    for t in 0..count {
        let offset = plan.input_offset(first + t);
        for c in (0..depth).step_by(S::F32_LANES) {
            // SAFETY: 6×6 pixels from the corner of the last tile, and so of any, are inside the
            // input; c + LANES <= depth; the rows of the block were checked, and those of two
            // tasks differ.
            unsafe {
                let pixels = load_square(s, input.as_ptr().add(offset + c), line, depth);
                rows.store(s, t, c, &Input.apply_2d(s, &pixels));
            }
        }
    }
}
