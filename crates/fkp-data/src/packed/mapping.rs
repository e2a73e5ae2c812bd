//! A file mapped into memory, from which bytes are copied: the one place outside the kernels with
//! unsafe code.
#![expect(
    unsafe_code,
    reason = "memory that another process may change can only be read through a raw pointer"
)]

use memmap2::{Advice, MmapOptions, MmapRaw};
use std::fs::File;
use std::io;

/// A read-only mapping of a whole file.
///
/// A file may change while it is mapped, because another program can write to it. A `&[u8]` into the
/// mapping would then be undefined behavior, for the compiler may assume that a shared slice does not
/// change. Therefore no reference into the mapping exists, here or elsewhere: [`Mapping::copy_to`]
/// copies bytes out by volatile reads, about which the compiler assumes nothing, and whoever
/// interprets the copy checks it like any other input. A file that is changed gives changed bytes.
///
/// A file that is shortened has no bytes at all behind its end, and the operating system stops a
/// program that reads there (`SIGBUS`). [`Mapping::copy_to`] compares the length of the file before
/// each copy, so that this is an error in all but the moment between the two.
pub(super) struct Mapping {
    map: MmapRaw,
    file: File,
}

impl Mapping {
    /// Maps the first `len` bytes of a file.
    pub(super) fn new(file: File, len: usize) -> io::Result<Self> {
        let map = MmapOptions::new().len(len).map_raw_read_only(&file)?;
        // Samples are read in random order; reading ahead would read what is not needed. Only advice:
        // a system without it works as well.
        #[cfg(unix)]
        let _ = map.advise(Advice::Random);
        Ok(Self { map, file })
    }

    /// Number of bytes.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Copies `out.len()` bytes from `start`.
    ///
    /// # Errors
    /// If the range does not lie in the file.
    pub(super) fn copy_to(&self, start: usize, out: &mut [u8]) -> io::Result<()> {
        let end = start.checked_add(out.len());
        let is_inside = end.is_some_and(|end| end <= self.len());
        if !is_inside || self.file.metadata()?.len() < self.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        #[cfg(unix)]
        if out.len() > PAGE {
            // The pages of one sample in one request, not one request a page.
            let _ = self.map.advise_range(Advice::WillNeed, start, out.len());
        }
        // SAFETY: `start + out.len() <= self.len()`, so every read is inside the mapping, which lives
        // as long as `self`. The reads are volatile and go through a raw pointer: no reference to
        // memory that may change exists.
        unsafe { copy_volatile(self.map.as_ptr().add(start), out) };
        Ok(())
    }
}

const PAGE: usize = 4096;

/// Copies `out.len()` bytes from `src`, eight at a time where the address allows.
///
/// # Safety
/// `src` must be valid for volatile reads of `out.len()` bytes.
unsafe fn copy_volatile(src: *const u8, out: &mut [u8]) {
    let head = src.align_offset(size_of::<u64>()).min(out.len());
    let (head, rest) = out.split_at_mut(head);
    let (words, tail) = rest.as_chunks_mut::<8>();
    let mut at = src;
    for byte in head {
        // SAFETY: `at` advances by what was read, and less than `out.len()` bytes were read so far.
        unsafe {
            *byte = at.read_volatile();
            at = at.add(1);
        }
    }
    for word in words {
        // SAFETY: As above; `at` is aligned to eight bytes after the head, and at least eight bytes
        // remain.
        unsafe {
            *word = at.cast::<u64>().read_volatile().to_ne_bytes();
            at = at.add(8);
        }
    }
    for byte in tail {
        // SAFETY: As for the head.
        unsafe {
            *byte = at.read_volatile();
            at = at.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn every_range_is_copied_and_none_outside() {
        let bytes: Vec<u8> = (0..9000u32).map(|i| (i * 7 % 251) as u8).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let map = Mapping::new(file.reopen().unwrap(), bytes.len()).unwrap();
        for start in [0, 1, 7, 8, 13, 4095, 8990, 9000] {
            for len in [0, 1, 7, 8, 9, 31, 4500] {
                let mut out = vec![0; len];
                let copied = map.copy_to(start, &mut out);
                match bytes.get(start..start + len) {
                    Some(expected) => assert_eq!((copied.is_ok(), &*out), (true, expected)),
                    None => assert!(copied.is_err(), "{start} {len}"),
                }
            }
        }
        assert!(map.copy_to(usize::MAX, &mut [0; 2]).is_err());
    }

    #[test]
    fn a_file_that_changes_gives_other_bytes_and_one_that_is_shortened_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[1; 5000]).unwrap();
        let map = Mapping::new(file.reopen().unwrap(), 5000).unwrap();
        let mut out = [0; 16];
        map.copy_to(4000, &mut out).unwrap();
        assert_eq!(out, [1; 16]);
        std::fs::write(file.path(), [2; 5000]).unwrap();
        map.copy_to(4000, &mut out).unwrap();
        assert_eq!(out, [2; 16]);
        file.as_file().set_len(100).unwrap();
        assert!(map.copy_to(4000, &mut out).is_err());
        assert!(map.copy_to(0, &mut out).is_err());
    }
}
