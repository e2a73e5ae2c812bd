//! Checks the packages of the workspace and publishes them; `docs/releasing.md` is its page.

mod api;
mod order;
mod package;
mod toolchain;
mod unpacked;
mod workspace;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};
use std::process::{Command, ExitCode};
use toolchain::Toolchain;
use unpacked::{Interface, Unpacked};
use workspace::Workspace;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prints the crates in the order in which they can be published.
    Order,
    /// Packages every crate, checks the packages with the minimum Rust version and compares the public
    /// interfaces with `tests/release/api`.
    Check,
    /// The same, and writes the public interfaces to `tests/release/api`.
    Update,
    /// Builds every crate from its package as `cargo publish` does. Uploads nothing.
    Publish {
        /// Uploads the crates, one after the other. A version that is uploaded cannot be replaced.
        #[arg(long)]
        execute: bool,
    },
}

fn main() -> ExitCode {
    match perform() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform() -> Result<()> {
    // Cargo starts this program in place of `rustdoc`: see there.
    if let Some(rustdoc) = toolchain::rustdoc_to_wrap() {
        return toolchain::run_rustdoc(&rustdoc);
    }
    let workspace = Workspace::load()?;
    match Arguments::parse().task {
        Task::Order => {
            for package in order::order(&workspace.packages)? {
                println!("{package}");
            }
            Ok(())
        }
        Task::Check => check(&workspace, api::compare),
        Task::Update => check(&workspace, api::update),
        Task::Publish { execute } => publish(&workspace, execute),
    }
}

/// Packages the crates, checks the packages and passes their interfaces to `then`.
fn check(
    workspace: &Workspace,
    then: impl Fn(&Workspace, &[Interface]) -> Result<()>,
) -> Result<()> {
    let packages = package::package_all(workspace)?;
    for package in &packages {
        package.check(workspace)?;
    }
    let version = workspace.minimum_rust_version()?;
    let Some(toolchain) = Toolchain::install(version) else {
        println!(
            "SKIPPED: Rust {version} cannot be installed, so the packages are not built with it and \
             their public interfaces are not compared"
        );
        return Ok(());
    };
    let unpacked = Unpacked::new(workspace, &packages)?;
    unpacked.check(&toolchain)?;
    println!("every package builds with Rust {version}");
    then(workspace, &unpacked.interfaces(&toolchain)?)
}

fn publish(workspace: &Workspace, execute: bool) -> Result<()> {
    let order = order::order(&workspace.packages)?;
    println!("the order: {}", order.join(", "));
    if !execute {
        let mut command = Command::new("cargo");
        command.args(["publish", "--workspace", "--locked", "--dry-run"]);
        return run(command.current_dir(&workspace.root));
    }
    for package in order {
        let mut command = Command::new("cargo");
        command.args(["publish", "--locked", "-p", package]);
        run(command.current_dir(&workspace.root))
            .with_context(|| format!("{package} and the crates after it are not published"))?;
    }
    Ok(())
}

/// Runs a command, whose output is that of this program.
fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
