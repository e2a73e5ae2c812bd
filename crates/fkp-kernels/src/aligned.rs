//! Buffers of floats that start at a cache line, so that no vector is in two of them.

/// Bytes of a cache line and of the longest vector.
const LINE: usize = 64;
/// Values by which a buffer is longer than its contents.
pub(crate) const SLACK: usize = LINE / size_of::<f32>();

/// A buffer of fixed length.
#[derive(Debug, Default)]
pub(crate) struct Aligned {
    memory: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let memory = vec![0.0; len + SLACK];
        Self {
            start: start(&memory),
            memory,
            len,
        }
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.memory[self.start..][..self.len]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..][..self.len]
    }
}

/// The `len` values from the first cache line on, of memory that is longer by [`SLACK`].
pub(crate) fn align(memory: &mut [f32], len: usize) -> &mut [f32] {
    let start = start(memory);
    &mut memory[start..][..len]
}

fn start(memory: &[f32]) -> usize {
    memory.as_ptr().align_offset(LINE).min(SLACK)
}
