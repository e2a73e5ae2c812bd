//! The lock of a run's folder: only one run writes into it.

use crate::TrainError;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

/// Held while a run writes into a folder. The operating system releases it when the process ends,
/// so a killed run leaves no lock behind.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks a folder.
    ///
    /// # Errors
    /// If another run, in this process or another, writes into the folder.
    pub(crate) fn take(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join(".lock");
        let failed = |source| TrainError::Io {
            path: path.clone(),
            action: "lock the run's folder",
            source,
        };
        let open = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message, which may be without the holder.
                let _ = file.read_to_string(&mut holder);
                let (path, holder) = (folder.to_owned(), holder.trim().to_owned());
                return Err(TrainError::Locked { path, holder });
            }
            // Some network file systems do not support locks; the run then continues without one.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let write = || -> std::io::Result<()> {
            let mut file = &file;
            file.rewind()?;
            file.set_len(0)?;
            write!(file, "process {}", std::process::id())
        };
        write().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_until_the_first_ends() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let error = FolderLock::take(folder.path()).unwrap_err().to_string();
        let holder = format!("process {}", std::process::id());
        assert!(error.contains(&holder), "{error}");
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }
}
