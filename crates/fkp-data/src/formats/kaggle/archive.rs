//! Finds the table in a zip archive, and decompresses it.

use crate::DataError;
use crate::error::listed;
use crate::files::has_extension;
use flate2::bufread::DeflateDecoder;
use std::io::{BufReader, Error, ErrorKind, Read, Seek};
use std::path::Path;
use zip::read::ZipFile;
use zip::result::{ZipError, ZipResult};
use zip::{CompressionMethod, ZipArchive};

/// The name of the table in the archive at `path`: its only `.csv` file, or else `training.csv` or
/// `test.csv`.
pub(super) fn table_name<R: Read + Seek>(
    path: &Path,
    archive: &ZipArchive<R>,
) -> Result<String, DataError> {
    let names = archive.file_names().map(|name| Ok(name?.into_owned()));
    let names: Vec<String> =
        names
            .collect::<Result<_, _>>()
            .map_err(|source| DataError::Archive {
                path: path.to_owned(),
                source,
            })?;
    // The archiver of macOS adds a metadata file for each file.
    let is_table = |name: &&String| has_extension(name, "csv") && !name.starts_with("__MACOSX");
    let tables: Vec<&String> = names.iter().filter(is_table).collect();
    let called = |wanted: &str| {
        let mut tables = tables.iter().copied();
        tables.find(|name| Path::new(name).file_name().is_some_and(|n| n == wanted))
    };
    let table = match tables.as_slice() {
        [only] => Some(*only),
        _ => called("training.csv").or_else(|| called("test.csv")),
    };
    table.cloned().ok_or_else(|| DataError::ArchiveContent {
        path: path.to_owned(),
        found: listed(&names),
    })
}

/// A file in an archive.
pub(super) struct Member<'a> {
    pub(super) content: Box<dyn Read + Send + 'a>,
    /// Its size in bytes as the archive states it.
    pub(super) size: u64,
}

impl<'a> Member<'a> {
    /// Opens the file of this name.
    pub(super) fn open<R: Read + Seek + Send>(
        archive: &'a mut ZipArchive<R>,
        name: &str,
    ) -> ZipResult<Self> {
        let index = archive.index_for_name(name).ok_or(ZipError::FileNotFound)?;
        let raw = archive.by_index_raw(index)?;
        let (size, crc32) = (raw.size(), raw.crc32());
        let is_deflated = raw.compression() == CompressionMethod::Deflated && !raw.encrypted();
        drop(raw);
        let content: Box<dyn Read + Send> = match is_deflated {
            true => Box::new(Inflated::new(archive.by_index_raw(index)?, crc32)),
            false => Box::new(archive.by_index(index)?),
        };
        Ok(Self { content, size })
    }
}

/// Decompresses a file and compares its checksum. The zip crate does the same, but with a buffer of
/// 8 kB for the compressed bytes, which takes a quarter more time than a larger one.
struct Inflated<'a, R: Read> {
    decoder: DeflateDecoder<BufReader<ZipFile<'a, R>>>,
    hasher: crc32fast::Hasher,
    crc32: u32,
}

impl<'a, R: Read> Inflated<'a, R> {
    fn new(raw: ZipFile<'a, R>, crc32: u32) -> Self {
        Self {
            decoder: DeflateDecoder::new(BufReader::with_capacity(1 << 16, raw)),
            hasher: crc32fast::Hasher::new(),
            crc32,
        }
    }
}

impl<R: Read> Read for Inflated<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.decoder.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() && self.hasher.clone().finalize() != self.crc32 {
            return Err(Error::new(ErrorKind::InvalidData, "invalid checksum"));
        }
        Ok(count)
    }
}
