//! Atomic writing of files.

use std::fs::File;
use std::io::{Result, Write};
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// Writes a file atomically: to a temporary file that is synced and renamed. After a kill, a crash
/// or on a full disk, the path holds either the old bytes or the new ones. A path that is not a
/// regular file, such as `/dev/stdout`, is written directly.
///
/// # Errors
/// If the file or its folder cannot be written; the old file is then unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, bytes);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = temporary(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name is on the disk only when the folder is synced, which not every system and file system
    // can do.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Prefix of the names of temporary files.
const PREFIX: &str = ".partial-";

/// Removes the temporary files of writers that were killed. No other process may be writing into
/// the folder.
pub(super) fn remove_temporaries(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file that is removed unless it is persisted, with the permissions of an ordinary new file.
fn temporary(folder: &Path) -> Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666))
    };
    builder.tempfile_in(folder)
}
