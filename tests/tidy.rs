//! The rules of the house, proven: dependency edges, lints, first lines, what is committed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Names of all packages in the normal dependency tree of a crate, default features.
fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .args(["--format", "{p}", "-p", package])
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree -p {package}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names
        .map(str::to_owned)
        .filter(|name| name != package)
        .collect()
}

const CRATES: [&str; 10] = [
    "fkp-core",
    "fkp-draw",
    "fkp-data",
    "fkp-synth",
    "fkp-augment",
    "fkp-metrics",
    "fkp-kernels",
    "fkp-model",
    "fkp-train",
    "fkp-weights",
];

/// The house's own crates that each crate may stand on. Whatever is not listed is forbidden.
#[test]
fn crates_stand_only_on_what_they_may() {
    let allowed: [(&str, &[&str]); 10] = [
        ("fkp-core", &[]),
        ("fkp-draw", &["fkp-core"]),
        ("fkp-data", &["fkp-core"]),
        ("fkp-synth", &["fkp-core"]),
        ("fkp-augment", &["fkp-core"]),
        ("fkp-metrics", &["fkp-core"]),
        ("fkp-kernels", &[]),
        ("fkp-model", &["fkp-core", "fkp-kernels", "fkp-weights"]),
        ("fkp-weights", &[]),
        ("fkp-train", &["fkp-core", "fkp-kernels", "fkp-metrics"]),
    ];
    for (package, allowed) in allowed {
        let found: Vec<String> = tree(package)
            .into_iter()
            .filter(|n| n.starts_with("fkp-"))
            .collect();
        assert_eq!(
            found, allowed,
            "{package} depends on other crates of the house than it may"
        );
    }
}

#[test]
fn what_needs_no_tensors_does_not_pull_in_candle() {
    for package in [
        "fkp-core",
        "fkp-draw",
        "fkp-data",
        "fkp-synth",
        "fkp-augment",
        "fkp-metrics",
    ] {
        let candle: Vec<String> = tree(package)
            .into_iter()
            .filter(|n| n.starts_with("candle"))
            .collect();
        assert!(candle.is_empty(), "{package} pulls in {candle:?}");
    }
}

#[test]
fn the_core_does_no_input_or_output() {
    let tree = tree("fkp-core");
    for codec in ["png", "zune-jpeg", "csv", "serde_json", "rayon"] {
        assert!(!tree.contains(codec), "fkp-core pulls in {codec}");
    }
    for file in rust_files(&root().join("crates/fkp-core/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in ["std::fs", "std::net", "std::process", "println!"] {
            assert!(!text.contains(word), "{} uses {word}", file.display());
        }
    }
}

#[test]
fn every_source_file_says_what_room_it_is() {
    let mut files = Vec::new();
    for folder in ["crates", "examples", "tests"] {
        files.extend(rust_files(&root().join(folder)));
    }
    assert!(files.len() > 50, "only {} files found", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let says = first.starts_with("//! ") && first.len() > 12;
        assert!(says, "{} does not start with a `//!` line", file.display());
    }
}

#[test]
fn every_member_inherits_the_lints_and_the_package_fields() {
    for manifest in manifests() {
        let text = std::fs::read_to_string(&manifest).unwrap();
        let value: toml::Table = text.parse().unwrap();
        let inherits = |table: &str, key: &str| {
            let entry = value.get(table).and_then(|t| t.get(key));
            entry
                .and_then(|e| e.get("workspace"))
                .and_then(toml::Value::as_bool)
                == Some(true)
        };
        let at = manifest.display();
        let lints = value.get("lints").and_then(|l| l.get("workspace"));
        assert_eq!(
            lints.and_then(toml::Value::as_bool),
            Some(true),
            "{at}: lints are not inherited"
        );
        for key in ["version", "edition", "rust-version", "license"] {
            assert!(inherits("package", key), "{at}: `{key}` is not inherited");
        }
    }
}

#[test]
fn unsafe_code_lives_in_the_kernels_alone() {
    for package in CRATES.into_iter().filter(|name| *name != "fkp-kernels") {
        for file in rust_files(&root().join("crates").join(package)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in [
                "unsafe {",
                "unsafe fn",
                "unsafe impl",
                "allow(unsafe_code",
                "expect(unsafe_code",
            ] {
                assert!(!text.contains(word), "{} has `{word}`", file.display());
            }
        }
    }
}

/// Errors name what went wrong; `anyhow` belongs to programs.
#[test]
fn libraries_have_typed_errors() {
    for package in CRATES {
        let manifest = root().join("crates").join(package).join("Cargo.toml");
        let manifest: toml::Table = std::fs::read_to_string(manifest).unwrap().parse().unwrap();
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        assert!(
            !dependencies.is_some_and(|table| table.contains_key("anyhow")),
            "{package} depends on anyhow"
        );
    }
}

#[test]
fn every_crate_has_a_readme_that_is_compiled() {
    for package in CRATES {
        let folder = root().join("crates").join(package);
        assert!(
            folder.join("README.md").is_file(),
            "{package} has no README.md"
        );
        let lib = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        let included = lib.contains("#![doc = include_str!(\"../README.md\")]");
        assert!(included, "{package} does not compile its README.md");
    }
}

/// A page that points at nothing is a page that was not read.
#[test]
fn every_relative_link_of_a_page_leads_somewhere() {
    let mut pages = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for folder in ["docs", "crates", "examples", "tests"] {
        pages.extend(files_ending(&root().join(folder), "md"));
    }
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if elsewhere || file.is_empty() {
                continue;
            }
            let leads = page.parent().unwrap().join(file).exists();
            assert!(leads, "{} points at `{target}`", page.display());
        }
    }
}

/// Images of real people and their labels are not ours to pass on. Images in the repository
/// are drawn from rendered faces and live in `docs/`.
#[test]
fn only_images_of_the_docs_are_committed() {
    let git = Command::new("git")
        .arg("ls-files")
        .current_dir(root())
        .output();
    let Some(output) = git.ok().filter(|output| output.status.success()) else {
        let line = "SKIPPED: no git checkout, so what is committed cannot be listed";
        // The test harness hides what `eprintln!` prints in a test that passes.
        writeln!(std::io::stderr(), "{line}").unwrap();
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let foreign = [
        ".jpg", ".jpeg", ".bmp", ".pts", ".zip", ".onnx", ".npy", ".npz", ".so", ".pt", ".parquet",
    ];
    for file in text.lines() {
        let lower = file.to_lowercase();
        assert!(
            !foreign.iter().any(|ending| lower.ends_with(ending)),
            "{file} is committed"
        );
        let image = lower.ends_with(".png");
        assert!(
            !image || file.starts_with("docs/"),
            "{file} is an image outside docs/"
        );
    }
}

fn manifests() -> Vec<PathBuf> {
    let mut manifests = vec![
        root().join("examples/Cargo.toml"),
        root().join("tests/Cargo.toml"),
        root().join("tests/support/Cargo.toml"),
    ];
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    manifests.extend(crates.map(|entry| entry.unwrap().path().join("Cargo.toml")));
    assert_eq!(
        manifests.len(),
        CRATES.len() + 3,
        "a crate came or went: {manifests:?}"
    );
    manifests
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files_ending(folder, "rs")
}

fn files_ending(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                files.extend(files_ending(&path, ending));
            }
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    files
}
