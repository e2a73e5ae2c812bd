//! Training on several data sets, and on new faces in each epoch.

use crate::support::{program, ran, refused, tiny_config, train, weights};
use std::path::{Path, PathBuf};

fn render(folder: &Path, name: &str, seed: &str) -> PathBuf {
    let out = folder.join(name);
    let mut command = program("render");
    command.arg("--out").arg(&out);
    ran(command.args(["--count", "30", "--size", "48", "--seed", seed]));
    out
}

#[test]
fn a_run_on_several_data_sets_states_them_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 2);
    let (a, b) = (
        render(folder.path(), "a", "1"),
        render(folder.path(), "b=2", "2"),
    );
    let run = folder.path().join("run");
    let start = |out: &Path| {
        let mut command = train(&config, out);
        command.arg("--data").arg(&a).arg("--data").arg(&b);
        command.args(["--data", "rendered:20"]);
        command
    };
    let stdout = ran(start(&run).args(["--weights", "2,1,1", "--new-faces"]));
    for part in ["3 sources", "b=2: ", "rendered: ", "train loss", "(a 0."] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let header = ",skipped,train_loss_a,train_loss_b=2,train_loss_rendered";
    assert!(
        history.lines().next().unwrap().ends_with(header),
        "{history}"
    );
    let events = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
    assert!(
        events.contains(r#""sources":[{"name":"a","train_loss":0."#),
        "{events}"
    );
    let report = std::fs::read_to_string(run.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["sources"][2]["name"], "rendered");
    let page = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(page.contains("b=2: "), "{page}");
    let model = run.join("best.safetensors");
    let stdout = ran(program("evaluate")
        .arg("--model")
        .arg(&model)
        .arg("--data")
        .arg(&a)
        .args(["--split", "train:0.5:1"]));
    assert!(
        stdout.contains("trained on: b=2: ") && stdout.contains("split `train:0.5:1`"),
        "{stdout}"
    );

    // One epoch, then the rest.
    let resumed = folder.path().join("resumed");
    ran(start(&resumed).args(["--weights", "2,1,1", "--new-faces", "--epochs", "1"]));
    let mut command = program("train");
    ran(command
        .arg("--resume")
        .arg(&resumed)
        .args(["--epochs", "2"]));
    assert_eq!(weights(&resumed), weights(&run));

    let text = refused(start(&folder.path().join("x")).args(["--weights", "1,2"]));
    assert!(text.contains("2 weights for 3 sources"), "{text}");
    let text = refused(start(&folder.path().join("x")).args(["--weights", "1,2,-1"]));
    assert!(text.contains("data.sources[2].weight"), "{text}");
    let text = refused(start(&folder.path().join("x")).args(["--format", "coco"]));
    assert!(text.contains("[[data.sources]]"), "{text}");
    let text = refused(start(&folder.path().join("x")).arg("--data").arg(&a));
    assert!(text.contains("is given twice"), "{text}");
    let text = refused(train(&config, &folder.path().join("x")).args(["--data", "rendered:"]));
    assert!(text.contains("a number of faces must follow"), "{text}");
}

/// The loader and the network share the program's threads.
#[test]
fn new_faces_do_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 3);
    let run = |threads: &str| {
        let out = folder.path().join(threads);
        ran(train(&config, &out).args(["--new-faces", "--threads", threads]));
        weights(&out)
    };
    let one = run("1");
    assert_eq!(run("2"), one);
    assert_eq!(run("3"), one);
}

/// A run on one data set is what it was before there could be several.
#[test]
fn one_data_set_is_not_a_mixture() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 1);
    let run = |name: &str, arguments: &[&str]| {
        let out = folder.path().join(name);
        ran(train(&config, &out).args(arguments));
        out
    };
    let [default, named] = [
        run("default", &[]),
        run("named", &["--data", "rendered:40"]),
    ];
    assert_eq!(weights(&default), weights(&named));
    for file in ["config.toml", "report.json", "history.csv", "history.jsonl"] {
        let text = std::fs::read_to_string(named.join(file)).unwrap();
        assert!(
            !text.contains("sources") && !text.contains("train_loss_"),
            "{text}"
        );
    }
    let new = run("new", &["--new-faces"]);
    let text = std::fs::read_to_string(new.join("config.toml")).unwrap();
    assert!(text.contains("faces = \"new_each_epoch\""), "{text}");
    let mut with_data = train(&config, &folder.path().join("x"));
    let text = refused(with_data.arg("--new-faces").arg("--data").arg(&config));
    assert!(text.contains("--new-faces is for rendered faces"), "{text}");
}
