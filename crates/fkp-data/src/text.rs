//! Annotation files as bytes, and the counting of their lines.

use crate::DataError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest annotation file that is read, in bytes, also out of an archive, where few bytes can
/// unfold to many. Kaggle's training table has 240 MB.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// All bytes of a file that is not absurdly large.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let file = File::open(path).map_err(|source| DataError::io(path, source))?;
    read_limited(path, file, MAX_BYTES)
}

/// All bytes of a stream that is not absurdly large.
pub(crate) fn read_limited(
    path: &Path,
    stream: impl Read,
    limit: u64,
) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = stream.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|source| DataError::io(path, source))?;
    if bytes.len() as u64 > limit {
        return Err(DataError::FileTooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    if bytes.is_empty() {
        return Err(DataError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}

/// The number of lines that end here: by line feeds, or by carriage returns if there are no others.
pub(crate) fn line_ends(text: &[u8]) -> u64 {
    let count = |end: u8| text.iter().filter(|byte| **byte == end).count() as u64;
    match count(b'\n') {
        0 => count(b'\r'),
        line_feeds => line_feeds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_without_end_is_cut_off() {
        let path = Path::new("t.csv");
        assert_eq!(read_limited(path, &b"abcd"[..], 4).unwrap(), b"abcd");
        let error = read_limited(path, std::io::repeat(7), 1000).unwrap_err();
        assert!(
            error.to_string().contains("more than 1000 bytes"),
            "{error}"
        );
    }

    #[test]
    fn lines_end_by_any_convention() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\rb\r"] {
            assert_eq!(line_ends(text.as_bytes()), 2, "{text:?}");
        }
    }
}
