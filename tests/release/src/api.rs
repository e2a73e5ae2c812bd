//! The public interfaces of the crates as files, so that a change of one is seen in a commit.

use crate::unpacked::Interface;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Fails with the differences between the interfaces and their files.
pub(crate) fn compare(workspace: &Workspace, interfaces: &[Interface]) -> Result<()> {
    compare_with(&folder(workspace), interfaces)?;
    println!("the public interfaces are those of tests/release/api");
    Ok(())
}

/// Writes the interfaces to their files, and removes those of crates that are gone.
pub(crate) fn update(workspace: &Workspace, interfaces: &[Interface]) -> Result<()> {
    let folder = folder(workspace);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    for Interface { package, text } in interfaces {
        let path = folder.join(package).with_extension("txt");
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    println!("the public interfaces are in {}", folder.display());
    Ok(())
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("tests/release/api")
}

fn compare_with(folder: &Path, interfaces: &[Interface]) -> Result<()> {
    let mut report = String::new();
    for Interface { package, text } in interfaces {
        let path = folder.join(package).with_extension("txt");
        let stored = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for line in differences(&stored, text) {
            report += &format!("{package}: {line}\n");
        }
    }
    if !report.is_empty() {
        bail!(
            "the public interfaces differ from tests/release/api:\n{report}\
             A line with `-` is gone, which breaks programs that use it; `+` is new. If that is meant, run \
             `cargo run -p fkp-release -- update`, commit the files and name the change in the changelog."
        );
    }
    Ok(())
}

/// The lines that only one of the two has, with `-` for the stored and `+` for the present one.
fn differences(stored: &str, present: &str) -> Vec<String> {
    let [before, after] = [stored, present].map(|text| text.lines().collect::<BTreeSet<_>>());
    let gone = before.difference(&after).map(|line| format!("-{line}"));
    let new = after.difference(&before).map(|line| format!("+{line}"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(package: &str, text: &str) -> Interface {
        Interface {
            package: package.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_changed_line_is_reported_with_its_crate() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("fkp-a.txt"),
            "pub fn a::f()\npub fn a::g()\n",
        )
        .unwrap();
        let interface = |text: &str| [interface("fkp-a", text)];
        let same = interface("pub fn a::f()\npub fn a::g()\n");
        compare_with(folder.path(), &same).unwrap();
        let changed = interface("pub fn a::f(u8)\npub fn a::g()\n");
        let error = compare_with(folder.path(), &changed)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("fkp-a: -pub fn a::f()\nfkp-a: +pub fn a::f(u8)\n"),
            "{error}"
        );
    }

    #[test]
    fn a_crate_without_a_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let new = [interface("fkp-b", "")];
        let error = compare_with(folder.path(), &new).unwrap_err().to_string();
        assert!(error.contains("fkp-b.txt"), "{error}");
    }
}
