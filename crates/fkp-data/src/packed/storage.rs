//! The bytes of a packed file: in memory if it is small, else mapped.

use super::mapping::Mapping;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Where the bytes of a file are.
pub(super) enum Storage {
    /// A copy, which nobody can change.
    Memory(Vec<u8>),
    /// The file itself.
    Mapped(Mapping),
}

impl Storage {
    /// The first `len` bytes of a file, copied if they are at most `copy_limit`.
    pub(super) fn new(mut file: File, len: usize, copy_limit: usize) -> io::Result<Self> {
        if len > copy_limit {
            return Ok(Self::Mapped(Mapping::new(file, len)?));
        }
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = vec![0; len];
        file.read_exact(&mut bytes)?;
        Ok(Self::Memory(bytes))
    }

    /// Fills `out` with the bytes from `start`.
    ///
    /// # Errors
    /// If the range does not lie in the file.
    pub(super) fn read(&self, start: usize, out: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                let end = start.checked_add(out.len());
                let range = end.and_then(|end| bytes.get(start..end));
                out.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            Self::Mapped(map) => map.copy_to(start, out),
        }
    }
}
