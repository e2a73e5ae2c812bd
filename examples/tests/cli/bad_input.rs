//! Bad arguments and bad data are refused with a message that names them.

use crate::support::{program, ran, refused, tiny_config, train};
use image::{GrayImage, Luma};
use std::path::{Path, PathBuf};

#[test]
fn invalid_arguments_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 1);
    let out = folder.path().join("run");
    let refuse = |arguments: &[&str]| refused(train(&config, &out).args(arguments));
    assert!(refuse(&["--lr", "nan"]).contains("train.learning_rate"));
    assert!(refuse(&["--lr", "-1"]).contains("train.learning_rate"));
    assert!(refuse(&["--batch-size", "0"]).contains("train.batch_size"));
    assert!(refuse(&["--epochs", "0"]).contains("train.epochs"));
    assert!(refuse(&["--threads", "0"]).contains("--threads"));
    assert!(refuse(&["--schema", "aflw21"]).contains("aflw21"));
    assert!(refuse(&["--format", "coco"]).contains("coco"));
    assert!(refuse(&["--data", "no/such/place"]).contains("no/such/place"));
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
    let stdout = ran(train(&config, &out)
        .arg("--data")
        .arg(&set)
        .arg("--list-far-labels"));
    assert!(stdout.contains("9999"), "{stdout}");
    for word in [
        "format: image-csv",
        "schema: ",
        "flip pairs: ",
        "train: ",
        "selection",
        "mapped onto: kaggle15",
        "left_eye_center",
    ] {
        assert!(stdout.contains(word), "`{word}` is missing: {stdout}");
    }
}
