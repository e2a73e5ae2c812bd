//! Finds the table in a zip archive.

use crate::DataError;
use crate::error::listed;
use crate::files::has_extension;
use std::io::{Read, Seek};
use std::path::Path;

/// The name of the table in the archive at `path`: its only `.csv` file, or else `training.csv` or
/// `test.csv`.
pub(super) fn table_name<R: Read + Seek>(
    path: &Path,
    archive: &zip::ZipArchive<R>,
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
