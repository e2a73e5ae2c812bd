//! The index of a tar shard: the name, the place and the size of each file in it.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use tar::{Archive, Entry, EntryType, PaxExtensions};

/// The largest header extension that is read: a long name or attributes.
const MAX_EXTENSION: u64 = 1 << 20;

/// The largest number of files over all names of a shard, in bytes of their names.
const MAX_NAMES: usize = 1 << 30;

/// A file in a shard.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where its bytes start in the shard.
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// The files of a shard.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) members: Vec<Member>,
    /// Whether the blocks of zeros that end an archive are there.
    pub(super) has_end: bool,
}

impl Index {
    /// Reads the headers of all members; their contents are skipped. `report` gets the number of
    /// bytes that were passed since its last call.
    ///
    /// # Errors
    /// If the archive is compressed, a header is invalid, a member ends behind the end of the file
    /// or is not a plain file.
    pub(super) fn read(path: &Path, report: impl Fn(u64)) -> Result<Self, DataError> {
        let io = DataError::io(path);
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        refuse_compressed(path, &mut file)?;
        let mut archive = Archive::new(&file);
        let mut reader = Reader {
            path,
            size,
            next: 0,
            long_name: None,
            members: Vec::new(),
            names: 0,
        };
        let mut reported = 0;
        // Raw entries: the library would read the whole of an extension into memory.
        for entry in archive.entries_with_seek().map_err(io)?.raw(true) {
            let entry = entry.map_err(|error| {
                let found = error.to_string();
                reader.invalid("the header", "the header of a tar member", found)
            })?;
            reader.add(entry)?;
            // Often enough for a progress bar.
            if reader.next - reported > size / 256 {
                report(reader.next - reported);
                reported = reader.next;
            }
        }
        report(size - reported.min(size));
        Ok(Self {
            has_end: reader.next < size,
            members: reader.members,
        })
    }
}

struct Reader<'p> {
    path: &'p Path,
    /// The size of the shard.
    size: u64,
    /// Where the next header starts.
    next: u64,
    /// The name of the next member, from an extension before it.
    long_name: Option<Vec<u8>>,
    members: Vec<Member>,
    /// Bytes in all names.
    names: usize,
}

impl Reader<'_> {
    fn add(&mut self, mut entry: Entry<'_, &File>) -> Result<(), DataError> {
        let kind = entry.header().entry_type();
        let own_name = entry.header().path_bytes().into_owned();
        let field = format!("member `{}`", shortened(&own_name));
        let (offset, len) = (entry.raw_file_position(), entry.size());
        if offset.checked_add(len).is_none_or(|end| end > self.size) {
            let found = format!("{len} bytes from byte {offset} on of {}", self.size);
            return Err(self.invalid(&field, "a member that ends within the file", found));
        }
        match kind {
            EntryType::GNULongName => {
                let name = self.extension(&mut entry, &field)?;
                let end = name.iter().position(|byte| *byte == 0);
                self.long_name = Some(name[..end.unwrap_or(name.len())].to_vec());
            }
            EntryType::XHeader => {
                let attributes = self.extension(&mut entry, &field)?;
                self.read_attributes(&attributes, &field)?;
            }
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            EntryType::Regular | EntryType::Continuous => {
                let name = self.long_name.take().unwrap_or(own_name);
                self.names += name.len();
                if self.names > MAX_NAMES {
                    let error = AnnotationError::LimitExceeded {
                        what: "bytes of names",
                        found: self.names as u64,
                        limit: MAX_NAMES as u64,
                    };
                    return Err(DataError::invalid_binary(
                        self.path, self.next, field, error,
                    ));
                }
                let name = String::from_utf8_lossy(&name).into_owned();
                let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
                self.members.push(Member { name, offset, len });
            }
            EntryType::GNUSparse => return Err(self.sparse(&field)),
            EntryType::Link | EntryType::Symlink => {
                let instead = "archive the files that links point to \
                               (`tar --dereference --hard-dereference`)";
                return Err(self.unsupported(&field, "a link", instead));
            }
            // Folders and devices have no content.
            _ => self.long_name = None,
        }
        self.next = offset + len.next_multiple_of(512);
        Ok(())
    }

    /// The bytes of a header extension.
    fn extension(&self, entry: &mut Entry<'_, &File>, field: &str) -> Result<Vec<u8>, DataError> {
        if entry.size() > MAX_EXTENSION {
            let error = AnnotationError::LimitExceeded {
                what: "bytes of a header extension",
                found: entry.size(),
                limit: MAX_EXTENSION,
            };
            return Err(DataError::invalid_binary(
                self.path, self.next, field, error,
            ));
        }
        let mut bytes = Vec::new();
        let read = entry.read_to_end(&mut bytes);
        read.map_err(DataError::io(self.path))?;
        Ok(bytes)
    }

    /// The attributes of the next member in the pax format.
    fn read_attributes(&mut self, attributes: &[u8], field: &str) -> Result<(), DataError> {
        for attribute in PaxExtensions::new(attributes) {
            let attribute = attribute.map_err(|error| {
                self.invalid(field, "lines of `length key=value`", error.to_string())
            })?;
            match attribute.key_bytes() {
                b"path" => self.long_name = Some(attribute.value_bytes().to_vec()),
                b"size" => {
                    let instead = "write the shard with members of less than 8 GiB";
                    return Err(self.unsupported(field, "a size in an extension", instead));
                }
                key if key.starts_with(b"GNU.sparse.") => return Err(self.sparse(field)),
                _ => {}
            }
        }
        Ok(())
    }

    fn sparse(&self, field: &str) -> DataError {
        let instead = "write the shard without `--sparse`";
        self.unsupported(field, "a sparse member", instead)
    }

    fn unsupported(&self, field: &str, found: &str, instead: &'static str) -> DataError {
        let found = found.to_owned();
        let error = AnnotationError::Unsupported { found, instead };
        DataError::invalid_binary(self.path, self.next, field, error)
    }

    fn invalid(&self, field: &str, expected: &'static str, found: String) -> DataError {
        let error = AnnotationError::Syntax { expected, found };
        DataError::invalid_binary(self.path, self.next, field, error)
    }
}

/// Refuses a compressed archive, in which no image has a place of its own.
fn refuse_compressed(path: &Path, file: &mut File) -> Result<(), DataError> {
    let io = DataError::io(path);
    let mut head = Vec::new();
    file.take(6).read_to_end(&mut head).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    if head.is_empty() {
        return Err(DataError::Empty {
            path: path.to_owned(),
        });
    }
    let kinds: [(&[u8], &str, &'static str); 4] = [
        (
            b"\x1f\x8b",
            "gzip",
            "unpack it to a .tar file with `gunzip`",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "zstd",
            "unpack it to a .tar file with `unzstd`",
        ),
        (b"\xfd7zXZ\0", "xz", "unpack it to a .tar file with `unxz`"),
        (b"BZh", "bzip2", "unpack it to a .tar file with `bunzip2`"),
    ];
    match kinds.iter().find(|(magic, ..)| head.starts_with(magic)) {
        None => Ok(()),
        Some((_, kind, instead)) => {
            let found = format!("an archive compressed with {kind}");
            let error = AnnotationError::Unsupported { found, instead };
            Err(DataError::invalid_binary(path, 0, "the archive", error))
        }
    }
}
