//! How the tests run the programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Cargo builds the examples before it runs the tests of their package, side by side with them.
pub(crate) fn program(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(file);
    assert!(path.is_file(), "{} is not built", path.display());
    Command::new(path)
}

pub(crate) fn ran(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let [stdout, stderr] =
        [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(status.success(), "{command:?}: {stdout}\n{stderr}");
    stdout
}

/// What a program says that refuses: no panic, no success.
pub(crate) fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{command:?} accepted bad input");
    assert!(!text.contains("panicked"), "{command:?}: {text}");
    assert!(text.contains("error"), "{command:?}: {text}");
    text
}

/// A run of a second or so.
pub(crate) fn tiny_config(folder: &Path, epochs: usize) -> PathBuf {
    let path = folder.join("tiny.toml");
    let text = format!(
        "[input]\nsize = 32\nchannels = 1\nmean = 0\nstd = 1\n\
         [data.rendered]\ntrain = 40\nvalidation = 10\nseed = 4\n\
         [network]\nkind = 'cnn'\nconv_channels = [4, 8]\ndense = [16]\n\
         [train]\nepochs = {epochs}\nbatch_size = 16\nseed = 2\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

pub(crate) fn train(config: &Path, out: &Path) -> Command {
    let mut command = program("train");
    command.arg("--config").arg(config).arg("--out").arg(out);
    command
}

pub(crate) fn weights(run: &Path) -> [Vec<u8>; 2] {
    ["best", "last"]
        .map(|name| std::fs::read(run.join(name).with_extension("safetensors")).unwrap())
}

/// Steps of a run as its state file counts them; `None` while there is no state.
#[cfg(unix)]
pub(crate) fn steps_saved(run: &Path) -> Option<u64> {
    let bytes = std::fs::read(run.join("state.safetensors")).ok()?;
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?) as usize;
    let header: serde_json::Value = serde_json::from_slice(bytes.get(8..8 + length)?).ok()?;
    let state = header["__metadata__"]["fkp-train"].as_str()?;
    let state: serde_json::Value = serde_json::from_str(state).ok()?;
    state["progress"]["global_step"].as_u64()
}
