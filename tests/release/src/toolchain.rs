//! The minimum Rust version, as a toolchain beside the one that builds this program.

use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the `rustdoc` that this program stands in for.
const WRAPPED: &str = "FKP_RELEASE_RUSTDOC";

/// An installed toolchain.
pub(crate) struct Toolchain {
    version: String,
    rustdoc: PathBuf,
}

impl Toolchain {
    /// Installs the version, unless it is installed. `None` without `rustup` or a connection.
    pub(crate) fn install(version: &str) -> Option<Self> {
        let find = || {
            let mut command = Command::new("rustup");
            command.args(["which", "--toolchain", version, "rustdoc"]);
            let output = command
                .output()
                .ok()
                .filter(|output| output.status.success())?;
            let path = String::from_utf8(output.stdout).ok()?;
            Some(PathBuf::from(path.trim_end()))
        };
        let rustdoc = find().or_else(|| {
            let mut command = Command::new("rustup");
            command.args(["toolchain", "install", version, "--profile", "minimal"]);
            // The messages of a failure belong to the line that reports what is skipped.
            command.arg("--no-self-update").stdout(Stdio::null());
            command.status().ok().filter(|status| status.success())?;
            find()
        })?;
        Some(Self {
            version: version.to_owned(),
            rustdoc,
        })
    }

    /// Its cargo, in a folder, with its output in `target`.
    pub(crate) fn cargo(&self, folder: &Path, target: &Path) -> Command {
        let mut command = Command::new("rustup");
        command.args(["run", &self.version, "cargo"]);
        command.current_dir(folder);
        command.env("CARGO_TARGET_DIR", target);
        command.env("CARGO_PROFILE_DEV_DEBUG", "false");
        command.env("CARGO_INCREMENTAL", "0");
        // Options for the compiler of the workspace are not those of this one.
        command.env_remove("RUSTFLAGS");
        command
    }

    /// Makes `cargo doc` write JSON. Only a nightly `rustdoc` does, unless `RUSTC_BOOTSTRAP` is set; but
    /// then build scripts believe that they are on a nightly, too, and the interface of some
    /// dependencies changes. So the variable is set for `rustdoc` alone, by this program in its place.
    pub(crate) fn with_json(&self, command: &mut Command) -> Result<()> {
        let this = std::env::current_exe().context("the path of this program")?;
        command.env("RUSTDOC", this).env(WRAPPED, &self.rustdoc);
        command.env("RUSTDOCFLAGS", "-Z unstable-options --output-format json");
        Ok(())
    }
}

/// The `rustdoc` that this process stands in for, if cargo started it as such.
pub(crate) fn rustdoc_to_wrap() -> Option<PathBuf> {
    std::env::var_os(WRAPPED).map(PathBuf::from)
}

/// Runs `rustdoc` with the arguments of this process.
pub(crate) fn run_rustdoc(rustdoc: &Path) -> Result<()> {
    let mut command = Command::new(rustdoc);
    command.args(std::env::args_os().skip(1));
    let status = command.env("RUSTC_BOOTSTRAP", "1").status()?;
    ensure!(status.success(), "rustdoc: {status}");
    Ok(())
}
