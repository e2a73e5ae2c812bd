//! Output files, checked before the work begins.

use anyhow::{Context, Result};
use std::path::Path;

/// Checks that a file can be written, and creates its folder if necessary, so that a bad path is
/// reported before the work and not after it.
pub fn check_writable(path: &Path) -> Result<()> {
    let failed = || format!("{}: cannot write", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(failed)?;
    }
    let existed = path.exists();
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    opened.with_context(failed)?;
    if !existed {
        std::fs::remove_file(path).with_context(failed)?;
    }
    Ok(())
}

/// The same for an image file, whose extension must be that of a supported format.
pub fn check_image(path: &Path) -> Result<()> {
    let format = image::ImageFormat::from_path(path);
    let writable = format.is_ok_and(|format| format.writing_enabled());
    anyhow::ensure!(
        writable,
        "{}: the file name must end in .png, .jpg or .bmp",
        path.display()
    );
    check_writable(path)
}

/// Writes a text file, naming it in the error.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("{}: cannot write", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwritable_paths_are_refused_and_existing_files_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.png");
        check_image(&path).unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "kept").unwrap();
        check_image(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
        assert!(check_image(&folder.path().join("sheet")).is_err());
        assert!(check_writable(&path.join("below/a/file")).is_err());
    }
}
