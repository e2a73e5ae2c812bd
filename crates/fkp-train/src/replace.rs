//! Files that are written anew each time, without ever being half written.

use std::fs::File;
use std::io::{Result, Write};
use std::path::Path;

/// Writes under another name and renames, so that a kill or a full disk leaves the bytes that
/// were there before. What is no plain file, such as `/dev/stdout`, is written as it is.
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
    written
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
