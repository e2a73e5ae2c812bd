//! Tests of reading 300W-LP and AFLW2000-3D, and of their errors.

use super::*;
use crate::FarLabels;
use crate::mat::writer::{doubles, file};
use crate::messages::assert_message;
use fkp_core::{Dataset, Keypoint};
use tempfile::TempDir;

/// `count` keypoints (2, 1), (3, 2), … in rows and columns; −1 for number 3.
fn points(name: &str, rows: u32, columns: u32) -> Vec<u8> {
    let count = rows.max(columns);
    let number = |keypoint: u32, axis: u32| match (axis, keypoint) {
        (0 | 1, 3) if count == 21 => -1.0,
        (0, keypoint) => f64::from(keypoint) + 2.0,
        (1, keypoint) => f64::from(keypoint) + 1.0,
        _ => 1e9,
    };
    let values = (0..columns).flat_map(|column| {
        (0..rows).map(move |row| match rows > columns {
            true => number(row, column),
            false => number(column, row),
        })
    });
    doubles(name, &[rows, columns], &values.collect::<Vec<_>>())
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        if !name.contains("landmarks/") && !name.contains("alone") {
            let image = image::GrayImage::from_pixel(99, 99, image::Luma([7]));
            image.save(path.with_extension("png")).unwrap();
        }
    }
    dir
}

fn open(files: &[(&str, Vec<u8>)]) -> Result<AnnotatedSet, DataError> {
    read(folder(files).path(), &ReadOptions::default())
}

fn plain() -> Vec<u8> {
    file(&[
        doubles("Pose_Para", &[1, 7], &[0.0; 7]),
        points("pt2d", 2, 68),
    ])
}

#[test]
fn pairs_are_read_with_refined_labels_where_there_are() {
    let refined = |x: f64| {
        let values: Vec<_> = (0..136).map(|i| if i < 68 { x } else { 9.0 }).collect();
        file(&[doubles("pts_2d", &[68, 2], &values)])
    };
    let dir = folder(&[
        ("AFW/AFW_1_1_0.mat", plain()),
        ("AFW/AFW_1_1_1.mat", plain()),
        ("AFW/AFW_2_1_0.mat", plain()),
        ("AFW_Flip/AFW_1_1_0.mat", plain()),
        ("Code/alone.mat", file(&[])),
        ("landmarks/AFW/AFW_1_1_0_pts.mat", refined(5.5)),
        ("landmarks/AFW/AFW_1_1_1_pts.mat", refined(6.5)),
        ("landmarks/AFW/AFW_2_1_0_pts.mat", refined(7.5)),
    ]);
    let set = read(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(set.schema(), &Schema::ibug68());
    let sample = set.get(0).unwrap();
    assert_eq!(
        (sample.id.as_str(), sample.image.size()),
        ("AFW/AFW_1_1_0", (99, 99))
    );
    assert_eq!(sample.keypoints[67], Keypoint::new(4.5, 8.0));
    assert_eq!(set.images[3].id, "AFW_Flip/AFW_1_1_0");
    assert_eq!(set.images[3].keypoints[1], Keypoint::new(2.0, 1.0));
    let groups: Vec<_> = set
        .images
        .iter()
        .map(|image| image.group.as_deref())
        .collect();
    assert_eq!(
        groups,
        ["AFW_1_1", "AFW_1_1", "AFW_2_1", "AFW_1_1"].map(Some)
    );
    for (note, part) in set
        .notes
        .iter()
        .zip(["1 .mat files", "1 of 4 images have no file"])
    {
        assert!(note.starts_with(part), "{note}");
    }
    // One of the folders alone.
    let set = read(&dir.path().join("AFW"), &ReadOptions::default()).unwrap();
    assert_eq!(set.images[2].keypoints[0], Keypoint::new(6.5, 8.0));
    assert!(set.notes.is_empty(), "{:?}", set.notes);
}

#[test]
fn the_schema_chooses_the_variable_of_aflw2000() {
    let both = || file(&[points("pt2d", 2, 21), points("pt3d_68", 3, 68)]);
    let dir = folder(&[("image00002.mat", both()), ("image00004.mat", both())]);
    let set = read(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(set.schema(), &Schema::ibug68());
    assert_eq!(set.images[0].keypoints[3], Keypoint::new(4.0, 3.0));
    assert_eq!(set.images[0].group, None);
    let options = ReadOptions {
        schema: Some(Schema::aflw21()),
        ..ReadOptions::default()
    };
    let set = read(dir.path(), &options).unwrap();
    assert_eq!(
        (set.schema().len(), set.schema_source),
        (21, SchemaSource::Given)
    );
    assert!(!set.images[0].keypoints[3].is_labeled());
    assert_eq!(set.images[0].keypoints[4], Keypoint::new(5.0, 4.0));
    let set = open(&[("a.mat", file(&[points("pt2d", 2, 21)]))]).unwrap();
    assert_eq!(set.schema(), &Schema::aflw21());
    let options = ReadOptions {
        schema: Some(Schema::kaggle15()),
        ..ReadOptions::default()
    };
    assert_message(
        read(dir.path(), &options),
        &["68 keypoints, not 15", "`kaggle15`"],
    );
}

#[test]
fn errors_name_file_and_variable() {
    let with = |index: usize, value: f64| {
        let mut values = vec![5.0; 136];
        values[index] = value;
        open(&[("a.mat", file(&[doubles("pt2d", &[2, 68], &values)]))])
    };
    assert_message(with(0, f64::INFINITY), &["a.mat", "`pt2d`", "finite"]);
    assert_message(with(9, 1e9), &["a.mat", "`pt2d`", "limit"]);
    assert_message(
        with(9, 900.0),
        &["a.mat", "`pt2d`, keypoint 4, y", "`900`", "99×99"],
    );
    let parts = ["b.mat", "`pt2d`", "21 keypoints, not 68"];
    let files = [
        ("a.mat", plain()),
        ("b.mat", file(&[points("pt2d", 2, 21)])),
    ];
    assert_message(open(&files), &parts);
    let parts = ["a.mat", "`pt2d`", "two rows", "[68, 2]"];
    assert_message(open(&[("a.mat", file(&[points("pt2d", 68, 2)]))]), &parts);
    let other = file(&[points("pt3d", 3, 68)]);
    assert_message(open(&[("a.mat", other)]), &["`pt2d`", "missing", "pt3d"]);
    let files = [("a.mat", plain()), ("landmarks/a_pts.mat", plain())];
    assert_message(open(&files), &["a_pts.mat", "`pts_2d`", "missing"]);
    assert_message(
        open(&[("a.mat", b"text".to_vec())]),
        &["a.mat", "the header"],
    );
    assert_message(open(&[("alone.mat", plain())]), &["not a 300w-lp data set"]);
}

#[test]
fn a_far_label_is_treated_as_unlabeled() {
    let mut values = vec![5.0; 136];
    values[9] = 900.0;
    let dir = folder(&[("a.mat", file(&[doubles("pt2d", &[2, 68], &values)]))]);
    let options = ReadOptions {
        far_labels: FarLabels::Unlabel,
        ..ReadOptions::default()
    };
    let set = read(dir.path(), &options).unwrap();
    assert!(!set.images[0].keypoints[4].is_labeled());
    assert!(set.notes[0].contains("`900`"), "{:?}", set.notes);
}
