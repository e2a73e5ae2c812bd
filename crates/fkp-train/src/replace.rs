//! Files that are written anew each time, without ever being half written.

use std::fs::File;
use std::io::{Result, Write};
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// Writes a file under another name, syncs it and renames it, so that after a kill, a crash or on a
/// full disk the path holds the bytes that were there before or the new ones. What is no plain file,
/// such as `/dev/stdout`, is written as it is.
///
/// # Errors
/// If the file or its folder cannot be written; what was there before is then still there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, bytes);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = partial(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name is on the disk only when the folder is. Opening a folder as a file is a Unix
    // habit; elsewhere the rename has to do.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// How the names of unfinished files begin.
const PARTIAL: &str = ".partial-";

/// Removes what earlier writers left unfinished in a folder when they were killed. Nobody else may
/// be writing there.
pub(crate) fn remove_unfinished(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file that is removed again unless it is persisted. Readable as any other that the user makes.
fn partial(folder: &Path) -> Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PARTIAL);
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666))
    };
    builder.tempfile_in(folder)
}
