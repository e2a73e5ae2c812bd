//! Assignment of buffers to the values of an image, by liveness: a buffer is used again when the last
//! operation that reads its value is done.

use crate::aligned::Aligned;

/// The buffers of one image.
#[derive(Debug)]
pub(super) struct Arena(Vec<Aligned>);

/// The lengths of the buffers.
#[derive(Debug, Default)]
pub(super) struct Slots {
    lengths: Vec<usize>,
    free: Vec<usize>,
}

impl Slots {
    /// A buffer for `len` values: of those that are free the one whose length fits best.
    pub(super) fn take(&mut self, len: usize) -> usize {
        let lengths = &self.lengths;
        let fit = |slot: &usize| {
            let length = lengths[*slot];
            // A longer one rather than one that must grow.
            (length < len, length.abs_diff(len))
        };
        let best = (0..self.free.len()).min_by_key(|i| fit(&self.free[*i]));
        match best {
            Some(index) => {
                let slot = self.free.remove(index);
                self.lengths[slot] = self.lengths[slot].max(len);
                slot
            }
            None => {
                self.lengths.push(len);
                self.lengths.len() - 1
            }
        }
    }

    /// The value in this buffer is not read any more.
    pub(super) fn release(&mut self, slot: usize) {
        self.free.push(slot);
    }

    pub(super) fn arena(&self) -> Arena {
        Arena(
            self.lengths
                .iter()
                .map(|len| Aligned::zeros(*len))
                .collect(),
        )
    }
}

impl Arena {
    pub(super) fn values(&self, slot: usize, len: usize) -> &[f32] {
        &self.0[slot].as_slice()[..len]
    }

    /// Calls `f` with a buffer and the arena, in which it is empty meanwhile.
    pub(super) fn with_mut(&mut self, slot: usize, f: impl FnOnce(&mut [f32], &Self)) {
        let mut buffer = std::mem::take(&mut self.0[slot]);
        f(buffer.as_mut_slice(), self);
        self.0[slot] = buffer;
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn the_buffer_that_fits_best_is_used_again() {
        let mut slots = Slots::default();
        let (a, b, c) = (slots.take(10), slots.take(20), slots.take(30));
        assert_eq!((a, b, c), (0, 1, 2));
        slots.release(a);
        slots.release(c);
        assert_eq!(slots.take(12), c);
        assert_eq!(slots.take(12), a);
        assert_eq!(slots.lengths, [12, 20, 30]);
    }
}
