//! The packages as cargo writes them, and what must hold for their contents.

use crate::workspace::{Package, Workspace};
use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The registry refuses larger packages.
const LIMIT: usize = 10_000_000;

/// The folders that a package may have, and the endings of the files there: sources, weights with their
/// cards and checksums.
const FOLDERS: [&str; 2] = ["src/", "weights/"];
const ENDINGS: [&str; 4] = ["rs", "md", "safetensors", "sha256"];

/// Files that cargo adds, the first page and the license.
const OTHERS: [&str; 6] = [
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE",
    "README.md",
];

/// A package as it would be uploaded.
pub(crate) struct Packaged<'a> {
    pub(crate) package: &'a Package,
    archive: Vec<u8>,
}

/// Packages all crates without building them.
pub(crate) fn package_all(workspace: &Workspace) -> Result<Vec<Packaged<'_>>> {
    let target = workspace.target.join("release-check/packages");
    let mut command = Command::new("cargo");
    // A checkout with changes is packaged with them: the check is for before the commit, too.
    command.args([
        "package",
        "--workspace",
        "--no-verify",
        "--locked",
        "--quiet",
        "--allow-dirty",
    ]);
    for name in &workspace.unpublished {
        command.args(["--exclude", name]);
    }
    command.arg("--target-dir").arg(&target);
    crate::run(command.current_dir(&workspace.root))?;
    let read = |package| Packaged::read(package, &target.join("package"));
    workspace.packages.iter().map(read).collect()
}

impl<'a> Packaged<'a> {
    fn read(package: &'a Package, folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{}-{}.crate", package.name, package.version));
        let archive = std::fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(Self { package, archive })
    }

    /// Checks size and contents.
    pub(crate) fn check(&self, workspace: &Workspace) -> Result<()> {
        let files = self.files()?;
        println!(
            "{} {}: {} files, {} kB",
            self.package.name,
            self.package.version,
            files.len(),
            self.archive.len() / 1000
        );
        let license = match &self.package.license_file {
            Some(path) => workspace
                .root
                .join("crates")
                .join(&self.package.name)
                .join(path),
            None => workspace.root.join("LICENSE"),
        };
        let license = std::fs::read(&license).with_context(|| license.display().to_string())?;
        check_contents(self.archive.len(), &files, &license).context(self.package.name.clone())
    }

    /// Writes the files into a folder, below one with the name and the version of the crate.
    pub(crate) fn unpack(&self, folder: &Path) -> Result<PathBuf> {
        tar::Archive::new(GzDecoder::new(self.archive.as_slice())).unpack(folder)?;
        Ok(folder.join(format!("{}-{}", self.package.name, self.package.version)))
    }

    /// The files by their path in the package.
    fn files(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(GzDecoder::new(self.archive.as_slice()));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path: PathBuf = entry.path()?.components().skip(1).collect();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.insert(path.display().to_string(), bytes);
        }
        Ok(files)
    }
}

fn check_contents(size: usize, files: &BTreeMap<String, Vec<u8>>, license: &[u8]) -> Result<()> {
    ensure!(
        size < LIMIT,
        "the package has {size} bytes, more than {LIMIT}"
    );
    for name in ["README.md", "src/lib.rs"] {
        ensure!(files.contains_key(name), "there is no {name}");
    }
    // A link that a checkout did not follow is a file with a path in it.
    let is_license = files.get("LICENSE").is_some_and(|found| found == license);
    ensure!(is_license, "LICENSE is not the text of the license");
    for path in files.keys() {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_in_folder = FOLDERS.iter().any(|folder| path.starts_with(folder));
        let belongs = OTHERS.contains(&path.as_str()) || is_in_folder && ENDINGS.contains(&ending);
        ensure!(belongs, "{path} does not belong into a package");
        if let Some(stem) = path.strip_suffix(".safetensors") {
            for companion in ["md", "sha256"] {
                let companion = format!("{stem}.{companion}");
                let found = files.get(&companion).is_some_and(|file| file.len() > 60);
                ensure!(found, "{path} comes without {companion}");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> BTreeMap<String, Vec<u8>> {
        let names = [
            "README.md",
            "LICENSE",
            "Cargo.toml",
            "src/lib.rs",
            "weights/a.safetensors",
        ];
        let mut files: BTreeMap<_, _> = names.map(|n| (n.to_owned(), b"text".to_vec())).into();
        for name in ["weights/a.md", "weights/a.sha256"] {
            files.insert(name.to_owned(), vec![b'x'; 64]);
        }
        files
    }

    fn error(size: usize, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> String {
        let mut files = files();
        change(&mut files);
        check_contents(size, &files, b"text")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_package_with_what_it_needs_passes() {
        check_contents(1000, &files(), b"text").unwrap();
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        assert!(error(10_000_000, |_| ()).contains("10000000 bytes"));
        for name in ["README.md", "src/lib.rs"] {
            assert!(error(1, |files| drop(files.remove(name))).contains(name));
        }
        assert!(error(1, |files| drop(files.remove("LICENSE"))).contains("LICENSE"));
        let link = |files: &mut BTreeMap<_, _>| {
            files.insert("LICENSE".to_owned(), b"../../LICENSE".to_vec());
        };
        assert!(error(1, link).contains("LICENSE is not the text"));
        for path in ["src/face.png", "tests/model.rs"] {
            let add = |files: &mut BTreeMap<_, _>| drop(files.insert(path.to_owned(), Vec::new()));
            assert!(error(1, add).contains(path));
        }
        assert!(error(1, |files| drop(files.remove("weights/a.md"))).contains("weights/a.md"));
    }
}
