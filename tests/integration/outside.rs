//! The READMEs' programs, built outside the workspace as their readers build them.

use fkp_core::Dataset;
use fkp_synth::{HeadCounts, SceneConfig, SynthScenes};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.to_owned()
}

/// The first block of code in a language of a page.
fn block(page: &str, language: &str) -> String {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let opening = format!("```{language}");
    let lines = text.lines().skip_while(|line| !line.starts_with(&opening));
    let inside = lines.skip(1).take_while(|line| !line.starts_with("```"));
    let lines: Vec<&str> = inside.collect();
    assert!(!lines.is_empty(), "{page} has no block of {language}");
    lines.join("\n")
}

/// The code of a page as a program: as it stands, or as the body of `main`.
fn program(code: &str) -> String {
    if code.contains("fn main()") {
        return code.to_owned();
    }
    let shown: Vec<&str> = code
        .lines()
        .filter(|line| !line.starts_with("# "))
        .collect();
    let body = shown.join("\n");
    format!("fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{body}\nOk(())\n}}\n")
}

/// The dependency lines and the program of a page, run as a package.
fn run(page: &str, language: &str, folder: &Path) -> Output {
    let dependencies = block(page, "toml").replace("path/to/fkp", &root().display().to_string());
    assert!(dependencies.contains("[dependencies]"), "{dependencies}");
    run_package(&dependencies, &program(&block(page, language)), folder)
}

/// A package of its own, run in its folder.
fn run_package(dependencies: &str, program: &str, folder: &Path) -> Output {
    // Built quickly rather than to be fast: it finds one face.
    let manifest = format!(
        "[package]\nname = \"outside\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{dependencies}\n\
         [workspace]\n\n[profile.dev]\ndebug = false\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::write(folder.join("src/main.rs"), program).unwrap();
    let target = root().join("target/outside");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--offline", "--quiet", "--target-dir"])
        .arg(target)
        .current_dir(folder)
        .env_remove("RUSTFLAGS")
        .output();
    output.unwrap()
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// `fkp-model` and `image` are all that the program of the first page needs; and where its
/// photograph is cut short, it ends with a sentence.
#[test]
fn the_program_of_the_first_page_runs_with_two_dependencies() {
    let folder = tempfile::tempdir().unwrap();
    let scenes = SceneConfig {
        size: 320,
        count: 1,
        seed: 3,
        heads: HeadCounts {
            few: [3, 3],
            group_probability: 0.0,
            crowd_probability: 0.0,
            ..HeadCounts::default()
        },
        face_heights: [60.0, 90.0],
        from_behind: 0.0,
        ..SceneConfig::default()
    };
    let scene = SynthScenes::new(scenes).unwrap().get(0).unwrap();
    let photograph = folder.path().join("photo.jpg");
    image::DynamicImage::from(scene.image)
        .to_rgb8()
        .save(&photograph)
        .unwrap();
    let output = run("README.md", "rust", folder.path());
    let (stdout, stderr) = text(&output);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    // The keypoints of some faces.
    let lines = stdout.lines().count();
    assert!(lines >= 68 && lines % 68 == 0, "{lines} lines");
    assert!(stdout.contains('±'), "{stdout}");

    let bytes = std::fs::read(&photograph).unwrap();
    std::fs::write(&photograph, &bytes[..bytes.len() / 2]).unwrap();
    let output = run("README.md", "rust", folder.path());
    let (_, stderr) = text(&output);
    assert!(!output.status.success());
    assert!(
        stderr.contains("cut short") && !stderr.contains('{'),
        "{stderr}"
    );
}

/// `fkp-augment` alone is enough for another landmark task.
#[test]
fn augmentation_needs_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let output = run("crates/fkp-augment/README.md", "rust", folder.path());
    let (stdout, stderr) = text(&output);
    assert!(output.status.success(), "{stdout}\n{stderr}");
}

/// Formats that need a feature of `fkp-data`, opened by a program that has none of them.
#[test]
fn a_format_that_is_not_built_in_names_its_feature() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("labels.parquet"), "PAR1PAR1").unwrap();
    std::fs::write(folder.path().join("COFW_test.mat"), b"\x89HDF\r\n\x1a\n").unwrap();
    let program = r#"
fn main() {
    for path in ["labels.parquet", "COFW_test.mat"] {
        let error = fkp_data::open(path, &fkp_data::OpenOptions::default()).unwrap_err();
        println!("{error}");
    }
}
"#;
    let path = root().join("crates/fkp-data");
    let dependencies = format!("[dependencies]\nfkp-data = {{ path = {path:?} }}\n");
    let (stdout, stderr) = text(&run_package(&dependencies, program, folder.path()));
    let lines: Vec<&str> = stdout.lines().collect();
    let [parquet, mat] = lines[..] else {
        panic!("{stdout}\n{stderr}");
    };
    for (line, file, feature) in [
        (parquet, "labels.parquet", "feature `parquet`"),
        (mat, "COFW_test.mat", "feature `hdf5`"),
    ] {
        assert!(line.contains(file) && line.contains(feature), "{line}");
    }
}
