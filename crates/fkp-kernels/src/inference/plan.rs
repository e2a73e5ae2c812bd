//! A network that is ready to run.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{Result, bail};
use rayon::prelude::*;

use super::arena::Arena;
use super::batch::{BatchBuffers, BatchPlan};
use super::image::ImagePlan;

/// A network with packed weights and assigned buffers, made by a
/// [`PlanBuilder`](super::PlanBuilder).
///
/// It can be used by several threads at a time: each gets buffers of its own, which the plan keeps, so
/// that only the first runs allocate.
#[derive(Debug)]
pub struct Plan {
    x_len: usize,
    out_len: usize,
    image: ImagePlan,
    head: Option<Head>,
    arenas: Mutex<Vec<Arena>>,
    buffers: Mutex<Vec<BatchBuffers>>,
}

/// What follows the features.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) plan: BatchPlan,
    /// The buffer that is the output.
    pub(super) output: usize,
}

impl Plan {
    pub(super) fn new(
        (x_len, out_len): (usize, usize),
        image: ImagePlan,
        head: Option<Head>,
    ) -> Self {
        Self {
            x_len,
            out_len,
            image,
            head,
            arenas: Mutex::default(),
            buffers: Mutex::default(),
        }
    }

    /// Values of the output for one image.
    pub fn out_len(&self) -> usize {
        self.out_len
    }

    /// Computes the output, `[n, ..]`, of the images `x`, `[n, channels, height, width]`. Several
    /// images are computed in parallel by rayon; a single one by this thread alone, except for large
    /// dense layers.
    ///
    /// # Errors
    /// If the batch is empty or a slice does not have the length for `n` images.
    pub fn run(&self, x: &[f32], n: usize, out: &mut [f32]) -> Result<()> {
        if n == 0 || x.len() != n * self.x_len || out.len() != n * self.out_len {
            bail!(
                "inference: {n} images of {} values, at least one, become {} values each, got \
                 slices of {} and {}",
                self.x_len,
                self.out_len,
                x.len(),
                out.len()
            );
        }
        let Some(head) = &self.head else {
            self.images(x, out);
            return Ok(());
        };
        let mut buffers = lock(&self.buffers)
            .pop()
            .unwrap_or_else(|| head.plan.buffers());
        self.images(x, head.plan.features(&mut buffers, n));
        head.plan.run(&mut buffers, n);
        out.copy_from_slice(buffers.values(head.output));
        lock(&self.buffers).push(buffers);
        Ok(())
    }

    /// The row of each image.
    fn images(&self, x: &[f32], rows: &mut [f32]) {
        if x.len() == self.x_len {
            return self.one(x, rows);
        }
        rows.par_chunks_mut(self.image.row_len)
            .zip(x.par_chunks(self.x_len))
            .for_each(|(row, x)| self.one(x, row));
    }

    fn one(&self, x: &[f32], row: &mut [f32]) {
        let arena = lock(&self.arenas).pop();
        let mut arena = arena.unwrap_or_else(|| self.image.slots.arena());
        self.image.run(&mut arena, x, row);
        lock(&self.arenas).push(arena);
    }
}

/// The buffers are valid whatever a thread that panicked did to them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
