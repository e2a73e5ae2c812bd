//! Files and folders: their names, their bytes and their lines.

use crate::DataError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest annotation file that is read, in bytes, decompressed if it is in an archive.
/// Kaggle's training table has 240 MB.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// The names in a folder, sorted, because the order of the file system is arbitrary.
pub(crate) fn sorted_names(dir: &Path) -> Result<Vec<String>, DataError> {
    let io = DataError::io(dir);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        names.push(
            entry
                .map_err(io)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    Ok(names)
}

/// Whether a file has this extension, in upper or lower case.
pub(crate) fn has_extension(path: impl AsRef<Path>, extension: &str) -> bool {
    let found = path.as_ref().extension();
    found.is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// All bytes of a file of at most [`MAX_BYTES`].
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, DataError> {
    let file = File::open(path).map_err(DataError::io(path))?;
    read_limited(path, file, MAX_BYTES)
}

/// The first megabyte of a file: enough to detect its format by its first lines.
pub(crate) fn read_head(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(DataError::io(path))?;
    let read = file.take(1 << 20).read_to_end(&mut bytes);
    read.map_err(DataError::io(path))?;
    Ok(bytes)
}

/// All bytes of a stream of at most `limit` bytes.
pub(crate) fn read_limited(
    path: &Path,
    stream: impl Read,
    limit: u64,
) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = stream.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(DataError::io(path))?;
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

/// The text without its byte order mark, if it has one.
pub(crate) fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The number of line ends in a text: line feeds, or carriage returns if there are no line feeds.
pub(crate) fn line_ends(text: &[u8]) -> u64 {
    let count = |end: u8| memchr::memchr_iter(end, text).count() as u64;
    match count(b'\n') {
        0 => count(b'\r'),
        line_feeds => line_feeds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_stream_is_refused() {
        let path = Path::new("t.csv");
        assert_eq!(read_limited(path, &b"abcd"[..], 4).unwrap(), b"abcd");
        let error = read_limited(path, std::io::repeat(7), 1000).unwrap_err();
        assert!(
            error.to_string().contains("more than 1000 bytes"),
            "{error}"
        );
    }

    #[test]
    fn all_line_end_conventions_are_counted() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\rb\r"] {
            assert_eq!(line_ends(text.as_bytes()), 2, "{text:?}");
        }
    }
}
