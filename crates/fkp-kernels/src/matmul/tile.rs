//! Register tiles: `MR` rows of `NV` vectors that a microkernel holds in registers.
#![expect(unsafe_code, reason = "vector loads and stores through pointers")]

use crate::simd::Simd;

/// The accumulators of a microkernel.
pub(super) type Tile<V, const MR: usize, const NV: usize> = [[V; NV]; MR];

/// # Safety
/// `NV` vectors can be read at `from + i · row_stride` for every row `i`.
#[inline(always)]
pub(super) unsafe fn load<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    from: *const f32,
    row_stride: usize,
) -> Tile<S::f32s, MR, NV> {
    let mut tile = [[s.splat_f32s(0.0); NV]; MR];
    for (i, row) in tile.iter_mut().enumerate() {
        for (j, v) in row.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *v = unsafe { s.load(from.add(i * row_stride + j * S::F32_LANES)) };
        }
    }
    tile
}

/// # Safety
/// `NV` vectors can be written at `to + i · row_stride` for every row `i`.
#[inline(always)]
pub(super) unsafe fn store<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    tile: &Tile<S::f32s, MR, NV>,
    to: *mut f32,
    row_stride: usize,
) {
    for (i, row) in tile.iter().enumerate() {
        for (j, &v) in row.iter().enumerate() {
            // SAFETY: the caller's contract.
            unsafe { s.store(to.add(i * row_stride + j * S::F32_LANES), v) };
        }
    }
}

/// `MR` pointers `stride` apart.
///
/// # Safety
/// All of them are in the allocation of `from`.
#[inline(always)]
pub(super) unsafe fn rows<const MR: usize>(from: *const f32, stride: usize) -> [*const f32; MR] {
    let mut rows = [from; MR];
    for (i, row) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's contract.
        *row = unsafe { from.add(i * stride) };
    }
    rows
}

/// Adds the outer product of a column of `a`, one value per row, and a row of `b`.
///
/// # Safety
/// Each pointer in `a` can be read, and `NV` vectors at `b`.
#[inline(always)]
pub(super) unsafe fn add_outer_product<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    tile: &mut Tile<S::f32s, MR, NV>,
    a: [*const f32; MR],
    b: *const f32,
) {
    let mut columns = [s.splat_f32s(0.0); NV];
    for (j, column) in columns.iter_mut().enumerate() {
        // SAFETY: the caller's contract.
        *column = unsafe { s.load(b.add(j * S::F32_LANES)) };
    }
    for (row, a) in tile.iter_mut().zip(&a) {
        // SAFETY: the caller's contract.
        let factor = s.splat_f32s(unsafe { **a });
        for (sum, &column) in row.iter_mut().zip(&columns) {
            *sum = s.mul_add(factor, column, *sum);
        }
    }
}
