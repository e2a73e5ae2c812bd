//! What every published crate states of itself. `fkp-release check` checks what its package holds.

use crate::{CRATES, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// The categories of the registry that crates here belong to; the registry ignores others.
const CATEGORIES: [&str; 9] = [
    "computer-vision",
    "concurrency",
    "data-structures",
    "mathematics",
    "multimedia::images",
    "parser-implementations",
    "rendering",
    "science",
    "wasm",
];

/// Features of devices: their libraries are needed to build them, so docs.rs cannot.
const DEVICES: [&str; 4] = ["cuda", "cudnn", "metal", "nccl"];

/// The output of a cargo command that needs no connection.
fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The members of the workspace as `cargo metadata` shows them.
fn members() -> Vec<Value> {
    let text = cargo(&[
        "metadata",
        "--no-deps",
        "--offline",
        "--locked",
        "--format-version=1",
    ]);
    let metadata: Value = serde_json::from_str(&text).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn strings(value: &Value) -> Vec<&str> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

#[test]
fn the_libraries_are_published_and_nothing_else() {
    let members = members();
    let published = members.iter().filter(|member| member["publish"].is_null());
    let published: BTreeSet<&str> = published.filter_map(|m| m["name"].as_str()).collect();
    assert_eq!(published, BTreeSet::from(CRATES));
}

#[test]
fn every_published_crate_describes_itself() {
    for member in members()
        .iter()
        .filter(|member| member["publish"].is_null())
    {
        let name = member["name"].as_str().unwrap();
        let documentation = format!("https://docs.rs/{name}");
        assert_eq!(member["documentation"], documentation.as_str(), "{name}");
        assert_eq!(member["readme"], "README.md", "{name}");
        let description = member["description"].as_str().unwrap_or_default();
        assert!(description.len() > 30, "{name}: description");
        let licensed = member["license"] == "MIT" || member["license_file"] == "LICENSE";
        assert!(licensed, "{name}: license");

        let keywords = strings(&member["keywords"]);
        let is_valid = |word: &&str| {
            let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            word.len() <= 20 && word.chars().all(is_allowed)
        };
        let valid = keywords.iter().all(is_valid) && (3..=5).contains(&keywords.len());
        assert!(valid, "{name}: keywords {keywords:?}");
        let categories = strings(&member["categories"]);
        let known = categories
            .iter()
            .all(|category| CATEGORIES.contains(category));
        assert!(known && !categories.is_empty(), "{name}: {categories:?}");

        // An address that does not exist is worse than none: see docs/releasing.md.
        for key in ["repository", "homepage"] {
            assert!(
                member[key].is_null(),
                "{name}: there is no {key} to name yet"
            );
        }
    }
}

#[test]
fn docs_rs_shows_every_feature_that_it_can_build() {
    for member in members()
        .iter()
        .filter(|member| member["publish"].is_null())
    {
        let name = member["name"].as_str().unwrap();
        let docs = &member["metadata"]["docs"]["rs"];
        assert_eq!(
            strings(&docs["rustdoc-args"]),
            ["--cfg", "docsrs"],
            "{name}"
        );
        let shown: BTreeSet<&str> = strings(&docs["features"]).into_iter().collect();
        let features = member["features"].as_object().unwrap().keys();
        let features = features.map(String::as_str);
        let expected: BTreeSet<&str> = features
            .filter(|feature| !DEVICES.contains(feature))
            .collect();
        assert_eq!(shown, expected, "{name}: features for docs.rs");

        let source = root().join("crates").join(name).join("src/lib.rs");
        let source = std::fs::read_to_string(source).unwrap();
        let labels = "#![cfg_attr(docsrs, feature(doc_cfg))]";
        assert!(
            source.contains(labels),
            "{name}: items get no labels of their features"
        );
    }
}

#[test]
fn every_readme_has_an_example_that_is_compiled() {
    for package in CRATES {
        let readme = root().join("crates").join(package).join("README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        let is_example = |line: &str| line == "```rust" || line == "```rust,no_run";
        assert!(
            readme.lines().any(is_example),
            "{package}: README.md has no example"
        );
    }
}

/// A crate has the text of its license: a link to that of the workspace, or terms of its own.
#[test]
fn every_crate_has_the_text_of_its_license() {
    let shared = std::fs::read_to_string(root().join("LICENSE")).unwrap();
    for package in CRATES {
        let path = root().join("crates").join(package).join("LICENSE");
        let text = std::fs::read_to_string(path).unwrap();
        let own = package == "fkp-weights-research";
        assert!(
            (text == shared) != own,
            "{package}: LICENSE is not that of the manifest"
        );
    }
}

/// The versions that crates require of each other are that of the workspace.
#[test]
fn the_workspace_has_one_version() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let workspace = &manifest["workspace"];
    let version = workspace["package"]["version"].as_str().unwrap();
    let mut required = 0;
    for (name, dependency) in workspace["dependencies"].as_table().unwrap() {
        if CRATES.contains(&name.as_str()) {
            let found = dependency.get("version").and_then(toml::Value::as_str);
            assert_eq!(found, Some(version), "{name}");
            required += 1;
        }
    }
    assert!(
        required > 5,
        "only {required} crates are required by others"
    );
}
