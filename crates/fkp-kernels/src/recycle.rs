//! Memory that operations keep between their forward and backward pass and for their gradients,
//! without being zeroed or returned to the system in between.
//!
//! Buffers are parts of a few large blocks. As soon as nothing is in use, which is between two
//! training steps, several blocks are replaced by one that is as large as all that was in use at
//! the same time, so that a part that is returned can become any other.
#![expect(unsafe_code, reason = "buffers are disjoint parts of a block")]

use std::ops::{Deref, DerefMut, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

use memmap2::MmapMut;

/// The memory of all buffers.
static POOL: Mutex<Pool> = Mutex::new(Pool::new());

/// Parts are whole cache lines.
const LINE: usize = 64 / size_of::<f32>();

struct Pool {
    blocks: Vec<Block>,
    /// Values in use, and the most so far.
    used: usize,
    most_used: usize,
    /// Values of the next block, if it is the only one.
    expected: usize,
}

struct Block {
    memory: Memory,
    /// Parts that are not in use, by their start; no two are adjacent.
    free: Vec<Range<usize>>,
}

impl Block {
    fn is_free(&self) -> bool {
        let gaps = self.free.iter();
        gaps.map(Range::len).sum::<usize>() == self.memory.len
    }
}

/// A part of a block.
#[derive(Debug)]
struct Part {
    memory: *mut f32,
    range: Range<usize>,
}

impl Pool {
    const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            used: 0,
            most_used: 0,
            expected: 0,
        }
    }

    fn lock() -> MutexGuard<'static, Self> {
        POOL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part of at least `len` values, from the smallest gap that has room.
    fn take(&mut self, len: usize) -> Part {
        let len = len.next_multiple_of(LINE);
        let gaps = self.blocks.iter().enumerate().flat_map(|(block, values)| {
            let gaps = values.free.iter().enumerate();
            gaps.map(move |(gap, range)| (range.len(), block, gap))
        });
        let smallest = gaps.filter(|&(gap_len, ..)| gap_len >= len).min();
        let (block, gap) = match smallest {
            Some((_, block, gap)) => (block, gap),
            None => {
                // Before there is one block, or where it does not suffice.
                self.blocks.retain(|block| !block.is_free());
                let new = match self.blocks.is_empty() {
                    true => len.max(self.expected),
                    false => len,
                };
                self.blocks.push(Block {
                    memory: Memory::new(new),
                    free: std::iter::once(0..new).collect(),
                });
                (self.blocks.len() - 1, 0)
            }
        };
        let Block { memory, free } = &mut self.blocks[block];
        let range = free[gap].start..free[gap].start + len;
        free[gap].start = range.end;
        if free[gap].is_empty() {
            free.remove(gap);
        }
        self.used += len;
        self.most_used = self.most_used.max(self.used);
        Part {
            memory: memory.start,
            range,
        }
    }

    /// Takes a part back, and returns blocks that are to be dropped.
    fn put_back(&mut self, Part { memory, range }: Part) -> Vec<Block> {
        self.used -= range.len();
        let Some(block) = self.blocks.iter_mut().find(|b| b.memory.start == memory) else {
            return Vec::new();
        };
        let free = &mut block.free;
        let next = free.partition_point(|gap| gap.start < range.start);
        let joins_next = free.get(next).is_some_and(|gap| gap.start == range.end);
        match next.checked_sub(1).map(|before| &mut free[before]) {
            Some(before) if before.end == range.start => {
                before.end = range.end;
                if joins_next {
                    free[next - 1].end = free[next].end;
                    free.remove(next);
                }
            }
            _ if joins_next => free[next].start = range.start,
            _ => free.insert(next, range),
        }
        if self.used > 0 || self.blocks.len() < 2 {
            return Vec::new();
        }
        // Gaps between parts can make one block of this size too small: then it grows.
        let total: usize = self.blocks.iter().map(|block| block.memory.len).sum();
        self.expected = match self.expected {
            0 => self.most_used,
            _ => total.max(self.most_used),
        };
        std::mem::take(&mut self.blocks)
    }
}

/// Values of which only disjoint parts are accessed.
struct Memory {
    start: *mut f32,
    len: usize,
    owner: Owner,
}

enum Owner {
    /// Memory from the system, to which it returns at once: an allocator would keep it for a while,
    /// beside the block that replaces it.
    Mapped(
        #[allow(
            dead_code,
            reason = "dropped with the block; not dead where its type has no destructor"
        )]
        MmapMut,
    ),
    /// Where there is no such memory. From `Box::into_raw`.
    Allocated(*mut [f32]),
}

// SAFETY: the memory belongs to this value, and the parts to whoever took them.
unsafe impl Send for Memory {}

impl Memory {
    fn new(len: usize) -> Self {
        match MmapMut::map_anon(len * size_of::<f32>()) {
            // The values are 0.
            Ok(mut mapped) if !cfg!(miri) => Self {
                start: mapped.as_mut_ptr().cast(),
                len,
                owner: Owner::Mapped(mapped),
            },
            _ => {
                let allocated = Box::into_raw(vec![0.0f32; len + LINE].into_boxed_slice());
                let start = allocated.cast::<f32>();
                let offset = start.align_offset(LINE * size_of::<f32>()).min(LINE);
                Self {
                    start: start.wrapping_add(offset),
                    len,
                    owner: Owner::Allocated(allocated),
                }
            }
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Owner::Allocated(allocated) = self.owner {
            // SAFETY: it comes from `Box::into_raw`, and no part of a block that is dropped is in
            // use.
            drop(unsafe { Box::from_raw(allocated) });
        }
    }
}

/// A buffer with arbitrary values.
#[derive(Debug)]
pub(crate) struct Buffer {
    part: Part,
    len: usize,
}

// SAFETY: no other buffer has the part.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Of `len` values.
    pub(crate) fn new(len: usize) -> Self {
        let part = Pool::lock().take(len.max(1));
        Self { part, len }
    }
}

impl From<&[f32]> for Buffer {
    fn from(values: &[f32]) -> Self {
        let mut buffer = Self::new(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let part = Part {
            memory: self.part.memory,
            range: self.part.range.clone(),
        };
        // Outside of the lock.
        let dropped = Pool::lock().put_back(part);
        drop(dropped);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let Part { memory, range } = &self.part;
        // SAFETY: the part has at least `len` initialized values, which only this buffer accesses,
        // and its block exists while it is in use.
        unsafe { std::slice::from_raw_parts(memory.add(range.start), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        let Part { memory, range } = &self.part;
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(memory.add(range.start), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_blocks_become_one_that_parts_share() {
        let mut pool = Pool::new();
        let lens = [64, 32, 16];
        let parts = lens.map(|len| pool.take(len));
        assert_eq!(pool.blocks.len(), 3);
        let dropped: usize = parts.into_iter().map(|p| pool.put_back(p).len()).sum();
        assert_eq!((dropped, pool.blocks.len()), (3, 0));
        // Any order, and gaps of two parts that are one again.
        let [a, b, c] = [16, 32, 64].map(|len| pool.take(len));
        assert_eq!((pool.blocks.len(), pool.blocks[0].free.len()), (1, 0));
        for (first, second, third) in [(0, 1, 2), (2, 1, 0), (1, 0, 2)] {
            let mut parts = [Some(&a), Some(&b), Some(&c)];
            let mut gaps = Vec::new();
            for i in [first, second, third] {
                let part = parts[i].take().unwrap();
                pool.put_back(Part {
                    memory: part.memory,
                    range: part.range.clone(),
                });
                gaps.push(pool.blocks[0].free.len());
            }
            assert_eq!((gaps[2], pool.used), (1, 0));
            assert_eq!(pool.blocks[0].free.first(), Some(&(0..112)));
            let again = [16, 32, 64].map(|len| pool.take(len).range);
            assert_eq!(again, [0..16, 16..48, 48..112]);
        }
    }

    #[test]
    fn a_block_that_is_too_small_grows() {
        let mut pool = Pool::new();
        pool.expected = 32;
        let parts = [16, 16, 48].map(|len| pool.take(len));
        assert_eq!(pool.blocks.len(), 2);
        parts.into_iter().for_each(|p| drop(pool.put_back(p)));
        assert_eq!((pool.blocks.len(), pool.expected), (0, 80));
    }

    #[test]
    fn a_free_block_is_dropped_for_one_of_another_size() {
        let mut pool = Pool::new();
        let (first, second) = (pool.take(64), pool.take(16));
        assert!(pool.put_back(first).is_empty());
        let third = pool.take(128);
        assert_eq!((pool.blocks.len(), pool.used), (2, 144));
        drop((pool.put_back(second), pool.put_back(third)));
        assert_eq!((pool.blocks.len(), pool.expected), (0, 144));
    }

    #[test]
    fn buffers_are_aligned_and_do_not_overlap() {
        let mut buffers = [900, 17, 1].map(Buffer::new);
        for (i, buffer) in buffers.iter_mut().enumerate() {
            assert_eq!(buffer.as_ptr().align_offset(64), 0);
            buffer.fill(i as f32);
        }
        for (i, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|&v| v == i as f32));
        }
        assert_eq!(*Buffer::from(&[1.0, 2.0][..]), [1.0, 2.0]);
        assert!(Buffer::new(0).is_empty());
    }
}
