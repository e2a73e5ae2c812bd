//! Tests of reading YOLO pose data sets, and of their errors.

use super::*;
use crate::{FarLabels, Format, OpenOptions, OpenedDataset, Progress, SchemaSource};
use fkp_core::{BoundingBox, Dataset, FaceBox, Schema, Visibility};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const YAML: &str = "# a comment\npath: ../datasets/faces # where it was\ntrain: images/train\n\
                    val: images/val\ntest:\n\nkpt_shape: [3, 3]\nflip_idx: [1, 0, 2]\n\n\
                    names:\n  0: face\n";

/// Two faces of three keypoints with visibility.
const LABELS: &str = "0 0.5 0.5 0.5 0.25 0.25 0.5 2 0.75 0.5 1 0.000000 0.000000 0\r\n\n\
                      0 0.5 0.5 0 0 0.1 0.2 2.000000 0.3 0.4 2 0.5 0.6 2\n";

/// A folder with these files; files of images have 40×20 pixels.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (value, (name, text)) in files.iter().enumerate() {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with(".png") && text.is_empty() {
            let image = image::GrayImage::from_pixel(40, 20, image::Luma([value as u8]));
            image.save(path).unwrap();
        } else {
            std::fs::write(path, text).unwrap();
        }
    }
    dir
}

/// A usual data set: two images with a face or two, and one without.
fn usual<'a>(yaml: &'a str, labels: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("data.yaml", yaml),
        ("images/train/a.png", ""),
        ("images/train/sub/empty.png", ""),
        ("images/train/none.png", ""),
        ("images/val/b.png", ""),
        ("labels/train/a.txt", labels),
        ("labels/train/sub/empty.txt", ""),
        (
            "labels/val/b.txt",
            "0 0.5 0.5 1 1 0.1 0.2 2 0.3 0.4 2 0 0 0",
        ),
        ("labels/train.cache", "x"),
    ]
}

fn open(path: &Path) -> Result<OpenedDataset, DataError> {
    crate::open(path, &OpenOptions::default())
}

fn open_files(files: &[(&str, &str)]) -> Result<OpenedDataset, DataError> {
    open(folder(files).path())
}

#[track_caller]
fn assert_message(files: &[(&str, &str)], parts: &[&str]) {
    let message = open_files(files).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn labels_are_fractions_from_the_outer_edge_of_the_image() {
    let dir = folder(&usual(YAML, LABELS));
    for path in [dir.path().to_owned(), dir.path().join("data.yaml")] {
        let opened = open(&path).unwrap();
        assert_eq!((opened.format, opened.dataset.len()), (Format::YoloPose, 3));
        assert_eq!(opened.dataset.schema().flip_pairs(), [(0, 1)]);
        let first = opened.dataset.get(0).unwrap();
        assert_eq!(first.id, "images/train/a.png");
        let [left, right, missing] = [0, 1, 2].map(|i| first.keypoints[i]);
        assert_eq!(
            (left.x, left.y, left.visibility),
            (9.5, 9.5, Visibility::Visible)
        );
        assert_eq!((right.x, right.visibility), (29.5, Visibility::Occluded));
        assert!(!missing.is_labeled());
        let bounds = BoundingBox::from_image_edges(10.0, 7.5, 20.0, 5.0);
        assert_eq!(first.face_box, Some(FaceBox::face(bounds)));
        let second = opened.dataset.get(1).unwrap();
        assert_eq!(
            (&*second.id, second.face_box),
            ("images/train/a.png face 2", None)
        );
        assert_eq!(second.keypoints.labeled().count(), 3);
        let parts = opened.train_val().unwrap();
        assert_eq!((parts.train.len(), parts.val.len()), (2, 1));
        let note = "1 images without a label file were ignored";
        assert_eq!(opened.notes, [note]);
    }
}

/// A mirror image by Ultralytics, x ↦ 1 − x in fractions, is one of this crate.
#[test]
fn the_mirror_image_of_the_file_is_that_of_the_sample() {
    let of = |x: f64| {
        let labels = format!("0 0.5 0.5 1 1 {x} 0.5 2 0.5 0.5 2 0 0 0");
        let dir = folder(&usual(YAML, &labels));
        open(dir.path()).unwrap().dataset.get(0).unwrap().keypoints[0].x
    };
    for x in [0.0, 0.2, 1.0] {
        assert!((of(x) + of(1.0 - x) - 39.0).abs() < 1e-4);
    }
}

#[test]
fn two_numbers_for_each_keypoint_have_unlabeled_ones_at_the_origin() {
    let yaml = "train: images/train\nkpt_shape: [3, 2]\nnames: [face, dog]\n";
    let labels = "1 0.5 0.5 1 1 0 0 0.5 0 -0.1 0.5\n";
    let mut files = usual(yaml, labels);
    files.retain(|(name, _)| !name.contains("val"));
    let dir = folder(&files);
    let opened = open(dir.path()).unwrap();
    assert!(opened.predefined_split.is_none());
    let keypoints = opened.dataset.get(0).unwrap().keypoints;
    assert_eq!(
        [0, 1, 2].map(|i| keypoints[i].is_labeled()),
        [false, true, false]
    );
    assert_eq!(opened.dataset.schema().name(), "keypoints3");
    assert!(!opened.dataset.schema().has_known_flip_pairs());
}

#[test]
fn names_of_keypoints_give_the_schema() {
    let names = "kpt_names:\n  0:\n    - left_eye\n    - right_eye\n    - nose\n";
    let dir = folder(&usual(&format!("{YAML}{names}"), LABELS));
    let opened = open(dir.path()).unwrap();
    let schema = opened.dataset.schema();
    assert_eq!((schema.name(), schema.keypoints().len()), ("face", 3));
    assert_eq!(schema.flip_pairs(), [(0, 1)]);
    assert_eq!(opened.schema_source, SchemaSource::Names);
    let flat = "kpt_names: [nose, chin, brow]\n";
    let opened = open_files(&usual(&format!("{YAML}{flat}"), LABELS)).unwrap();
    assert_eq!(opened.dataset.schema().flip_pairs(), [(0, 1)]);
    // Names of a built-in schema in another order.
    let mut keypoints = Schema::kaggle15().keypoints().to_vec();
    keypoints.reverse();
    let yaml = format!("train: images/train\nkpt_shape: [15, 2]\nkpt_names: {keypoints:?}\n");
    let points: String = (0..15).map(|i| format!(" 0.{:02} 0.5", i + 1)).collect();
    let mut files = usual(&yaml, "");
    files.retain(|(name, _)| !name.contains("val"));
    let labels = format!("0 0.5 0.5 1 1{points}");
    files[4].1 = &labels;
    let dir = folder(&files);
    let opened = open(dir.path()).unwrap();
    assert_eq!(opened.dataset.schema(), &Schema::kaggle15());
    let x = opened.dataset.get(0).unwrap().keypoints[0].x;
    assert!((x - (0.15 * 40.0 - 0.5)).abs() < 1e-4, "{x}");
}

#[test]
fn the_exports_of_roboflow_and_lists_of_images_are_read() {
    let yaml = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\
                nc: 1\nnames: ['face']\nkpt_shape: [1, 3]\nflip_idx: [0]\n";
    let dir = folder(&[
        ("data.yaml", yaml),
        ("train/images/a.png", ""),
        ("train/labels/a.txt", "0 0.5 0.5 1 1 0.5 0.5 2"),
        ("valid/images/b.png", ""),
        ("valid/labels/b.txt", "0 0.5 0.5 1 1 0.5 0.5 2"),
    ]);
    let opened = open(dir.path()).unwrap();
    assert!(
        opened.notes[0].contains("`test` were not read"),
        "{:?}",
        opened.notes
    );
    assert!(opened.dataset.schema().has_known_flip_pairs());
    assert_eq!(opened.train_val().unwrap().val.len(), 1);
    let yaml = "train: [a.txt, more/images]\nval: b.txt\nkpt_shape: [1, 3]\n";
    let files = [
        ("set.yaml", yaml),
        ("a.txt", "./images/train/a.png\r\n\n"),
        ("b.txt", "images/val/b.png"),
        ("images/train/a.png", ""),
        ("images/val/b.png", ""),
        ("more/images/c.png", ""),
        ("labels/train/a.txt", "0 0.5 0.5 1 1 0.5 0.5 2"),
        ("labels/val/b.txt", "0 0.5 0.5 1 1 0.5 0.5 2"),
        ("more/labels/c.txt", "0 0.5 0.5 1 1 0.5 0.5 2"),
        ("more/labels/classes.txt", "face\n"),
    ];
    let parts = open_files(&files)
        .unwrap()
        .predefined_split
        .unwrap()
        .indices;
    assert_eq!((parts.train.len(), parts.val.len()), (2, 1));
    let mut missing = files;
    missing[2].1 = "\nimages/val/z.png";
    assert_message(&missing, &["b.txt`, row 2", "does not exist", "z.png"]);
}

#[test]
fn without_data_yaml_the_number_of_keypoints_must_be_unambiguous() {
    let with = |labels: &str| {
        let dir = folder(&usual("", labels));
        std::fs::remove_file(dir.path().join("data.yaml")).unwrap();
        std::fs::remove_file(dir.path().join("labels/val/b.txt")).unwrap();
        std::fs::remove_file(dir.path().join("images/val/b.png")).unwrap();
        std::fs::remove_dir(dir.path().join("images/val")).unwrap();
        dir
    };
    let lines = |keypoints: &str| format!("0 0.5 0.5 1 1 {keypoints}\n").repeat(2);
    for (keypoints, count) in [
        ("0.1 0.2 2 0.3 0.4 1 0.5 0.6 0", 3),
        ("0.1 0.2 0.3 0.4", 2),
        ("0.1 0.2 2 0.3 0.4 1", 2),
        ("0.1 0.2 0.3 0.4 0.5 0.6", 3),
    ] {
        let opened = open(with(&lines(keypoints)).path()).unwrap();
        assert_eq!(opened.format, Format::YoloPose);
        assert_eq!(opened.dataset.schema().len(), count, "{keypoints}");
    }
    let message_of = |labels: &str| open(with(labels).path()).unwrap_err().to_string();
    // The third and the sixth number are 0: coordinates, or visibilities.
    let both = lines("0.1 0.2 0 0.3 0.4 0");
    let message = message_of(&both);
    for part in [
        "a.txt`, row 1",
        "11 words",
        "3 keypoints",
        "of 2",
        "data.yaml",
        "kpt_shape",
    ] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    let options = OpenOptions {
        schema: Some(Schema::numbered("two", 3).unwrap()),
        ..OpenOptions::default()
    };
    assert_eq!(
        crate::open(with(&both).path(), &options)
            .unwrap()
            .dataset
            .len(),
        2
    );
    let message = message_of(&(lines("0.1 0.2 0.3 0.4") + "0 0.5 0.5 1 1 0.1 0.2\n"));
    for part in ["a.txt`, row 3", "7 words", "9 as in", "row 1", "kpt_shape"] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    let message = message_of(&lines("0.1 0.2 0.3 0.4 0.5"));
    assert!(
        message.contains("10 words") && message.contains("2 or 3"),
        "{message}"
    );
    // Boxes alone are no pose data set.
    let error = open(with(&lines("")).path()).unwrap_err();
    assert!(matches!(error, DataError::UnknownFormat { .. }), "{error}");
}

#[test]
fn errors_in_labels_name_row_and_number() {
    let replaced = |from: &str, to: &str| LABELS.replacen(from, to, 1);
    for (labels, parts) in [
        (
            replaced("0.3 0.4 2 0.5", "0.4 2 0.5"),
            &["row 3", "13 words", "14 numbers", "[3, 3]"][..],
        ),
        (replaced("0.3 0.4", "0.3 x"), &["row 3", "number 10", "`x`"]),
        (
            replaced("0.3 0.4", "0.3 nan"),
            &["row 3", "number 10", "`nan`"],
        ),
        (
            replaced("0.3 0.4", "7.5 0.4"),
            &["row 3", "number 9", "`7.5`", "40×20"],
        ),
        (
            replaced("0.3 0.4 2", "0.3 0.4 3"),
            &["row 3", "keypoint 1", "visibility 3"],
        ),
        (
            replaced("\n0 0.5", "\n1 0.5"),
            &["row 3", "the class", "class 1"],
        ),
        (
            replaced("\n0 0.5", "\n0.5 0.5"),
            &["row 3", "the class", "an integer"],
        ),
        (
            replaced("\n0 0.5", "\n-1 0.5"),
            &["row 3", "the class", "`-1`"],
        ),
        ("0 1e999".to_owned(), &["row 1", "number 2", "finite"]),
        (LABELS[..LABELS.len() / 2].to_owned(), &["words"]),
    ] {
        let parts = [&["labels/train/a.txt"], parts].concat();
        assert_message(&usual(YAML, &labels), &parts);
    }
    let dir = folder(&usual(YAML, &replaced("0.3 0.4", "7.5 0.4")));
    let options = OpenOptions {
        far_labels: FarLabels::Unlabel,
        ..OpenOptions::default()
    };
    let opened = crate::open(dir.path(), &options).unwrap();
    assert!(!opened.dataset.get(1).unwrap().keypoints[1].is_labeled());
    let mut alone = usual(YAML, LABELS);
    alone.push(("labels/train/alone.txt", LABELS));
    assert_message(&alone, &["alone.txt`, row 1", "does not exist", "alone"]);
    let mut corrupt = usual(YAML, LABELS);
    corrupt[1].1 = "no image";
    assert_message(&corrupt, &["a.png", "cannot be decoded"]);
    let mut none = usual(YAML, "");
    none[7].1 = "";
    assert_message(&none, &["no samples"]);
}

#[test]
fn errors_in_data_yaml_name_row_and_key() {
    for (from, to, parts) in [
        ("[3, 3]", "[3, 4]", &["row 7", "`kpt_shape`", "2 or 3"][..]),
        ("[3, 3]", "[0, 3]", &["row 7", "`kpt_shape`", "from 1"]),
        (
            "[3, 3]",
            "[99999999999, 3]",
            &["row 7", "`kpt_shape`", "2048"],
        ),
        ("[3, 3]", "three", &["row 7", "`kpt_shape`", "`three`"]),
        (
            "[1, 0, 2]",
            "[1, 0]",
            &["row 8", "`flip_idx`", "2 keypoints, not 3"],
        ),
        (
            "[1, 0, 2]",
            "[1, 2, 0]",
            &["row 8", "`flip_idx`", "mirror partner"],
        ),
        (
            "[1, 0, 2]",
            "[1, 0, 9]",
            &["row 8", "`flip_idx`", "mirror partner"],
        ),
        (
            "images/val",
            "images/z",
            &["row 4", "`val`", "`images/z`", "searched"],
        ),
        ("train: images/train", "x: y", &["images/z", "`val`"]),
        (
            "names:\n",
            "kpt_names: [a, b]\nnames:\n",
            &["row 10", "2 keypoints, not 3"],
        ),
        (
            "names:\n",
            "kpt_names: {0: [a, b, c], 1: [a, b, d]}\nnames:\n",
            &["row 10", "differ"],
        ),
        (
            "names:\n",
            "kpt_names: 7\nnames:\n",
            &["row 10", "`kpt_names`", "`7`"],
        ),
        (
            "[1, 0, 2]\n",
            "[1, 0, 2]\nkpt_names: [left_a, b, right_a]\n",
            &["`flip_idx`", "other pairs"],
        ),
        ("  0: face", "  7: face", &["`names`", "numbers from 0"]),
        ("test:", "test: [", &["row 7", "invalid indentation"]),
    ] {
        let yaml = YAML.replacen(from, to, 1);
        let yaml = match to {
            "x: y" => yaml.replace("images/val", "images/z"),
            _ => yaml,
        };
        let parts = [&["data.yaml"], parts].concat();
        assert_message(&usual(&yaml, LABELS), &parts);
    }
    let without = YAML.replace("kpt_shape", "shape");
    let dir = folder(&usual(&without, LABELS));
    let options = OpenOptions {
        format: Some(Format::YoloPose),
        ..OpenOptions::default()
    };
    let file = dir.path().join("data.yaml");
    let message = crate::open(&file, &options).unwrap_err().to_string();
    assert!(
        message.contains("`kpt_shape`") && message.contains("boxes"),
        "{message}"
    );
}

#[test]
fn the_same_folder_for_both_parts_is_no_split_and_progress_is_reported() {
    let dir = folder(&usual(&YAML.replace("images/val", "images/train"), LABELS));
    let (count, total) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (counted, last) = (count.clone(), total.clone());
    let options = OpenOptions {
        progress: Progress::new(move |report| {
            assert_eq!(report.unit, "files");
            counted.fetch_add(1, Ordering::Relaxed);
            last.store(report.total, Ordering::Relaxed);
        }),
        ..OpenOptions::default()
    };
    let opened = crate::open(dir.path(), &options).unwrap();
    assert!(opened.predefined_split.is_none() && opened.dataset.len() == 2);
    assert_eq!(
        (count.load(Ordering::Relaxed), total.load(Ordering::Relaxed)),
        (2, 2)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn arbitrary_texts_never_panic(
        labels in "[0-9. \n-]{0,60}", yaml in "[a-z0-9:\\[\\], \n-]{0,20}", position in 0usize..200,
    ) {
        let _ = open_files(&usual(YAML, &labels));
        let mut text = YAML.to_owned();
        text.insert_str(position % text.len(), &yaml);
        let _ = open_files(&usual(&text, LABELS));
        let _ = open_files(&usual(YAML, LABELS)[1..]);
    }
}
