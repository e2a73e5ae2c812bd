//! Large buffers that are used again: memory that an operation keeps between its forward and
//! backward pass, without being zeroed or returned to the system in between.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Memory of all buffers.
static MEMORY: Mutex<Memory> = Mutex::new(Memory {
    free: Vec::new(),
    free_len: 0,
    used_len: 0,
    most_used: 0,
});

struct Memory {
    /// What is not in use, in the order in which it was returned.
    free: Vec<Vec<f32>>,
    /// Values of `free`, and of the buffers in use.
    free_len: usize,
    used_len: usize,
    /// The largest `used_len` so far.
    most_used: usize,
}

impl Memory {
    fn lock() -> MutexGuard<'static, Self> {
        MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The smallest that has `len` values. A step needs the same lengths as the one before, so
    /// that the one which is taken fits, unless there was none.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let free = self.free.iter().enumerate();
        let fitting = free.filter(|(_, values)| values.len() >= len);
        let (index, _) = fitting.min_by_key(|(_, values)| values.len())?;
        let values = self.free.remove(index);
        self.free_len -= values.len();
        Some(values)
    }

    /// Drops what is free and was not used for longest, until no more is held than was once in
    /// use at the same time.
    fn trim(&mut self) -> Vec<Vec<f32>> {
        let mut dropped = Vec::new();
        while self.free_len + self.used_len > self.most_used && !self.free.is_empty() {
            let values = self.free.remove(0);
            self.free_len -= values.len();
            dropped.push(values);
        }
        dropped
    }
}

/// A buffer with arbitrary values.
#[derive(Debug)]
pub(crate) struct Buffer {
    values: Vec<f32>,
    len: usize,
}

impl Buffer {
    /// Of `len` values.
    pub(crate) fn new(len: usize) -> Self {
        let mut memory = Memory::lock();
        let values = memory.take(len);
        memory.used_len += values.as_ref().map_or(len, Vec::len);
        memory.most_used = memory.most_used.max(memory.used_len);
        let dropped = memory.trim();
        drop(memory);
        drop(dropped);
        let values = values.unwrap_or_else(|| vec![0.0; len]);
        Self { values, len }
    }
}

impl Buffer {
    /// The values as an ordinary vector, which is not used again.
    pub(crate) fn into_vec(mut self) -> Vec<f32> {
        let mut values = std::mem::take(&mut self.values);
        Memory::lock().used_len -= values.len();
        values.truncate(self.len);
        values
    }
}

impl From<Vec<f32>> for Buffer {
    /// The memory of the vector is used again when the buffer is dropped.
    fn from(values: Vec<f32>) -> Self {
        let len = values.len();
        let mut memory = Memory::lock();
        memory.used_len += len;
        memory.most_used = memory.most_used.max(memory.used_len);
        let dropped = memory.trim();
        drop(memory);
        drop(dropped);
        Self { values, len }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        if values.is_empty() {
            return;
        }
        let mut memory = Memory::lock();
        memory.used_len -= values.len();
        memory.free_len += values.len();
        memory.free.push(values);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_held_than_was_once_in_use() {
        let mut memory = Memory {
            free: vec![vec![0.0; 10], vec![0.0; 5], vec![0.0; 7]],
            free_len: 22,
            used_len: 8,
            most_used: 20,
        };
        assert_eq!(memory.take(4).map(|values| values.len()), Some(5));
        assert_eq!(memory.take(11), None);
        memory.used_len += 5;
        assert_eq!(memory.trim().len(), 1);
        assert_eq!((memory.free.len(), memory.free_len), (1, 7));
    }

    #[test]
    fn a_buffer_has_the_length_that_was_asked_for() {
        let mut first = Buffer::new(1000);
        first.fill(1.0);
        drop(first);
        let second = Buffer::new(900);
        assert_eq!(second.len(), 900);
        let mut values = second.into_vec();
        assert_eq!(values.len(), 900);
        values[0] = 2.0;
        assert_eq!(Buffer::from(values)[0], 2.0);
    }
}
