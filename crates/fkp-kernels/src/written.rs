//! New vectors that are not zeroed first.
#![expect(unsafe_code, reason = "the memory is written before it is read")]

/// A vector of `len` values that `write` writes.
///
/// # Safety
/// `write` writes all values, and reads none before it has written it.
pub(crate) unsafe fn written(len: usize, write: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    let memory: *mut f32 = values.as_mut_ptr();
    // SAFETY: the memory has room for `len` values; the caller's contract.
    write(unsafe { std::slice::from_raw_parts_mut(memory, len) });
    // SAFETY: as above, and all of them are written.
    unsafe { values.set_len(len) };
    values
}
