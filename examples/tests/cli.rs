//! The programs as a person runs them: files, messages, Ctrl-C, kill, resume.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use image::{DynamicImage, GrayImage, Luma};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Cargo builds the examples before it runs the tests of their package, side by side with them.
fn program(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(file);
    assert!(path.is_file(), "{} is not built", path.display());
    Command::new(path)
}

fn ran(command: &mut Command) -> String {
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
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{command:?} accepted bad input");
    assert!(!text.contains("panicked"), "{command:?}: {text}");
    assert!(text.contains("error"), "{command:?}: {text}");
    text
}

/// A run of a second or so.
fn tiny_config(folder: &Path, epochs: usize) -> PathBuf {
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

fn train(config: &Path, out: &Path) -> Command {
    let mut command = program("train");
    command.arg("--config").arg(config).arg("--out").arg(out);
    command
}

fn weights(run: &Path) -> [Vec<u8>; 2] {
    ["best", "last"]
        .map(|name| std::fs::read(run.join(name).with_extension("safetensors")).unwrap())
}

#[test]
fn a_run_leaves_its_files_and_its_model_evaluates_and_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    ran(&mut train(&tiny_config(folder.path(), 2), &run));
    for file in [
        "config.toml",
        "best.safetensors",
        "last.safetensors",
        "history.csv",
        "history.jsonl",
        "curves.png",
        "keypoint_errors.png",
        "preview-epoch-001.png",
        "report.json",
        "report.md",
        "overlay.png",
    ] {
        assert!(run.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
    assert_eq!(history.lines().count(), 3);
    let mut files = std::fs::read_dir(&run).unwrap();
    let is_events = |name: &str| name.starts_with("events.out.tfevents.");
    assert!(files.any(|file| is_events(&file.unwrap().file_name().to_string_lossy())));

    let json = folder.path().join("new/evaluation.json");
    let model = run.join("best.safetensors");
    let told = ran(program("evaluate")
        .arg("--model")
        .arg(&model)
        .args(["--split", "selection"])
        .arg("--json")
        .arg(&json));
    assert!(told.contains("split `selection`"), "{told}");
    let evaluation: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run.join("report.json")).unwrap()).unwrap();
    assert_eq!(
        evaluation, report["evaluation"],
        "evaluate and train disagree"
    );
    assert_eq!(report["selected_on"], "carved");
    // What chose the best epoch is not what is held out.
    ran(program("evaluate")
        .arg("--model")
        .arg(&model)
        .arg("--json")
        .arg(folder.path().join("val.json")));
    let val = std::fs::read_to_string(folder.path().join("val.json")).unwrap();
    let val: serde_json::Value = serde_json::from_str(&val).unwrap();
    assert_eq!(val["samples"], evaluation["samples"]);
    assert_ne!(val, evaluation);
    let keys: Vec<_> = evaluation
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let wanted = [
        "auc_8",
        "failure_rate_8",
        "loss",
        "mae_norm",
        "mae_px",
        "nme",
        "per_keypoint",
        "rmse_px",
        "samples",
    ];
    assert_eq!(keys, wanted);
    for key in ["inter_ocular", "inter_pupil", "box"] {
        assert!(evaluation["nme"][key].is_number(), "{key}");
    }
    let keypoint = &evaluation["per_keypoint"][10];
    assert_eq!(
        (&keypoint["name"], &keypoint["scored"]),
        (&"nose_tip".into(), &10.into())
    );
    assert!(keypoint["mae_px"].is_number() && keypoint["rmse_px"].is_number());

    predict_every_kind_of_image(folder.path(), &model);
}

fn predict_every_kind_of_image(folder: &Path, model: &Path) {
    let images = folder.join("images");
    std::fs::create_dir(&images).unwrap();
    let face = GrayImage::from_fn(60, 90, |x, y| Luma([(x * 3 + y) as u8]));
    let face = DynamicImage::from(face);
    face.save(images.join("gray.png")).unwrap();
    face.to_rgb8().save(images.join("color.jpg")).unwrap();
    face.to_rgb8().save(images.join("windows.bmp")).unwrap();
    face.to_rgba8()
        .save(images.join("transparent.png"))
        .unwrap();
    face.to_luma16().save(images.join("deep.png")).unwrap();
    GrayImage::new(1, 1).save(images.join("dot.png")).unwrap();
    std::fs::write(images.join("notes.txt"), "no image").unwrap();

    // Twice into the same folder: what the first left behind is no input of the second.
    for _ in 0..2 {
        let mut command = program("predict");
        command
            .arg("--model")
            .arg(model)
            .arg(&images)
            .arg("--out")
            .arg(&images);
        assert!(ran(&mut command).contains("6 of 6 images"));
    }
    let text = std::fs::read_to_string(images.join("predictions.json")).unwrap();
    let predictions: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(predictions.as_array().unwrap().len(), 6);
    let gray = predictions.as_array().unwrap().iter();
    let gray = gray
        .into_iter()
        .find(|p| p["file"].as_str().unwrap().ends_with("gray.png"))
        .unwrap();
    assert_eq!((&gray["width"], &gray["height"]), (&60.into(), &90.into()));
    assert_eq!(gray["keypoints"].as_array().unwrap().len(), 15);
    assert_eq!(gray["keypoints"][0]["name"], "left_eye_center");
    let table = std::fs::read_to_string(images.join("predictions.csv")).unwrap();
    assert_eq!(table.lines().next(), Some("file,keypoint,x,y,sigma"));
    assert_eq!(table.lines().count(), 1 + 6 * 15);
    assert!(images.join("gray.overlay.png").is_file());

    let predict = |face: &str, file: &Path| {
        let mut command = program("predict");
        command
            .arg("--model")
            .arg(model)
            .arg(file)
            .args(["--box", face]);
        command.arg("--out").arg(folder.join("boxed"));
        command
    };
    let gray = images.join("gray.png");
    ran(&mut predict("-5,10,50,50", &gray));
    for kind in ["keypoints", "crop", "face"] {
        ran(predict("5,10,50,50", &gray).args(["--box-kind", kind]));
    }
    assert!(refused(&mut predict("100,10,50,50", &gray)).contains("outside the image of 60×90"));
    assert!(refused(&mut predict("1,2,3", &gray)).contains("x,y,width,height"));
    assert!(refused(&mut predict("1,2,0,4", &gray)).contains("area"));

    // The broken image is named, the others are predicted all the same.
    let jpeg = std::fs::read(images.join("color.jpg")).unwrap();
    std::fs::write(images.join("broken.jpg"), &jpeg[..jpeg.len() / 3]).unwrap();
    let mut command = program("predict");
    command
        .arg("--model")
        .arg(model)
        .arg(&images)
        .arg("--out")
        .arg(folder.join("rest"));
    let text = refused(&mut command);
    assert!(
        text.contains("broken.jpg") && text.contains("1 of 7"),
        "{text}"
    );
    assert!(folder.join("rest/predictions.json").is_file());

    let empty = folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    let text = refused(program("predict").arg("--model").arg(model).arg(&empty));
    assert!(text.contains("no PNG, JPEG or BMP image"), "{text}");
}

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
        while !run.join("history.csv").is_file() && child.try_wait().unwrap().is_none() {
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

/// Steps of a run as its state file counts them; `None` while there is no state.
#[cfg(unix)]
fn steps_saved(run: &Path) -> Option<u64> {
    let bytes = std::fs::read(run.join("state.safetensors")).ok()?;
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?) as usize;
    let header: serde_json::Value = serde_json::from_slice(bytes.get(8..8 + length)?).ok()?;
    let state = header["__metadata__"]["fkp-train"].as_str()?;
    let state: serde_json::Value = serde_json::from_str(state).ok()?;
    state["progress"]["global_step"].as_u64()
}

/// Three epochs, killed ten times at random moments: before the first step, between steps, while
/// a file is written.
#[cfg(unix)]
#[test]
fn a_run_killed_at_ten_random_moments_is_the_run_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 3);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("train = 40", "train = 300");
    let text = text.replace("batch_size = 16", "batch_size = 2\ncheckpoint_every = 3");
    std::fs::write(&config, text + "[train.averaging]\ndecay = 0.99\n").unwrap();
    let straight = folder.path().join("straight");
    ran(train(&config, &straight).args(["--threads", "1"]));
    let all = steps_saved(&straight).unwrap();
    assert_eq!(all, 3 * 150);

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
        let figures = |row: &str| row.split(',').take(7).collect::<Vec<_>>().join(",");
        text.lines().map(figures).collect::<Vec<_>>()
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
    let text = refused(program("train").arg("--resume").arg(&run));
    let holder = format!(
        "another run (process {}) writes into this folder",
        child.id()
    );
    assert!(text.contains(&holder), "{text}");
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

    // The same with settings: refused without, told with --override.
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
    let told = ran(&mut resumed(&[
        "--lr",
        "0.01",
        "--epochs",
        "2",
        "--override",
    ]));
    assert!(
        told.contains("overridden: train.learning_rate was 0.001, is now 0.01"),
        "{told}"
    );
    let kept = std::fs::read_to_string(&resolved).unwrap();
    assert!(kept.contains("learning_rate = 0.01"), "{kept}");
}

#[test]
fn nonsense_on_the_command_line_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 1);
    let out = folder.path().join("run");
    let told = |arguments: &[&str]| refused(train(&config, &out).args(arguments));
    assert!(told(&["--lr", "nan"]).contains("train.learning_rate"));
    assert!(told(&["--lr", "-1"]).contains("train.learning_rate"));
    assert!(told(&["--batch-size", "0"]).contains("train.batch_size"));
    assert!(told(&["--epochs", "0"]).contains("train.epochs"));
    assert!(told(&["--threads", "0"]).contains("--threads"));
    assert!(told(&["--schema", "ibug68"]).contains("ibug68"));
    assert!(told(&["--format", "coco"]).contains("coco"));
    assert!(told(&["--data", "no/such/place"]).contains("no/such/place"));
    assert!(
        !out.exists(),
        "a folder was left behind by a run that never started"
    );

    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let text = refused(&mut train(&config, &file.join("run")));
    assert!(text.contains("cannot create"), "{text}");
    let text = refused(program("augment_preview").args(["--out", "sheet"]));
    assert!(text.contains(".png"), "{text}");
    let text = refused(program("evaluate").args(["--model", "absent.safetensors"]));
    assert!(text.contains("absent.safetensors"), "{text}");
    let text = refused(program("other_landmarks").arg("--data").arg(&file));
    assert!(text.contains("file"), "{text}");
}

/// A folder of images with a table of numbered or named keypoints.
fn table_set(folder: &Path, header: &str, row: impl Fn(u32) -> String) -> PathBuf {
    let set = folder.join("set");
    std::fs::create_dir_all(set.join("images")).unwrap();
    let mut table = format!("image,{header}\n");
    for index in 0..30 {
        let shade = |x: u32, y: u32| Luma([(x * 5 + y * 3 + index * 7) as u8]);
        let name = format!("{index}.png");
        GrayImage::from_fn(40, 40, shade)
            .save(set.join("images").join(&name))
            .unwrap();
        table += &format!("{name},{}\n", row(index));
    }
    std::fs::write(set.join("keypoints.csv"), table).unwrap();
    set
}

/// Every meaning that an output can have: trained by one key, and the model file predicts.
#[test]
fn every_output_is_trained_by_a_key_and_its_model_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let face = folder.path().join("face.png");
    GrayImage::from_fn(64, 64, |x, y| Luma([(x * 2 + y) as u8]))
        .save(&face)
        .unwrap();
    for (kind, keys, sigma) in [
        ("coordinates", "", false),
        ("coordinates_with_scale", "likelihood = 'gaussian'", true),
        ("heatmap", "sigma_px = 1.2", false),
        ("soft_argmax", "", true),
    ] {
        let config = tiny_config(folder.path(), 12);
        let text = std::fs::read_to_string(&config).unwrap();
        let mut text = text.replace("[train]\n", "[train]\nlearning_rate = 0.01\n");
        if matches!(kind, "heatmap" | "soft_argmax") {
            let told = {
                std::fs::write(&config, format!("{text}[output]\nkind = '{kind}'\n")).unwrap();
                refused(&mut train(&config, &folder.path().join("dense")))
            };
            assert!(
                told.contains("network.dense") && told.contains(kind),
                "{told}"
            );
            text = text.replace("dense = [16]", "dense = []");
        }
        std::fs::write(
            &config,
            format!("{text}[output]\nkind = '{kind}'\n{keys}\n"),
        )
        .unwrap();
        let run = folder.path().join(kind);
        ran(&mut train(&config, &run));
        let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
        let loss = |row: usize| -> f64 {
            let row = history.lines().nth(row).unwrap();
            row.split(',').nth(1).unwrap().parse().unwrap()
        };
        assert!(loss(12) < loss(1), "{kind}: {history}");
        let out = folder.path().join(format!("{kind}-out"));
        let model = run.join("best.safetensors");
        ran(program("predict")
            .arg("--model")
            .arg(&model)
            .arg(&face)
            .arg("--out")
            .arg(&out));
        let text = std::fs::read_to_string(out.join("predictions.json")).unwrap();
        let predictions: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keypoint = &predictions[0]["keypoints"][10];
        assert!(keypoint["x"].is_number(), "{kind}: {keypoint}");
        assert_eq!(
            keypoint["sigma"].as_f64().is_some_and(|s| s > 0.0),
            sigma,
            "{kind}: {keypoint}"
        );
        // A loss that goes with another output is refused by name.
        let wrong = if kind == "coordinates" {
            "nll"
        } else {
            "smooth_l1"
        };
        if kind != "soft_argmax" {
            let text = std::fs::read_to_string(&config).unwrap();
            let text = text.replace("[train]\n", &format!("[train]\nloss = '{wrong}'\n"));
            std::fs::write(&config, text).unwrap();
            let told = refused(&mut train(&config, &folder.path().join("wrong")));
            assert!(
                told.contains("train.loss") && told.contains(wrong),
                "{told}"
            );
        }
    }
}

/// Framing decides the accuracy: the same model, framed by labels, by boxes off by a detector's
/// error, and by boxes that the data does not have.
#[test]
fn evaluation_says_what_boxes_cost() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    ran(&mut train(&tiny_config(folder.path(), 2), &run));
    let evaluate = |arguments: &[&str]| {
        let mut command = program("evaluate");
        command
            .arg("--model")
            .arg(run.join("best.safetensors"))
            .args(arguments);
        command
    };
    let labels = ran(&mut evaluate(&[]));
    let jittered = ran(&mut evaluate(&["--boxes", "jittered"]));
    let mae = |text: &str| {
        text.lines()
            .find(|l| l.starts_with("MAE, px"))
            .unwrap()
            .to_owned()
    };
    assert_ne!(mae(&labels), mae(&jittered));
    assert_eq!(jittered, ran(&mut evaluate(&["--boxes", "jittered"])));
    let text = refused(&mut evaluate(&["--boxes", "given"]));
    assert!(text.contains("a box"), "{text}");
}

/// The traps of one's own table, each with its way out.
#[test]
fn a_table_that_would_train_on_wrong_labels_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let config = tiny_config(folder.path(), 1);
    let refuse = |set: &Path, arguments: &[&str]| {
        refused(train(&config, &out).arg("--data").arg(set).args(arguments))
    };

    // A misspelled side in both columns.
    let header = "mouth_lfet_corner_x,mouth_lfet_corner_y,mouth_right_corner_x,mouth_right_corner_y,nose_tip_x,nose_tip_y";
    let row = |i: u32| format!("25,30,{},30,20,{}", 15 - i % 3, 20 + i % 4);
    let set = table_set(folder.path(), header, row);
    let text = refuse(&set, &["--schema", "source"]);
    assert!(
        text.contains("mouth_lfet_corner") && text.contains("unpaired"),
        "{text}"
    );

    // Numbers are no face, and what has no known flip pairs is not flipped.
    let header: Vec<_> = (0..21).map(|i| format!("{i}_x,{i}_y")).collect();
    let row = |i: u32| {
        (0..21)
            .map(|k| format!("{},{}", k + i % 5, 2 * k % 40))
            .collect::<Vec<_>>()
            .join(",")
    };
    let set = table_set(folder.path(), &header.join(","), row);
    let text = refuse(&set, &[]);
    assert!(text.contains("--schema source"), "{text}");
    let text = refuse(&set, &["--schema", "source"]);
    assert!(
        text.contains("flip") && text.contains("flip_pairs = []"),
        "{text}"
    );

    // A label that is further outside than the image is large.
    let row = |i: u32| format!("{},20,15,30,15,35", if i == 7 { 9999 } else { 5 + i });
    let header = "nose_tip_x,nose_tip_y,mouth_center_top_lip_x,mouth_center_top_lip_y,\
         mouth_center_bottom_lip_x,mouth_center_bottom_lip_y";
    let set = table_set(folder.path(), header, row);
    let text = refuse(&set, &[]);
    assert!(
        text.contains("keypoints.csv") && text.contains("9999") && text.contains("nose_tip_x"),
        "{text}"
    );
    let told = ran(train(&config, &out)
        .arg("--data")
        .arg(&set)
        .arg("--list-far-labels"));
    assert!(told.contains("9999"), "{told}");
    for word in [
        "format: image-csv",
        "schema: ",
        "flip pairs: ",
        "train: ",
        "selection",
        "mapped onto: kaggle15",
        "left_eye_center",
    ] {
        assert!(told.contains(word), "`{word}` is missing: {told}");
    }
}

/// What is no better than the mean face is said to be so, with what to do.
#[test]
fn a_useless_result_is_told_and_learning_rates_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 1);
    let told = ran(train(&config, &folder.path().join("run")).args(["--lr", "1e-9"]));
    assert!(
        told.contains("no better than the mean face") && told.contains("--find-lr"),
        "{told}"
    );
    let told = ran(train(&config, &folder.path().join("lr")).arg("--find-lr"));
    assert!(
        told.contains("falls fastest at") && told.contains("the configured learning rate, 1.0e-3"),
        "{told}"
    );
    let help = ran(program("train").arg("--help"));
    assert!(
        help.contains("flip_pairs = [[") && help.contains("normalizing_pair"),
        "{help}"
    );
}

/// Without `--model`: the weights that the crate carries.
#[test]
fn the_pretrained_model_evaluates_and_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let faces = folder.path().join("faces");
    ran(program("render")
        .arg("--out")
        .arg(&faces)
        .args(["--count", "12"]));
    let told = ran(program("evaluate")
        .arg("--data")
        .arg(&faces)
        .args(["--split", "all"]));
    assert!(told.contains("the pretrained model"), "{told}");
    let mae = told
        .lines()
        .find(|line| line.starts_with("MAE, px"))
        .unwrap();
    let mae: f64 = mae.split_whitespace().last().unwrap().parse().unwrap();
    assert!(mae < 2.0, "{mae} px on rendered faces");
    let out = folder.path().join("out");
    ran(program("predict")
        .arg(faces.join("images"))
        .arg("--out")
        .arg(&out));
    let text = std::fs::read_to_string(out.join("predictions.json")).unwrap();
    let predictions: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(predictions[0]["keypoints"][10]["sigma"].as_f64().unwrap() > 0.0);
}
