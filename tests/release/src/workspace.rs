//! The crates of the workspace that are published, from `cargo metadata`.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;

/// The published crates of the workspace.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// Sorted by name.
    pub(crate) packages: Vec<Package>,
    /// Names of the members that are not published.
    pub(crate) unpublished: Vec<String>,
}

/// What `cargo metadata` states of a crate.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The registries that it may be published to: all without a list, none with an empty one.
    publish: Option<Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
    /// A file with terms of its own, for a crate that does not have the license of the workspace.
    pub(crate) license_file: Option<PathBuf>,
    rust_version: Option<String>,
    metadata: Option<PackageMetadata>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The required version; `*` if there is only a path.
    pub(crate) req: String,
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PackageMetadata {
    docs: Option<Docs>,
    #[serde(default, rename = "fkp-release")]
    release: ReleaseMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ReleaseMetadata {
    /// Features that need a newer Rust version than the minimum, or a library of the system.
    unchecked_features: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Docs {
    rs: Option<DocsRs>,
}

#[derive(Debug, Deserialize)]
struct DocsRs {
    #[serde(default)]
    features: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let mut command = Command::new("cargo");
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = command.output().context("starting cargo metadata")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata: {errors}");
        let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
        let (mut packages, unpublished): (Vec<_>, Vec<_>) = metadata
            .packages
            .into_iter()
            .partition(Package::is_published);
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        ensure!(!packages.is_empty(), "no crate is published");
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            packages,
            unpublished: unpublished
                .into_iter()
                .map(|package| package.name)
                .collect(),
        })
    }

    /// The minimum supported Rust version, which all crates share.
    pub(crate) fn minimum_rust_version(&self) -> Result<&str> {
        let first = self.packages[0].rust_version.as_deref();
        for package in &self.packages {
            let same = package.rust_version.as_deref() == first;
            ensure!(same, "{} has a Rust version of its own", package.name);
        }
        first.context("the crates state no minimum Rust version")
    }
}

impl Package {
    fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|to| !to.is_empty())
    }

    /// The features whose items docs.rs shows and that the check builds.
    pub(crate) fn documented_features(&self) -> impl Iterator<Item = &String> {
        let docs = self.metadata.as_ref().and_then(|m| m.docs.as_ref());
        let docs_rs = docs.and_then(|docs| docs.rs.as_ref());
        let features = docs_rs.into_iter().flat_map(|docs_rs| &docs_rs.features);
        features.filter(|feature| !self.unchecked_features().contains(feature))
    }

    /// The features that need a newer Rust version than the minimum, or a library of the system.
    pub(crate) fn unchecked_features(&self) -> &[String] {
        let metadata = self.metadata.as_ref();
        metadata.map_or(&[], |metadata| &metadata.release.unchecked_features)
    }

    /// A crate with these dependencies, for tests.
    #[cfg(test)]
    pub(crate) fn with_dependencies(name: &str, dependencies: Vec<Dependency>) -> Self {
        Self {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            publish: None,
            dependencies,
            license_file: None,
            rust_version: None,
            metadata: None,
        }
    }
}
