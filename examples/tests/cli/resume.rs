//! Runs that are interrupted, killed and resumed.

use crate::support::{program, ran, refused, steps_saved, tiny_config, train, weights};
use std::path::Path;
use std::process::{Command, Stdio};

#[cfg(unix)]
#[test]
fn a_run_that_was_stopped_or_killed_and_resumed_is_the_run_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 40);
    let straight = folder.path().join("straight");
    ran(train(&config, &straight).args(["--threads", "1"]));
    for signal in ["-INT", "-KILL"] {
        let run = folder.path().join(signal);
        let mut child = train(&config, &run)
            .args(["--threads", "2"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let is_saved = || run.join("history.csv").is_file() && steps_saved(&run).is_some();
        while !is_saved() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        assert_eq!(status.success(), signal == "-INT", "{signal}");
        let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
        assert!(
            history.lines().count() < 41,
            "{signal} came too late to prove anything"
        );
        ran(program("train").arg("--resume").arg(&run));
        assert_eq!(weights(&run), weights(&straight), "{signal}");
        let rows = std::fs::read_to_string(run.join("history.csv")).unwrap();
        assert_eq!(rows.lines().count(), 41, "{signal}");
        // The log of events has every epoch once, in order.
        let events = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
        let events = events
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let epochs = events.filter(|event| event["event"] == "epoch");
        let epochs: Vec<u64> = epochs.filter_map(|event| event["epoch"].as_u64()).collect();
        assert_eq!(epochs, (1..=40).collect::<Vec<u64>>(), "{signal}");
    }
}

/// A run, killed ten times at random moments: before the first step, between steps, while
/// a file is written.
#[cfg(unix)]
#[test]
fn a_run_killed_at_ten_random_moments_is_the_run_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    // Long enough for ten lives, of which each makes some hundred steps.
    let config = tiny_config(folder.path(), 12);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("train = 40", "train = 300");
    let text = text.replace("batch_size = 16", "batch_size = 2\ncheckpoint_every = 3");
    std::fs::write(&config, text + "[train.averaging]\ndecay = 0.99\n").unwrap();
    let straight = folder.path().join("straight");
    ran(train(&config, &straight).args(["--threads", "1"]));
    let all = steps_saved(&straight).unwrap();
    assert_eq!(all, 12 * 150);

    let run = folder.path().join("run");
    let mut random = 88_172_645_463_325_252_u64; // xorshift, Marsaglia 2003
    let mut seen = Vec::new();
    for life in 0..10 {
        let mut command = match life {
            0 => train(&config, &run),
            _ => {
                let mut command = program("train");
                command.arg("--resume").arg(&run);
                command
            }
        };
        let before = steps_saved(&run).unwrap_or(0);
        let mut child = command
            .args(["--threads", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // One in three dies before it gets anywhere, the others soon after their first checkpoint.
        if life % 3 != 1 {
            let saved = || steps_saved(&run).unwrap_or(0);
            while saved() <= before && child.try_wait().unwrap().is_none() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        std::thread::sleep(std::time::Duration::from_micros(random % 60_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success(), "life {life} came to its end: {status}");
        seen.extend(steps_saved(&run));
    }
    assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]), "{seen:?}");
    assert!(seen.last() < Some(&all) && seen[0] > 0, "{seen:?}");
    ran(program("train").arg("--resume").arg(&run));
    assert_eq!(weights(&run), weights(&straight), "killed at {seen:?}");
    let history = |run: &Path| {
        let text = std::fs::read_to_string(run.join("history.csv")).unwrap();
        // All but the times at the end of a row.
        let metrics = |row: &str| row.split(',').take(7).collect::<Vec<_>>().join(",");
        text.lines().map(metrics).collect::<Vec<_>>()
    };
    assert_eq!(history(&run), history(&straight));
}

/// A limit on the size of files stands in for a full disk: the write fails in its middle.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_with_a_message_and_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 2);
    let straight = folder.path().join("straight");
    ran(&mut train(&config, &straight));
    let run = folder.path().join("run");
    ran(train(&config, &run).args(["--epochs", "1"]));
    let kept = std::fs::read(run.join("state.safetensors")).unwrap();

    let train = program("train");
    let blocks = kept.len() / 512 - 10;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let mut limited = Command::new("sh");
    limited.args(["-c", &script, "sh"]).arg(train.get_program());
    limited.arg("--resume").arg(&run).args(["--epochs", "2"]);
    let text = refused(&mut limited);
    assert!(
        text.contains("cannot write the checkpoint; the previous one is unchanged")
            && text.contains("because: File too large"),
        "{text}"
    );
    assert_eq!(std::fs::read(run.join("state.safetensors")).unwrap(), kept);
    ran(program("train")
        .arg("--resume")
        .arg(&run)
        .args(["--epochs", "2"]));
    assert_eq!(weights(&run), weights(&straight));
}

#[cfg(unix)]
#[test]
fn a_folder_in_use_is_refused_and_free_again_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 4000);
    let run = folder.path().join("run");
    let mut child = train(&config, &run).stdout(Stdio::null()).spawn().unwrap();
    while steps_saved(&run).is_none() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let holder = format!(
        "another run (process {}) writes into this folder",
        child.id()
    );
    let saved = || std::fs::read_to_string(run.join("config.toml")).unwrap();
    let before = saved();
    for arguments in [&[][..], &["--lr", "0.01", "--override"]] {
        let text = refused(program("train").arg("--resume").arg(&run).args(arguments));
        assert!(text.contains(&holder), "{text}");
        assert_eq!(saved(), before, "of the run that is in the folder");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let made = steps_saved(&run).unwrap() / 3 + 1;
    ran(program("train")
        .arg("--resume")
        .arg(&run)
        .args(["--epochs", &made.to_string()]));
}

#[test]
fn a_run_is_not_written_over_and_not_resumed_on_other_data() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let config = tiny_config(folder.path(), 1);
    ran(&mut train(&config, &run));
    assert!(refused(&mut train(&config, &run)).contains("--resume"));
    let resolved = run.join("config.toml");
    let text = std::fs::read_to_string(&resolved).unwrap();
    std::fs::write(&resolved, text.replace("seed = 4", "seed = 5")).unwrap();
    let text = refused(
        program("train")
            .arg("--resume")
            .arg(&run)
            .args(["--epochs", "2"]),
    );
    assert!(text.contains("cannot resume"), "{text}");

    // The same with settings: refused without, stdout with --override.
    std::fs::write(
        &resolved,
        std::fs::read_to_string(&resolved)
            .unwrap()
            .replace("seed = 5", "seed = 4"),
    )
    .unwrap();
    let resumed = |arguments: &[&str]| {
        let mut command = program("train");
        command.arg("--resume").arg(&run).args(arguments);
        command
    };
    let text = refused(&mut resumed(&["--lr", "0.01", "--epochs", "2"]));
    assert!(
        text.contains("--lr") && text.contains("--override"),
        "{text}"
    );
    let stdout = ran(&mut resumed(&[
        "--lr",
        "0.01",
        "--epochs",
        "2",
        "--override",
    ]));
    assert!(
        stdout.contains("overridden: train.learning_rate was 0.001, is now 0.01"),
        "{stdout}"
    );
    let kept = std::fs::read_to_string(&resolved).unwrap();
    assert!(kept.contains("learning_rate = 0.01"), "{kept}");
}
