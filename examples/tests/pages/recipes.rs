//! Recipes of pretrained models, shortened: they give the same file each time, on any number of threads.

use crate::run::executable;
use crate::shortened::write_configurations;
use std::path::Path;
use std::process::Command;

/// Two that train from random weights on rendered data, one of keypoints and one of boxes.
const RECIPES: [&str; 2] = ["landmarks68_fast", "faces_base"];

/// The bytes of the model file that a recipe makes.
fn exported(recipe: &str, threads: usize, folder: &Path) -> Vec<u8> {
    let out = format!("runs/{recipe}-{threads}");
    let model = format!("{recipe}-{threads}.safetensors");
    let mut command = Command::new(executable("train"));
    command.current_dir(folder);
    command.arg("--config");
    command.arg(format!("examples/configs/{recipe}.toml"));
    command.args(["--threads", &threads.to_string(), "--out", &out]);
    let output = command.args(["--export", &model]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{recipe}: {errors}");
    std::fs::read(folder.join(model)).unwrap()
}

#[test]
fn a_recipe_gives_the_same_bytes_on_one_thread_and_on_two() {
    let folder = tempfile::tempdir().unwrap();
    write_configurations(folder.path());
    for recipe in RECIPES {
        let [one, two] = [1, 2].map(|threads| exported(recipe, threads, folder.path()));
        assert!(one.len() > 100_000, "{recipe}: {} bytes", one.len());
        assert!(one == two, "{recipe}: the files differ");
    }
}
