//! Loops over the images of a batch: in parallel, with sums that do not depend on the number of
//! threads.

use std::ops::Range;

use rayon::prelude::*;

use super::buffers::ForwardInputs;
use super::geometry::Geometry;
use crate::activation::BLOCK;
use crate::matmul::Write;
use crate::scratch::with_scratch;

/// The weight gradient is summed in at most this many partial sums, each over consecutive
/// images. The number fixes the order of the additions and with it the result, so it does not
/// depend on the number of threads.
const PARTIAL_SUMS: usize = 16;

/// One image of the forward pass.
pub(super) struct ForwardImage<'a> {
    pub(super) x: &'a [f32],
    pub(super) out: &'a mut [f32],
    /// Receives the index of the maximum of each pooling window, where a backward pass may follow.
    pub(super) argmax: Option<&'a mut [u8]>,
}

/// Computes the output of all images, in parallel.
pub(super) fn forward_images(
    g: &Geometry,
    inputs: ForwardInputs<'_>,
    argmax: Option<&mut [u8]>,
    forward: impl Fn(ForwardImage<'_>) + Sync,
) -> Vec<f32> {
    assert_eq!(inputs.x.len(), g.n * g.x_len());
    let out_len = g.out_len();
    let mut out = vec![0.0f32; g.n * out_len];
    let images = out
        .par_chunks_mut(out_len)
        .zip(inputs.x.par_chunks(g.x_len()));
    match argmax {
        None => images.for_each(|(out, x)| {
            forward(ForwardImage {
                x,
                out,
                argmax: None,
            });
        }),
        Some(argmax) => {
            let len = argmax.len() / g.n;
            let images = images.zip(argmax.par_chunks_mut(len));
            images.for_each(|((out, x), argmax)| {
                let argmax = Some(argmax);
                forward(ForwardImage { x, out, argmax });
            });
        }
    }
    out
}

/// Consecutive images whose parameter gradients are summed by one task.
pub(super) struct Group<'a> {
    x_len: usize,
    images: Range<usize>,
    /// Input gradients of these images, if needed.
    dx: Option<&'a mut [f32]>,
}

/// One image of a [`Group`].
pub(super) struct GroupImage<'a> {
    pub(super) index: usize,
    /// How its parameter gradients are added to those of the images before.
    pub(super) write: Write,
    pub(super) dx: Option<&'a mut [f32]>,
}

impl Group<'_> {
    pub(super) fn for_each_image(mut self, mut f: impl FnMut(GroupImage<'_>)) {
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
pub(super) fn sum_over_groups(
    g: &Geometry,
    dx: Option<&mut [f32]>,
    len: usize,
    sum_group: impl Fn(Group<'_>, &mut [f32]) + Sync,
) -> Vec<f32> {
    let (size, x_len) = (g.n.div_ceil(PARTIAL_SUMS), g.x_len());
    assert!(dx.as_ref().is_none_or(|dx| dx.len() == g.n * x_len));
    let group = |index: usize, dx| Group {
        x_len,
        images: index * size..g.n.min((index + 1) * size),
        dx,
    };
    with_scratch(g.n.div_ceil(size) * len, |partials| {
        let tasks = partials.par_chunks_mut(len).enumerate();
        match dx {
            None => tasks.for_each(|(index, partial)| sum_group(group(index, None), partial)),
            Some(dx) => tasks
                .zip(dx.par_chunks_mut(size * x_len))
                .for_each(|((index, partial), dx)| sum_group(group(index, Some(dx)), partial)),
        }
        add_in_order(partials, len)
    })
}

/// Adds partial sums of `len` values each, in their order.
fn add_in_order(partials: &[f32], len: usize) -> Vec<f32> {
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
