//! Loops over the images of a batch: in parallel, with sums that do not depend on the number of
//! threads.
#![expect(unsafe_code, reason = "the result is not zeroed before it is written")]

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::Geometry;
use crate::activation::BLOCK;
use crate::matmul::Write;
use crate::scratch::with_scratch;
use crate::weighted_op::OpInputs;
use crate::written::written;

/// The weight gradient is summed in at most this many partial sums, each over consecutive
/// images. The number fixes the order of the additions and with it the result, so it does not
/// depend on the number of threads.
pub(crate) const PARTIAL_SUMS: usize = 16;

/// One image of the forward pass.
pub(super) struct ForwardImage<'a> {
    pub(super) x: &'a [f32],
    pub(super) out: &'a mut [f32],
    /// Receives the index of the maximum of each pooling window, where a backward pass may follow.
    pub(super) argmax: Option<&'a mut [u8]>,
}

/// Computes the output of all images, in parallel.
///
/// # Safety
/// `forward` writes all of [`ForwardImage::out`], and reads none before it has written it.
pub(super) unsafe fn forward_images(
    g: &Geometry,
    inputs: OpInputs<'_>,
    argmax: Option<&mut [u8]>,
    forward: impl Fn(ForwardImage<'_>) + Send + Sync,
) -> Vec<f32> {
    assert_eq!(inputs.x.len(), g.n * g.x_len());
    let out_len = g.out_len();
    let mut argmax = argmax.map(|a| {
        let len = a.len() / g.n;
        a.chunks_mut(len)
    });
    let write = |out: &mut [f32]| {
        let images = out.chunks_mut(out_len).zip(inputs.x.chunks(g.x_len()));
        let images = images.map(|(out, x)| {
            let argmax = argmax.as_mut().and_then(Iterator::next);
            ForwardImage { x, out, argmax }
        });
        let images: Vec<_> = images.collect();
        images.into_par_iter().for_each(forward);
    };
    // SAFETY: `out` is divided among the images; the caller's contract.
    unsafe { written(g.n * out_len, write) }
}

/// Consecutive images whose parameter gradients are summed by one task.
pub(crate) struct Group<'a> {
    x_len: usize,
    images: Range<usize>,
    /// Input gradients of these images, if needed.
    dx: Option<&'a mut [f32]>,
}

/// One image of a [`Group`].
pub(crate) struct GroupImage<'a> {
    pub(crate) index: usize,
    /// How its parameter gradients are added to those of the images before.
    pub(crate) write: Write,
    pub(crate) dx: Option<&'a mut [f32]>,
}

impl Group<'_> {
    pub(crate) fn for_each_image(mut self, mut f: impl FnMut(GroupImage<'_>)) {
        for (i, index) in self.images.enumerate() {
            f(GroupImage {
                index,
                write: Write::term(i),
                dx: self
                    .dx
                    .as_deref_mut()
                    .map(|dx| &mut dx[i * self.x_len..][..self.x_len]),
            });
        }
    }
}

/// The parameter gradients, `len` values, summed over all images: `sum_group` writes the sum of
/// one group to its second argument. Groups are computed in parallel and added in order.
pub(crate) fn sum_over_groups(
    g: &Geometry,
    dx: Option<&mut [f32]>,
    len: usize,
    sum_group: impl Fn(Group<'_>, &mut [f32]) + Sync,
) -> Vec<f32> {
    let (size, x_len) = (g.n.div_ceil(PARTIAL_SUMS), g.x_len());
    assert!(dx.as_ref().is_none_or(|dx| dx.len() == g.n * x_len));
    let mut dx = dx.map(|dx| dx.chunks_mut(size * x_len));
    let groups = (0..g.n).step_by(size).map(|first| Group {
        x_len,
        images: first..g.n.min(first + size),
        dx: dx.as_mut().and_then(Iterator::next),
    });
    let groups: Vec<_> = groups.collect();
    with_scratch(groups.len() * len, |partials| {
        groups
            .into_par_iter()
            .zip(partials.par_chunks_mut(len))
            .for_each(|(group, partial)| sum_group(group, partial));
        add_in_order(partials, len)
    })
}

/// Adds partial sums of `len` values each, in their order.
pub(crate) fn add_in_order(partials: &[f32], len: usize) -> Vec<f32> {
    let (first, others) = partials.split_at(len);
    let mut sum = first.to_vec();
    sum.par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, sum)| {
            for other in others.chunks_exact(len) {
                let other = &other[block * BLOCK..][..sum.len()];
                sum.iter_mut().zip(other).for_each(|(s, &o)| *s += o);
            }
        });
    sum
}
