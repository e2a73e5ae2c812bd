//! The pages as one book: which pages there are, their order, and that their Rust code is compiled.

use crate::{files_ending, root};
use std::collections::BTreeSet;
use std::path::Path;

/// The pages that `docs/SUMMARY.md` links to, in its order.
fn chapters() -> Vec<String> {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let links = summary.lines().filter_map(|line| line.split_once("]("));
    let links = links.map(|(_, rest)| rest.strip_suffix(')').unwrap_or(rest).to_owned());
    links.collect()
}

/// A path below `docs/` with `/` between its parts.
fn below_docs(page: &Path) -> String {
    let path = page.strip_prefix(root().join("docs")).unwrap();
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[test]
fn the_book_has_every_page_once() {
    let chapters = chapters();
    let named: BTreeSet<String> = chapters.iter().cloned().collect();
    assert_eq!(named.len(), chapters.len(), "a page is in SUMMARY.md twice");
    let pages = files_ending(&root().join("docs"), "md");
    let mut pages: BTreeSet<String> = pages.iter().map(|page| below_docs(page)).collect();
    assert!(pages.remove("SUMMARY.md"));
    let missing: Vec<_> = pages.difference(&named).collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md: {missing:?}");
    let absent: Vec<_> = named.difference(&pages).collect();
    assert!(absent.is_empty(), "docs/SUMMARY.md names {absent:?}");
}

#[test]
fn the_book_has_its_parts_in_order() {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let parts: Vec<&str> = summary
        .lines()
        .filter_map(|l| l.strip_prefix("# "))
        .collect();
    let expected = [
        "Summary",
        "Use it",
        "Train on your data",
        "Extend it",
        "How it works",
        "Benchmarks",
        "Weights",
    ];
    assert_eq!(parts, expected);
    assert_eq!(chapters()[0], "start.md");
    let book = std::fs::read_to_string(root().join("docs/book.toml")).unwrap();
    let book: toml::Table = book.parse().unwrap();
    assert_eq!(book["book"]["src"].as_str(), Some("."));
}

/// A book has only its own files: a link out of `docs/` would be broken in it.
#[test]
fn no_page_of_the_book_links_out_of_it() {
    let docs = root().join("docs").canonicalize().unwrap();
    for page in files_ending(&docs, "md") {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1) {
            let target = target.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let file = page.parent().unwrap().join(target);
            let file = file
                .canonicalize()
                .unwrap_or_else(|e| panic!("{target}: {e}"));
            // The list of pages is the sidebar of the book, and no page.
            let is_page =
                file.starts_with(&docs) && file.is_file() && !file.ends_with("SUMMARY.md");
            let inside = is_page || page.ends_with("SUMMARY.md");
            assert!(inside, "{} links to `{target}`", page.display());
        }
    }
}

/// The Rust code of a page is compiled because a crate includes the page in its documentation.
#[test]
fn every_page_with_rust_code_is_compiled() {
    let examples = std::fs::read_to_string(root().join("examples/src/lib.rs")).unwrap();
    let mut pages = files_ending(&root().join("docs"), "md");
    pages.push(root().join("README.md"));
    for folder in ["crates", "examples", "tests"] {
        pages.extend(files_ending(&root().join(folder), "md"));
    }
    let mut found = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let at = page.display();
        let fences = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("```rust"));
        let fences: Vec<&str> = fences.collect();
        if fences.is_empty() {
            continue;
        }
        found += 1;
        let ignored = fences.iter().any(|fence| fence.contains("ignore"));
        assert!(!ignored, "{at}: a block is ignored");
        let lib = page.with_file_name("src").join("lib.rs");
        let compiled = match std::fs::read_to_string(lib) {
            Ok(of_crate) => of_crate.contains("#![doc = include_str!(\"../README.md\")]"),
            Err(_) => {
                let path = page.strip_prefix(root()).unwrap();
                let path = path.display().to_string().replace('\\', "/");
                examples.contains(&format!("#[doc = include_str!(\"../../{path}\")]"))
            }
        };
        assert!(compiled, "{at}: examples/src/lib.rs does not include it");
    }
    assert!(found > 12, "only {found} pages with Rust code");
}
