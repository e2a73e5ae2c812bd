//! A workspace of the unpacked packages: what a user of the published crates builds.

use crate::package::Packaged;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use public_api::Builder;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The packages in folders beside each other, each dependent on the others there.
pub(crate) struct Unpacked {
    folder: PathBuf,
    build: PathBuf,
    names: Vec<String>,
    /// `crate/feature` for the features that docs.rs shows and this Rust version can build.
    features: Vec<String>,
}

/// The public interface of a crate, an item a line.
pub(crate) struct Interface {
    pub(crate) package: String,
    pub(crate) text: String,
}

impl Unpacked {
    pub(crate) fn new(workspace: &Workspace, packages: &[Packaged<'_>]) -> Result<Self> {
        let folder = workspace.target.join("release-check/unpacked");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let mut manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n\n".to_owned();
        manifest += "[patch.crates-io]\n";
        for packaged in packages {
            let at = packaged.unpack(&folder)?;
            writeln!(manifest, "{} = {{ path = {at:?} }}", packaged.package.name)?;
        }
        std::fs::write(folder.join("Cargo.toml"), manifest)?;
        std::fs::copy(workspace.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let packages = &workspace.packages;
        for package in packages {
            for feature in package.unchecked_features() {
                println!(
                    "SKIPPED: {}'s feature {feature} needs a newer Rust or a library of the system, so what it \
                     adds is not built and not compared",
                    package.name
                );
            }
        }
        let features = packages.iter().flat_map(|package| {
            let features = package.documented_features();
            features.map(|feature| format!("{}/{feature}", package.name))
        });
        Ok(Self {
            folder,
            build: workspace.target.join("release-check/build"),
            names: packages
                .iter()
                .map(|package| package.name.clone())
                .collect(),
            features: features.collect(),
        })
    }

    /// Builds the packages with their default features.
    pub(crate) fn check(&self, toolchain: &Toolchain) -> Result<()> {
        let mut command = toolchain.cargo(&self.folder, &self.build);
        crate::run(command.args(["check", "--workspace", "--quiet"]))
    }

    /// The public interface of each crate as text, with the features that docs.rs shows.
    pub(crate) fn interfaces(&self, toolchain: &Toolchain) -> Result<Vec<Interface>> {
        let mut command = toolchain.cargo(&self.folder, &self.build);
        command.args(["doc", "--workspace", "--no-deps", "--quiet"]);
        command.arg("--features").arg(self.features.join(","));
        toolchain.with_json(&mut command)?;
        crate::run(&mut command)?;
        let interface = |name: &String| {
            let json = self
                .build
                .join("doc")
                .join(name.replace('-', "_") + ".json");
            // Blanket impls are those of the standard library.
            let api = Builder::from_rustdoc_json(json).omit_blanket_impls(true);
            let api = api.build().with_context(|| name.clone())?.to_string();
            let lines = api.lines().filter(|line| is_promised(line));
            Ok(Interface {
                package: name.clone(),
                text: lines.map(|line| format!("{line}\n")).collect(),
            })
        };
        self.names.iter().map(interface).collect()
    }
}

/// Whether a line is part of what a crate promises. Of the traits that the compiler implements, those
/// for threads are; the others are unstable, or follow from private fields and hardly matter.
fn is_promised(line: &str) -> bool {
    let of_compiler = [
        "core::marker::Freeze for ",
        "core::marker::StructuralPartialEq for ",
        "core::marker::Unpin for ",
        "core::marker::UnsafeUnpin for ",
        "core::panic::unwind_safe::",
    ];
    !line.starts_with("impl") || !of_compiler.iter().any(|name| line.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_for_threads_are_promised_and_unstable_ones_are_not() {
        assert!(is_promised("impl core::marker::Send for a::A"));
        assert!(is_promised("impl core::clone::Clone for a::A"));
        assert!(is_promised(
            "pub fn a::catch(core::panic::unwind_safe::AssertUnwindSafe<u8>)"
        ));
        assert!(!is_promised(
            "impl<T> core::marker::Freeze for a::B<T> where T: core::marker::Freeze"
        ));
        assert!(!is_promised(
            "impl !core::panic::unwind_safe::UnwindSafe for a::A"
        ));
    }
}
