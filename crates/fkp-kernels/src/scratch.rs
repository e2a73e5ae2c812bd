//! Scratch memory that each thread keeps, so that only the first calls allocate large blocks.

use std::cell::RefCell;

thread_local! {
    static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with `len` floats of this thread's scratch memory. Their values are arbitrary.
///
/// Calls may nest: each level gets another buffer. The buffer that was returned last is reused
/// first, so that the same code gets the same buffers, which are still in the cache.
pub(crate) fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = FREE
        .with_borrow_mut(|free| {
            let fits = free.iter().rposition(|b| b.len() >= len);
            match fits {
                Some(i) => Some(free.remove(i)),
                None => free.pop(),
            }
        })
        .unwrap_or_default();
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    let result = f(&mut buffer[..len]);
    FREE.with_borrow_mut(|free| free.push(buffer));
    result
}

#[cfg(test)]
mod tests {
    use super::with_scratch;

    #[test]
    fn nested_buffers_are_distinct() {
        with_scratch(8, |a| {
            a.fill(1.0);
            with_scratch(8, |b| b.fill(2.0));
            assert!(a.iter().all(|&v| v == 1.0));
        });
    }
}
