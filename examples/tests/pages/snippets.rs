//! The blocks of code of the pages that are not Rust: TOML by the reader that it is for, JSON, and the
//! syntax of Python and JavaScript. The programs of `docs/onnx.md` and `docs/dataset-format.md` are run by
//! tests of their own.

use crate::pages::{self, Block, Page, root};
use fkp_core::Schema;
use fkp_examples::RunConfig;
use fkp_synth::FaceDistribution;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// All blocks in a language, with the page and the line.
fn blocks(language: &str) -> Vec<(String, Block)> {
    let of_page = |page: &Page| {
        let blocks = page.blocks().into_iter();
        let name = page.name.clone();
        blocks.map(move |block| (format!("{name}:{}", block.line), block))
    };
    let blocks = pages::all().iter().flat_map(of_page).collect::<Vec<_>>();
    let blocks: Vec<_> = blocks
        .into_iter()
        .filter(|(_, block)| block.language == language)
        .collect();
    assert!(!blocks.is_empty(), "no page has a block of {language}");
    blocks
}

/// Reads a block with what reads such a file.
fn read_toml(text: &str) -> Result<&'static str, String> {
    let table: toml::Table = text.parse().map_err(|e| format!("{e}"))?;
    let has = |keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
    if has(&["dependencies"]) {
        dependencies(&table)?;
        return Ok("a Cargo.toml");
    }
    if has(&["keypoints"]) {
        let schema: Result<Schema, _> = toml::from_str(text);
        return schema.map(|_| "a schema").map_err(|e| e.to_string());
    }
    if has(&["augment", "data", "input", "network", "output", "train"]) {
        let mut config = RunConfig::parse(text).map_err(|e| format!("{e:#}"))?;
        // A page may leave the data to `--data`.
        if text.contains("[data.filter]") && config.data.path.is_none() {
            config.data.path = Some("folder".into());
        }
        return config
            .validate()
            .map(|()| "a training configuration")
            .map_err(|e| format!("{e:#}"));
    }
    let faces: Result<FaceDistribution, _> = toml::from_str(text);
    let faces = faces.map_err(|e| e.to_string())?;
    let valid = faces.validate().map_err(|e| e.to_string());
    valid.map(|()| "a distribution of faces")
}

/// The crates that a `Cargo.toml` names by a path in this repository are there.
fn dependencies(table: &toml::Table) -> Result<(), String> {
    let dependencies = table["dependencies"].as_table().ok_or("no table")?;
    for (name, value) in dependencies {
        let path = value.get("path").and_then(toml::Value::as_str);
        let Some(path) = path else {
            continue;
        };
        let inside = path.strip_prefix("path/to/fkp/").ok_or(path)?;
        let manifest = root().join(inside).join("Cargo.toml");
        let text = std::fs::read_to_string(manifest).map_err(|e| format!("{path}: {e}"))?;
        if !text.contains(&format!("name = \"{name}\"")) {
            return Err(format!("{path} is not {name}"));
        }
    }
    Ok(())
}

#[test]
fn every_block_of_toml_is_accepted_by_its_reader() {
    let mut readers = std::collections::BTreeSet::new();
    for (at, block) in blocks("toml") {
        let read = read_toml(&block.code);
        readers.insert(read.unwrap_or_else(|error| panic!("{at}: {error}")));
    }
    assert_eq!(readers.len(), 4, "{readers:?}");
}

#[test]
fn mistakes_in_toml_are_found() {
    for text in [
        "[train]\nepoch = 3",
        "[data.filter]\nmin_label = 3",
        "keypoints = ['a']",
        "[pose]\nyaw_degree = 3.0",
        "[dependencies]\nfkp-model = { path = 'path/to/fkp/crates/fkp-models' }",
        "[other]\na = 1",
    ] {
        assert!(read_toml(text).is_err(), "{text}");
    }
}

#[test]
fn blocks_and_scripts_of_python_are_valid() {
    let named = std::env::var_os("FKP_ONNX_PYTHON");
    let python = named.unwrap_or_else(|| "python3".into());
    let check = "import ast, sys; ast.parse(sys.stdin.read())";
    let mut programs: Vec<_> = blocks("python")
        .into_iter()
        .map(|(at, block)| (at, block.code))
        .collect();
    for file in pages::files_below(&root().join("docs"), "py") {
        let text = std::fs::read_to_string(&file).unwrap();
        programs.push((file.display().to_string(), text));
    }
    for (at, code) in programs {
        if !accepts(Command::new(&python).args(["-c", check]), &at, &code) {
            return;
        }
    }
}

#[test]
fn blocks_of_javascript_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    for (at, block) in blocks("js") {
        let file = folder.path().join("block.mjs");
        std::fs::write(&file, &block.code).unwrap();
        if !accepts(Command::new("node").arg("--check").arg(&file), &at, "") {
            return;
        }
    }
}

#[test]
fn blocks_of_json_are_valid() {
    for page in pages::all() {
        for block in page.blocks().iter().filter(|b| b.language == "json") {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(&block.code);
            assert!(parsed.is_ok(), "{}:{}: {parsed:?}", page.name, block.line);
        }
    }
}

/// Gives code to a program that checks it; `false`, with a line on standard error, if the machine does
/// not have the program.
fn accepts(command: &mut Command, at: &str, code: &str) -> bool {
    let name = Path::new(command.get_program()).display().to_string();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(code.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    match command.stdin(file).output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{at}: {errors}");
            true
        }
        Err(error) => {
            // The test harness hides the output of `eprintln!` in a test that passes.
            let line = format!("SKIPPED: no `{name}` to check the code of the pages with: {error}");
            let _ = writeln!(std::io::stderr(), "{line}");
            false
        }
    }
}
