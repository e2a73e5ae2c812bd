//! Checks the rules of the workspace: dependencies between crates and files, lints, language, and
//! which files are committed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod book;
mod licenses;
mod packages;
mod use_cycles;

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

const CRATES: [&str; 13] = [
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
    "fkp-weights-research",
    "fkp-web",
    "fkp-mpi",
];

/// The house's own crates that each crate may stand on. Whatever is not listed is forbidden.
#[test]
fn crates_stand_only_on_what_they_may() {
    let allowed: [(&str, &[&str]); 13] = [
        ("fkp-core", &[]),
        ("fkp-draw", &["fkp-core"]),
        ("fkp-data", &["fkp-core"]),
        ("fkp-synth", &["fkp-core"]),
        ("fkp-augment", &["fkp-core"]),
        ("fkp-metrics", &["fkp-core"]),
        ("fkp-kernels", &[]),
        ("fkp-model", &["fkp-core", "fkp-kernels", "fkp-weights"]),
        // Empty without its feature.
        ("fkp-mpi", &[]),
        ("fkp-weights", &[]),
        ("fkp-weights-research", &["fkp-weights"]),
        (
            "fkp-web",
            &["fkp-core", "fkp-kernels", "fkp-model", "fkp-weights"],
        ),
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

/// What a program that depends on `fkp-model` builds: candle, and little else. Nothing that only
/// training needs.
#[test]
fn a_program_that_predicts_has_few_dependencies() {
    let tree = tree("fkp-model");
    assert!(tree.len() <= 176, "fkp-model has {} packages", tree.len());
    for package in [
        "fkp-train",
        "fkp-metrics",
        "fkp-weights-research",
        "plotters",
        "prost",
    ] {
        assert!(!tree.contains(package), "fkp-model pulls in {package}");
    }
    let page = std::fs::read_to_string(root().join("crates/fkp-model/README.md")).unwrap();
    let stated = format!("{} packages", tree.len());
    assert!(
        page.contains(&stated),
        "the README of fkp-model does not say {stated}"
    );
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

/// Words outside the vocabulary of the field, and their replacements. `*` stands for any ending. The
/// lists of old names that configuration and model files are checked for may hold them.
const BANNED: [(&str, &str); 37] = [
    ("picture*", "image"),
    ("grey*", "gray"),
    ("colour*", "color"),
    ("centre*", "center"),
    ("unlabelled", "unlabeled"),
    ("labelled", "labeled"),
    ("labelling", "labeling"),
    ("neighbour*", "neighbor"),
    ("behaviour*", "behavior"),
    ("normalis*", "normaliz*"),
    ("optimiser*", "optimizer"),
    ("equalis*", "equaliz*"),
    ("standardis*", "standardiz*"),
    ("recognis*", "recogniz*"),
    ("regularis*", "regulariz*"),
    ("initialis*", "initializ*"),
    ("serialis*", "serializ*"),
    ("vectoris*", "vectoriz*"),
    ("minimis*", "minimiz*"),
    ("learnt", "learned"),
    ("towards", "toward"),
    ("whilst", "while"),
    ("borne", "patience"),
    ("nonsense", "invalid"),
    ("misfit*", "mismatch"),
    ("framing", "mean shape, crop"),
    ("reach", "magnitude, limit, range"),
    ("bend", "distortion"),
    ("bent", "distorted"),
    ("varied", "augmented"),
    ("figures", "metrics, values"),
    ("told", "printed, reported"),
    ("waited", "the name of what was waited for"),
    ("undrawn", "not drawn"),
    ("rooms", "files, folders"),
    ("is no number", "is not a number"),
    ("to the bit", "bit-identical"),
];

#[test]
fn the_vocabulary_is_that_of_the_field() {
    let mut found = Vec::new();
    for file in text_files() {
        let allowed = ["tests/tidy.rs", "CHANGELOG.md"];
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if name.ends_with("renamed.rs") || allowed.contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap().to_lowercase();
        for (number, line) in text.lines().enumerate() {
            for (banned, instead) in BANNED {
                if contains_word(line, banned) {
                    let number = number + 1;
                    found.push(format!("{name}:{number}: `{banned}`, write {instead}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whether a line contains a word of [`BANNED`]. The parts of an identifier are words.
fn contains_word(line: &str, banned: &str) -> bool {
    let (stem, any_ending) = match banned.strip_suffix('*') {
        Some(stem) => (stem, true),
        None => (banned, false),
    };
    line.match_indices(stem).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + stem.len()..].chars().next();
        let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
        !is_letter(before) && (any_ending || !is_letter(after))
    })
}

#[test]
fn banned_words_are_found_as_whole_words() {
    assert!(contains_word("/// the pictures of", "picture*"));
    assert!(contains_word("let mean_picture_nme", "picture*"));
    assert!(contains_word("it is no number.", "is no number"));
    assert!(!contains_word("unreachable, reached", "reach"));
    assert!(!contains_word("a bended knee", "bend"));
}

#[test]
fn files_of_a_crate_do_not_use_each_other_in_circles() {
    let crates = CRATES.map(|package| root().join("crates").join(package).join("src"));
    for src in crates.into_iter().chain([root().join("examples/src")]) {
        let circles = use_cycles::find(&src);
        let circles = circles.iter().map(|lines| lines.join("\n"));
        let circles = circles.collect::<Vec<_>>().join("\n\n");
        assert!(circles.is_empty(), "{}:\n{circles}", src.display());
    }
}

#[test]
fn every_source_file_says_what_it_holds() {
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
        for key in ["version", "edition", "rust-version"] {
            assert!(inherits("package", key), "{at}: `{key}` is not inherited");
        }
        // Weights that learned from photographs have terms of their own.
        let own = value
            .get("package")
            .and_then(|package| package.get("license-file"));
        let is_research = at.to_string().contains("fkp-weights-research");
        assert!(
            inherits("package", "license") != is_research,
            "{at}: license"
        );
        assert_eq!(own.is_some(), is_research, "{at}: license-file");
    }
}

/// The one file outside the kernels with unsafe code: it copies bytes out of a file that is mapped into
/// memory. Its documentation has the argument why that is safe also while the file changes.
const MAPPING: &str = "crates/fkp-data/src/packed/mapping.rs";

#[test]
fn unsafe_code_lives_in_the_kernels_and_one_file() {
    for package in CRATES.into_iter().filter(|name| *name != "fkp-kernels") {
        let files = rust_files(&root().join("crates").join(package));
        for file in files
            .into_iter()
            .filter(|file| *file != root().join(MAPPING))
        {
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
        // The cards of the weights are links to pages: theirs lead somewhere from there.
        let page = page.canonicalize().unwrap();
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

/// Tests that a page names as evidence exist under that name.
#[test]
fn every_test_that_a_page_names_exists() {
    let mut sources = String::new();
    for folder in ["crates", "examples", "tests"] {
        for file in rust_files(&root().join(folder)) {
            sources += &std::fs::read_to_string(file).unwrap();
        }
    }
    let mut named = 0;
    for page in files_ending(&root().join("docs"), "md") {
        let text = std::fs::read_to_string(&page).unwrap();
        for code in text.split('`').skip(1).step_by(2) {
            let name = code.rsplit("::").next().unwrap_or_default();
            let is_identifier = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.matches('_').count() < 4 || !name.chars().all(is_identifier) {
                continue;
            }
            named += 1;
            let found = sources.contains(&format!("fn {name}("));
            assert!(found, "{}: there is no test `{name}`", page.display());
        }
    }
    assert!(named > 20, "only {named} names of tests found");
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
        root().join("tests/release/Cargo.toml"),
        root().join("tests/support/Cargo.toml"),
    ];
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    manifests.extend(crates.map(|entry| entry.unwrap().path().join("Cargo.toml")));
    assert_eq!(
        manifests.len(),
        CRATES.len() + 4,
        "a crate came or went: {manifests:?}"
    );
    manifests
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files_ending(folder, "rs")
}

/// Sources, pages and configuration files of the repository.
fn text_files() -> Vec<PathBuf> {
    let mut files = vec![root().join("README.md"), root().join("Cargo.toml")];
    for folder in ["crates", "docs", "examples", "tests"] {
        for ending in ["rs", "md", "toml", "js", "mjs", "css", "html", "sh"] {
            files.extend(files_ending(&root().join(folder), ending));
        }
    }
    files
}

fn files_ending(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path
                .file_name()
                .is_none_or(|name| name != "target" && name != "node_modules")
            {
                files.extend(files_ending(&path, ending));
            }
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    files
}
