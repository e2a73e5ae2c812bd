//! Files that are written anew each time, without ever being half written.

use std::fs::File;
use std::io::{Result, Write};
use std::path::Path;

/// Writes under another name, syncs and renames, so that after a kill, a crash or on a full disk the
/// path holds the bytes that were there before or the new ones. What is no plain file, such as `/dev/stdout`, is written as it is.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, bytes);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let written = write_synced(&partial, bytes).and_then(|()| std::fs::rename(&partial, path));
    if written.is_err() {
        // Half a file only takes room, which may be what there is too little of.
        let _ = std::fs::remove_file(&partial);
    }
    written?;
    // The new name is on the disk only when the folder is. Opening a folder as a file is a Unix
    // habit; elsewhere the rename has to do.
    #[cfg(unix)]
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
