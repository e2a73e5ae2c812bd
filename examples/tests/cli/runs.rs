//! A run writes its files; its model evaluates and predicts.

use crate::support::{program, ran, refused, tiny_config, train};
use image::{DynamicImage, GrayImage, Luma};
use std::path::Path;

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
    let stdout = ran(program("evaluate")
        .arg("--model")
        .arg(&model)
        .args(["--split", "selection"])
        .arg("--json")
        .arg(&json));
    assert!(stdout.contains("split `selection`"), "{stdout}");
    let evaluation: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run.join("report.json")).unwrap()).unwrap();
    assert_eq!(evaluation["boxes"], "labels");
    assert!(evaluation["convention"].is_null());
    let evaluation = &evaluation["metrics"];
    assert_eq!(
        *evaluation, report["evaluation"],
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
    let val = &val["metrics"];
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
            .arg("--crop")
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
    let keypoints = &gray["faces"][0]["keypoints"];
    assert_eq!(keypoints.as_array().unwrap().len(), 15);
    assert_eq!(keypoints[0]["name"], "left_eye_center");
    let table = std::fs::read_to_string(images.join("predictions.csv")).unwrap();
    assert_eq!(table.lines().next(), Some("file,face,keypoint,x,y,sigma"));
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
        .arg("--crop")
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

/// Evaluation with crops by labels, by boxes with the error of a detector, and by boxes that the
/// data does not have.
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
    let text = refused(&mut evaluate(&["--jitter-seed", "1"]));
    assert!(text.contains("--boxes jittered"), "{text}");

    // Crops with as many pixels as before are the same; small ones say that they are small.
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    let side = config["input"]["size"].as_integer().unwrap();
    let whole = ran(&mut evaluate(&["--crop-px", &side.to_string()]));
    assert_eq!(mae(&labels), mae(&whole));
    let small = ran(&mut evaluate(&["--crop-px", "8"]));
    assert!(small.contains("crops: reduced to 8×8 pixels"), "{small}");
    assert_ne!(mae(&labels), mae(&small));
    let larger = (side + 1).to_string();
    let text = refused(&mut evaluate(&["--crop-px", &larger]));
    assert!(text.contains(&format!("at most {side}")), "{text}");
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
    let mut without_schema = program("evaluate");
    without_schema.arg("--data").arg(&faces);
    assert!(refused(&mut without_schema).contains("--schema kaggle15"));
    let worst = folder.path().join("worst.png");
    let stdout = ran(program("evaluate")
        .arg("--data")
        .arg(&faces)
        .args(["--split", "all", "--schema", "kaggle15"])
        .arg("--worst")
        .arg(&worst));
    assert!(stdout.contains("the pretrained model"), "{stdout}");
    let sheet = image::open(&worst).unwrap();
    // Two rows of six faces.
    assert!(sheet.width() > 6 * 192 && sheet.height() > 2 * 192);
    let mae = stdout
        .lines()
        .find(|line| line.starts_with("MAE, px"))
        .unwrap();
    let mae: f64 = mae.split_whitespace().last().unwrap().parse().unwrap();
    assert!(mae < 2.0, "{mae} px on rendered faces");
    let covered = stdout
        .lines()
        .find(|line| line.contains("of 80.0 %"))
        .unwrap();
    assert!(covered.ends_with(" %)"), "{covered}");
    let report = folder.path().join("report");
    ran(program("evaluate")
        .arg("--report")
        .arg(&report)
        .arg("--calibrate")
        .arg(folder.path().join("calibrated.safetensors")));
    let page = std::fs::read_to_string(report.join("report.md")).unwrap();
    assert!(page.contains("| part | jaw line |") && page.contains("| visibility | covered |"));
    for image in ["error_curve.png", "worst.png"] {
        assert!(image::open(report.join(image)).is_ok(), "{image}");
    }
    let calibrated = folder.path().join("calibrated.safetensors");
    let calibrated = fkp_model::ModelFile::read(calibrated).unwrap().card.task;
    let [half, most, nearly_all] = calibrated.calibration.unwrap().half_widths;
    assert!(0.0 < half && half < most && most < nearly_all);
    let out = folder.path().join("out");
    ran(program("predict")
        .arg("--crop")
        .arg(faces.join("images"))
        .args(["--schema", "kaggle15", "--flip", "--refine"])
        .arg("--out")
        .arg(&out));
    let text = std::fs::read_to_string(out.join("predictions.json")).unwrap();
    let predictions: serde_json::Value = serde_json::from_str(&text).unwrap();
    let face = &predictions[0]["faces"][0];
    assert!(face["keypoints"][10]["sigma"].as_f64().unwrap() > 0.0);
    assert!(face["pose"]["yaw"].as_f64().unwrap().abs() < 90.0);
}

/// The offsets between predictions and labels, measured on one part and added on another.
#[test]
fn a_convention_shifts_predictions_to_the_labels() {
    let folder = tempfile::tempdir().unwrap();
    ran(program("render")
        .args(["--out", "faces", "--count", "40"])
        .current_dir(&folder));
    let table = folder.path().join("faces/keypoints.csv");
    // Other annotators put everything four pixels to the right.
    let shift = |(column, cell): (usize, &str)| match cell.parse::<f64>() {
        Ok(x) if column % 2 == 1 => (x + 4.0).to_string(),
        _ => cell.to_owned(),
    };
    let text = std::fs::read_to_string(&table).unwrap();
    let rows = text.lines().map(|line| {
        let cells: Vec<String> = line.split(',').enumerate().map(shift).collect();
        cells.join(",") + "\n"
    });
    std::fs::write(&table, rows.collect::<String>()).unwrap();
    let evaluate = |arguments: &[&str]| {
        let mut command = program("evaluate");
        command.args(["--data", "faces", "--schema", "kaggle15"]);
        command.args(["--boxes", "jittered", "--split"]);
        command.args(arguments).current_dir(&folder);
        command
    };
    ran(&mut evaluate(&[
        "train",
        "--measure-convention",
        "theirs.toml",
    ]));
    let file = folder.path().join("theirs.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("split `train`"), "{text}");
    let stdout = ran(&mut evaluate(&["val", "--convention", "theirs.toml"]));
    assert!(stdout.contains("convention: theirs"), "{stdout}");
    std::fs::write(&file, text.replace("nose_tip", "ear")).unwrap();
    let text = refused(&mut evaluate(&["val", "--convention", "theirs.toml"]));
    assert!(
        text.contains("theirs.toml") && text.contains("`ear`"),
        "{text}"
    );
}

/// What is no better than the mean face is said to be so, with what to do.
#[test]
fn a_useless_result_is_reported_and_learning_rates_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 1);
    let stdout = ran(train(&config, &folder.path().join("run")).args(["--lr", "1e-9"]));
    assert!(
        stdout.contains("no better than the mean face") && stdout.contains("--find-lr"),
        "{stdout}"
    );
    let stdout = ran(train(&config, &folder.path().join("lr")).arg("--find-lr"));
    assert!(
        stdout.contains("falls fastest at")
            && stdout.contains("the configured learning rate, 1.0e-3"),
        "{stdout}"
    );
    let help = ran(program("train").arg("--help"));
    assert!(
        help.contains("flip_pairs = [[") && help.contains("normalizing_pair"),
        "{help}"
    );
}

/// Keypoints of another schema have other last layers, and the rest is where the model was.
#[test]
fn a_training_starts_from_the_pretrained_model() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let mut command = program("train");
        command
            .args([
                "--data",
                "rendered:32",
                "--init",
                "pretrained",
                "--epochs",
                "1",
            ])
            .arg("--out")
            .arg(folder.path().join(name));
        ran(command.args(more))
    };
    let config = std::fs::read_to_string;
    let all = run("all", &["--schema", "ibug68"]);
    assert!(
        all.contains("weights of the pretrained model `fast`\n"),
        "{all}"
    );
    let text = config(folder.path().join("all").join("config.toml")).unwrap();
    assert!(
        text.contains("init = \"pretrained\"") && text.contains("size = 112"),
        "{text}"
    );
    let other = run("other", &["--schema", "kaggle15"]);
    assert!(
        other.contains("; at random: dense1.bias, dense1.weight\n"),
        "{other}"
    );
    let mut absent = program("train");
    absent.args(["--init", "no-such-model"]);
    let text = refused(&mut absent);
    assert!(
        text.contains("neither a file nor a pretrained model (fast"),
        "{text}"
    );
}

/// Two images of a test table, and the coordinates that a lookup table asks for.
#[test]
fn a_submission_has_the_coordinates_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let gray = vec!["128"; 96 * 96].join(" ");
    let test = format!("ImageId,Image\n1,{gray}\n2,{gray}\n");
    std::fs::write(at("test.csv"), test).unwrap();
    let lookup = "RowId,ImageId,FeatureName,Location\n1,1,nose_tip_x,\n2,2,left_eye_center_y,\n";
    let submit = |lookup: &str| {
        std::fs::write(at("lookup.csv"), lookup).unwrap();
        let mut command = program("predict");
        command.arg("--submission").arg(at("lookup.csv"));
        command.arg(at("test.csv")).arg("--out").arg(at("out"));
        command
    };
    ran(&mut submit(lookup));
    let text = std::fs::read_to_string(at("out").join("submission.csv")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "RowId,Location"));
    let location = |line: &str| line.split_once(',').unwrap().1.parse::<f32>().unwrap();
    let (nose, eye) = (location(lines[1]), location(lines[2]));
    assert!(
        (28.0..68.0).contains(&nose) && (18.0..58.0).contains(&eye),
        "{nose} {eye}"
    );
    for (row, part) in [("1,3,nose_tip_x", "`3`"), ("7,1,ear_x", "`ear_x`")] {
        let text = refused(&mut submit(&format!("RowId,ImageId,FeatureName\n{row}\n")));
        for part in ["lookup.csv", "row 2", part] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    // Without a file it is the one beside the table.
    std::fs::rename(at("lookup.csv"), at("IdLookupTable.csv")).unwrap();
    std::fs::write(at("IdLookupTable.csv"), lookup).unwrap();
    std::fs::remove_dir_all(at("out")).unwrap();
    let mut beside = program("predict");
    beside.arg(at("test.csv")).arg("--submission");
    ran(beside.arg("--out").arg(at("out")));
    assert!(at("out").join("submission.csv").is_file());
}
