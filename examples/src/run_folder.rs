//! The folder of a run.

use anyhow::{Context, Result, bail};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The given folder, or the next free `runs/NAME-001`. It must not contain a run.
pub fn fresh_folder(asked: Option<&Path>, name: &str) -> Result<PathBuf> {
    let Some(folder) = asked else {
        return next_free(Path::new("runs"), name);
    };
    if folder.join("state.safetensors").exists() {
        bail!(
            "{0} already contains a run: resume with `--resume {0}`, or choose another `--out`",
            folder.display()
        );
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot create the run's folder", folder.display()))?;
    Ok(folder.to_owned())
}

/// Creating the folder reserves its number, so that two runs started at once get different ones.
fn next_free(runs: &Path, name: &str) -> Result<PathBuf> {
    let failed = || format!("{}: cannot create a run's folder", runs.display());
    std::fs::create_dir_all(runs).with_context(failed)?;
    let mut number = 1;
    loop {
        let folder = runs.join(format!("{name}-{number:03}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error).with_context(failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_run_is_not_overwritten() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("a/b");
        assert_eq!(fresh_folder(Some(&folder), "x").unwrap(), folder);
        assert!(fresh_folder(Some(&folder), "x").is_ok());
        std::fs::write(folder.join("state.safetensors"), "").unwrap();
        let error = fresh_folder(Some(&folder), "x").unwrap_err().to_string();
        assert!(error.contains("--resume"), "{error}");
    }

    #[test]
    fn folders_are_numbered() {
        let runs = tempfile::tempdir().unwrap();
        assert!(next_free(runs.path(), "x").unwrap().ends_with("x-001"));
        assert!(next_free(runs.path(), "x").unwrap().ends_with("x-002"));
    }
}
