//! What every algorithm reads and writes.

use crate::layout::Grid;
use crate::matmul::Epilogue;

/// The operands of a convolution of one image.
pub(crate) struct Buffers<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) bias: &'a [f32],
    pub(crate) epilogue: Epilogue<'a>,
    pub(crate) output: &'a mut [f32],
    pub(crate) output_grid: Grid,
}
