//! Where a run writes.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The folder that was asked for, or the next free `runs/NAME-001`; it must not hold a run yet.
pub fn fresh_folder(asked: Option<&Path>, name: &str) -> Result<PathBuf> {
    let folder = match asked {
        Some(folder) => folder.to_owned(),
        None => next_free(Path::new("runs"), name),
    };
    if folder.join("config.toml").exists() {
        bail!(
            "{0} already holds a run: go on with `--resume {0}`, or choose another `--out`",
            folder.display()
        );
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{}: cannot create the run's folder", folder.display()))?;
    Ok(folder)
}

fn next_free(runs: &Path, name: &str) -> PathBuf {
    let numbered = (1..).map(|number| runs.join(format!("{name}-{number:03}")));
    let mut free = numbered.filter(|folder| !folder.exists());
    free.next().unwrap_or_else(|| runs.join(name))
}

/// Writes a text file, naming it in the error.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("{}: cannot write", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_run_is_not_written_over() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("a/b");
        assert_eq!(fresh_folder(Some(&folder), "x").unwrap(), folder);
        assert!(fresh_folder(Some(&folder), "x").is_ok());
        std::fs::write(folder.join("config.toml"), "").unwrap();
        let error = fresh_folder(Some(&folder), "x").unwrap_err().to_string();
        assert!(error.contains("--resume"), "{error}");
    }

    #[test]
    fn folders_are_numbered() {
        let runs = tempfile::tempdir().unwrap();
        assert!(next_free(runs.path(), "x").ends_with("x-001"));
        std::fs::create_dir(runs.path().join("x-001")).unwrap();
        assert!(next_free(runs.path(), "x").ends_with("x-002"));
    }
}
