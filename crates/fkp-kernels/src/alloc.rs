//! An allocator that keeps large blocks.
#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

/// Blocks from this size on are kept.
const LARGE: usize = 128 << 10;
/// Number of blocks and bytes that are kept at most.
const MOST_BLOCKS: usize = 256;
const MOST_BYTES: usize = 1 << 30;
/// What a large block is aligned to: a cache line.
const ALIGN: usize = 64;
/// Blocks from twice this size on are aligned to it and ask for pages of this size, where the
/// system has them: a pass over the weights then does not miss the translation buffer.
const HUGE_PAGE: usize = 2 << 20;

/// The system's allocator, but freed blocks of 128 KiB and more are kept (at most 256 blocks and
/// 1 GiB) and handed out again.
///
/// candle owns the memory of every tensor, so each training step returns its activations and
/// gradients to the allocator and asks for as much again. The system's allocator gives large
/// blocks back to the kernel, and the next step pays for fresh pages: with the tutorial network
/// 37,000 page faults per step. With this allocator a warm step causes a few dozen:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: fkp_kernels::KeepLarge = fkp_kernels::KeepLarge::new();
/// ```
#[derive(Debug)]
pub struct KeepLarge {
    locked: AtomicBool,
    kept: std::cell::UnsafeCell<Kept>,
}

#[derive(Debug)]
struct Kept {
    blocks: [Block; MOST_BLOCKS],
    count: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    at: *mut u8,
    size: usize,
}

// SAFETY: `kept` is only accessed between taking and releasing `locked`, and the blocks in it
// belong to nobody else.
unsafe impl Sync for KeepLarge {}

impl Default for KeepLarge {
    fn default() -> Self {
        Self::new()
    }
}

impl KeepLarge {
    /// An allocator that keeps nothing yet.
    pub const fn new() -> Self {
        let none = Block {
            at: std::ptr::null_mut(),
            size: 0,
        };
        let kept = Kept {
            blocks: [none; MOST_BLOCKS],
            count: 0,
            bytes: 0,
        };
        Self {
            locked: AtomicBool::new(false),
            kept: std::cell::UnsafeCell::new(kept),
        }
    }

    /// Exclusive access. A mutex of the standard library may allocate, so this spins: the lock is
    /// held for a look at a few hundred numbers.
    fn with_kept<R>(&self, f: impl FnOnce(&mut Kept) -> R) -> R {
        while self.locked.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        // SAFETY: `locked` was false, so nobody else is between these two lines.
        let result = f(unsafe { &mut *self.kept.get() });
        self.locked.store(false, Ordering::Release);
        result
    }

    /// The most recently freed block of exactly this size.
    fn take(&self, size: usize) -> Option<*mut u8> {
        self.with_kept(|kept| {
            let found = kept.blocks[..kept.count]
                .iter()
                .rposition(|b| b.size == size)?;
            let block = kept.blocks[found];
            kept.blocks.copy_within(found + 1..kept.count, found);
            kept.count -= 1;
            kept.bytes -= size;
            Some(block.at)
        })
    }

    /// Keeps a block; `false` if there is no room.
    fn keep(&self, at: *mut u8, size: usize) -> bool {
        self.with_kept(|kept| {
            if kept.count == MOST_BLOCKS || kept.bytes + size > MOST_BYTES {
                return false;
            }
            kept.blocks[kept.count] = Block { at, size };
            kept.count += 1;
            kept.bytes += size;
            true
        })
    }
}

/// The layout of the block that serves a large request: eight sizes per power of two, so that a
/// slightly different request finds it again. `None` for a request that is not large.
fn block_layout(layout: Layout) -> Option<Layout> {
    if layout.size() < LARGE || layout.align() > ALIGN {
        return None;
    }
    let step = layout.size().next_power_of_two() / 16;
    let size = layout.size().checked_next_multiple_of(step)?;
    let align = if size >= 2 * HUGE_PAGE {
        HUGE_PAGE
    } else {
        ALIGN
    };
    Layout::from_size_align(size, align).ok()
}

/// What a block must hold when it is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contents {
    Any,
    Zero,
}

/// A fresh block from the system.
///
/// # Safety
/// As [`GlobalAlloc::alloc`]; the block's size is not 0.
unsafe fn fresh(block: Layout, contents: Contents) -> *mut u8 {
    // SAFETY: the caller's contract; advice about the inside of an own mapping is harmless.
    unsafe {
        // Blocks with a larger alignment are zeroed by writing, so ask for large pages before.
        let at = System.alloc(block);
        #[cfg(all(target_os = "linux", not(miri)))]
        if !at.is_null() && block.align() == HUGE_PAGE {
            libc::madvise(at.cast(), block.size(), libc::MADV_HUGEPAGE);
        }
        if contents == Contents::Zero && !at.is_null() {
            at.write_bytes(0, block.size());
        }
        at
    }
}

// SAFETY: every block comes from the system's allocator with the layout that `block_layout`
// derives from the request, and goes back with the same, which depends on the request alone. A
// kept block is handed out to one owner only, because taking removes it.
unsafe impl GlobalAlloc for KeepLarge {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract; a block's size is not 0.
        unsafe {
            match block_layout(layout) {
                None => System.alloc(layout),
                Some(block) => self
                    .take(block.size())
                    .unwrap_or_else(|| fresh(block, Contents::Any)),
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract; a kept block has at least the requested size.
        unsafe {
            match block_layout(layout) {
                None => System.alloc_zeroed(layout),
                Some(block) => match self.take(block.size()) {
                    None => fresh(block, Contents::Zero),
                    Some(at) => {
                        at.write_bytes(0, layout.size());
                        at
                    }
                },
            }
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract, and the comment at the impl.
        unsafe {
            match block_layout(layout) {
                None => System.dealloc(at, layout),
                Some(block) if self.keep(at, block.size()) => {}
                Some(block) => System.dealloc(at, block),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_blocks_come_back_and_zeroed_ones_are_zero() {
        let allocator = KeepLarge::new();
        let layout = |size| Layout::from_size_align(size, 4).unwrap();
        // SAFETY: blocks are used within their size and freed with their layout.
        unsafe {
            let first = allocator.alloc(layout(LARGE + 100));
            first.write_bytes(7, LARGE + 100);
            allocator.dealloc(first, layout(LARGE + 100));
            let again = allocator.alloc_zeroed(layout(LARGE + 4));
            assert_eq!(again, first);
            assert!((0..LARGE + 4).all(|i| *again.add(i) == 0));
            let other = allocator.alloc(layout(LARGE));
            assert_ne!(other, first);
            let grown = allocator.realloc(again, layout(LARGE + 4), 3 * LARGE);
            assert!((0..LARGE + 4).all(|i| *grown.add(i) == 0));
            let small = allocator.alloc(layout(64));
            allocator.dealloc(small, layout(64));
            allocator.dealloc(grown, layout(3 * LARGE));
            allocator.dealloc(other, layout(LARGE));
            allocator.with_kept(|kept| assert_eq!(kept.count, 3));
            // Miri reports what is still held at the end.
            for size in [LARGE + 4, 3 * LARGE, LARGE] {
                let block = block_layout(layout(size)).unwrap();
                System.dealloc(allocator.take(block.size()).unwrap(), block);
            }
        }
    }

    #[test]
    fn sizes_waste_an_eighth_at_most() {
        for size in (LARGE..16 * LARGE).step_by(1000) {
            let block = block_layout(Layout::from_size_align(size, 8).unwrap()).unwrap();
            assert!(block.size() >= size && block.size() <= size + size / 8 + 1);
            assert_eq!(
                block_layout(Layout::from_size_align(size, 4).unwrap()),
                Some(block)
            );
        }
        assert!(block_layout(Layout::from_size_align(LARGE - 1, 4).unwrap()).is_none());
    }
}
