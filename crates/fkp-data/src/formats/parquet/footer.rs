//! Opening a Parquet file whose schema may be hostile.

use crate::DataError;
use crate::error::AnnotationError;
use parquet::errors::ParquetError;
use parquet::file::reader::SerializedFileReader;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The largest number of columns and groups of a schema. The library parses a schema recursively, so
/// that its depth has to be limited before.
const MAX_SCHEMA: u64 = 4096;

/// The size of the stack on which a schema is parsed: enough for groups in groups up to the limit.
const STACK: usize = 1 << 26;

/// Opens a file and reads its metadata.
pub(super) fn open(path: &Path) -> Result<SerializedFileReader<File>, DataError> {
    let io = DataError::io(path);
    let mut file = File::open(path).map_err(io)?;
    let elements = schema_elements(&mut file).map_err(io)?;
    if let Some(found) = elements.filter(|found| *found > MAX_SCHEMA) {
        let error = AnnotationError::LimitExceeded {
            what: "columns and groups",
            found,
            limit: MAX_SCHEMA,
        };
        return Err(DataError::invalid(path, 1, "the schema", error));
    }
    if elements.is_none() {
        let source = "there is no Parquet footer with a schema at its end".into();
        return Err(unreadable(path, source));
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        let opened =
            builder.spawn_scoped(scope, || no_panic(path, || SerializedFileReader::new(file)));
        let joined = opened.map_err(io)?.join();
        joined.unwrap_or_else(|_| Err(panicked(path)))
    })
}

/// Calls a function of the library, which panics for some corrupt files.
pub(super) fn no_panic<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, DataError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| unreadable(path, error.into())),
        Err(_) => Err(panicked(path)),
    }
}

fn panicked(path: &Path) -> DataError {
    unreadable(path, "the library for Parquet panicked".into())
}

fn unreadable(path: &Path, source: Box<dyn std::error::Error + Send + Sync>) -> DataError {
    DataError::Unreadable {
        path: path.to_owned(),
        format: "Parquet",
        source,
    }
}

/// The number of elements of the schema, which stands near the start of the footer: a structure in
/// the compact protocol of Thrift whose fields are the version, an integer, and the schema, a list.
fn schema_elements(file: &mut File) -> std::io::Result<Option<u64>> {
    let size = file.seek(SeekFrom::End(0))?;
    if size < 12 {
        return Ok(None);
    }
    let mut end = [0; 8];
    file.seek(SeekFrom::Start(size - 8))?;
    file.read_exact(&mut end)?;
    let [a, b, c, d, magic @ ..] = end;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if magic != *b"PAR1" || length > size - 12 {
        return Ok(None);
    }
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(size - 8 - length))?;
    file.take(length.min(32)).read_to_end(&mut footer)?;
    Ok(list_size(&footer))
}

fn list_size(footer: &[u8]) -> Option<u64> {
    // The upper half of a field is the distance of its number, the lower half its type.
    let (_, rest) = varint(footer.strip_prefix(&[0x15])?)?;
    // A list of structures: its size in the upper half of a byte, or behind it.
    match rest.strip_prefix(&[0x19])? {
        [0xfc, rest @ ..] => Some(varint(rest)?.0),
        [head, ..] if head & 0x0f == 0x0c => Some(u64::from(head >> 4)),
        _ => None,
    }
}

/// A number in seven bits a byte, the lowest first, and the bytes behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_the_schema_is_read() {
        for (footer, size) in [
            (&[0x15, 2, 0x19, 0x4c, 0x35][..], Some(4)),
            (&[0x15, 0x84, 1, 0x19, 0xfc, 0x80, 0x20], Some(4096)),
            (&[0x15, 2, 0x19, 0xfc], None),
            (&[0x15, 2, 0x19, 0x45], None),
            (&[0x15, 2, 0x18, 0x4c], None),
            (&[0x15, 0xff, 0xff], None),
            (&[0x15; 32], None),
            (&[], None),
        ] {
            assert_eq!(list_size(footer), size, "{footer:?}");
        }
    }
}
