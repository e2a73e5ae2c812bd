//! Files that a program is to write, tried before the work is done.

use anyhow::{Context, Result};
use std::path::Path;

/// Finds out now whether a file can be written, rather than after an hour of work. Creates its
/// folder if need be.
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

/// The same for an image, whose ending must say a format that can be written.
pub fn check_image(path: &Path) -> Result<()> {
    let format = image::ImageFormat::from_path(path);
    let writable = format.is_ok_and(|format| format.writing_enabled());
    anyhow::ensure!(
        writable,
        "{}: end the image's name in .png, .jpg or .bmp",
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
    fn what_cannot_be_written_is_found_out_and_what_can_is_left_alone() {
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
