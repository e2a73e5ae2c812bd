//! Tests of reading COCO keypoints, and of its errors.

use super::*;
use fkp_core::{Dataset, Schema};
use proptest::prelude::*;

const CATEGORY: &str = concat!(
    r#"{"id": 1, "name": "pet", "keypoints": ["nose", "left_ear", "right_ear"], "#,
    r#""skeleton": [[1, 2], [1, 3], [0, 9]]}"#
);
const ANNOTATION: &str = concat!(
    r#"{"id": 5, "image_id": 7, "category_id": 1, "#,
    r#""keypoints": [1, 2, 2, 3.5, 4, 1, 0, 0, 0], "bbox": [0, 0, 8, 6]}"#
);

/// A file with one entry a line: categories on line 2, the image on 4, annotations from 6.
fn json(category: &str, image: &str, annotations: &[&str]) -> String {
    let annotations = annotations.join(",\n");
    format!(
        "{{\"categories\": [\n{category}\n],\n\"images\": [{image}],\n\
         \"annotations\": [\n{annotations}\n]}}"
    )
}

fn valid(annotations: &[&str]) -> String {
    json(CATEGORY, r#"{"id": 7, "file_name": "a.png"}"#, annotations)
}

fn parse(text: &str) -> Result<AnnotatedSet, DataError> {
    parse_as(text, None)
}

/// Parses a file whose only image is `a.png`.
fn parse_as(text: &str, schema: Option<&Schema>) -> Result<AnnotatedSet, DataError> {
    parse_with(
        text,
        &ReadOptions {
            schema: schema.cloned(),
            ..ReadOptions::default()
        },
    )
}

fn parse_with(text: &str, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let find = |name: &str| match name {
        "a.png" => Ok(PathBuf::from("images/a.png")),
        _ => find_image(Path::new("nowhere"), name),
    };
    super::parse(Path::new("a.json"), text.as_bytes(), options, find)
}

#[track_caller]
fn assert_message(text: &str, parts: &[&str]) {
    let message = parse(text).unwrap_err().to_string();
    for part in ["a.json"].iter().chain(parts) {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn keypoints_visibility_box_and_schema_are_read() {
    let set = parse(&valid(&[ANNOTATION])).unwrap();
    assert_eq!(set.schema().name(), "pet");
    assert_eq!(set.schema().flip_pairs(), [(1, 2)]);
    assert_eq!(set.schema().skeleton(), [(0, 1), (0, 2)]);
    let image = &set.images[0];
    assert_eq!(image.id, "a.png");
    assert_eq!(image.keypoints[0], Keypoint::new(1.0, 2.0));
    assert_eq!(image.keypoints[1].visibility, Visibility::Occluded);
    assert_eq!(image.keypoints[1].x, 3.5);
    assert!(!image.keypoints[2].is_labeled());
    let whole = image.face_box.unwrap().bounds;
    assert_eq!(
        (whole.x, whole.y, whole.width, whole.height),
        (-0.5, -0.5, 8.0, 6.0)
    );
}

#[test]
fn each_labeled_annotation_is_a_sample_and_a_note_counts_the_others() {
    let blank = ANNOTATION.replace("1, 2, 2, 3.5, 4, 1", "0, 0, 0, 0, 0, 0");
    let boxed = r#"{"id": 6, "image_id": 7, "category_id": 1, "bbox": [0, 0, 1, 1]}"#;
    let set = parse(&valid(&[ANNOTATION, &blank, boxed, ANNOTATION])).unwrap();
    let ids: Vec<_> = set.images.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["a.png", "a.png face 2"]);
    assert!(set.notes[0].starts_with("2 annotations"), "{:?}", set.notes);
}

#[test]
fn an_invalid_box_is_not_an_error() {
    for bbox in [
        "null",
        "[]",
        "[0, 0, 8]",
        "[0, 0, 0, 6]",
        "\"x\"",
        "[null, 0, 1, 1]",
    ] {
        let annotation = ANNOTATION.replace("[0, 0, 8, 6]", bbox);
        let set = parse(&valid(&[&annotation])).unwrap();
        assert_eq!(set.images[0].face_box, None, "{bbox}");
    }
}

#[test]
fn a_built_in_or_given_schema_is_matched_by_name() {
    let names: Vec<_> = Schema::aflw21().keypoints().iter().rev().cloned().collect();
    let category = format!(r#"{{"id": 1, "keypoints": {names:?}}}"#);
    let numbers: Vec<_> = (0..63).map(|i| if i % 3 == 2 { 2 } else { i }).collect();
    let annotation = format!(r#"{{"image_id": 7, "keypoints": {numbers:?}}}"#);
    let text = json(
        &category,
        r#"{"id": 7, "file_name": "a.png"}"#,
        &[&annotation],
    );
    let set = parse(&text).unwrap();
    assert_eq!(set.schema(), &Schema::aflw21());
    assert_eq!(set.images[0].keypoints[20], Keypoint::new(0.0, 1.0));
    let error = parse_as(&text, Some(&Schema::kaggle15())).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("21 keypoints, schema `kaggle15`"),
        "{error}"
    );
    let three = Schema::numbered("three", 3).unwrap();
    let error = parse_as(&valid(&[ANNOTATION]), Some(&three)).unwrap_err();
    assert!(
        error.to_string().contains("categories[0].keypoints"),
        "{error}"
    );
    let unnamed = valid(&[ANNOTATION]).replace("\"keypoints\": [\"nose\"", "\"x\": [\"nose\"");
    assert_eq!(parse_as(&unnamed, Some(&three)).unwrap().schema(), &three);
}

#[test]
fn errors_name_row_and_field() {
    assert_message("", &["row 1", "EOF"]);
    assert_message(
        "{\"images\": [],\n\"annotations\": [}",
        &["row 2", "character"],
    );
    assert_message("{\"images\": []}", &["row 1", "`annotations`"]);
    assert_message("[1, 2]", &["row 1"]);
    assert_message(&valid(&[]), &["no samples"]);
    let replaced = |from: &str, to: &str| valid(&[ANNOTATION, &ANNOTATION.replace(from, to)]);
    for (from, to, parts) in [
        (
            "\"image_id\": 7",
            "\"image_id\": 8",
            &["annotations[1].image_id", "image 8"][..],
        ),
        ("\"image_id\": 7,", "", &["annotations[1]", "`image_id`"]),
        (
            "category_id\": 1",
            "category_id\": 4",
            &["annotations[1].category_id", "category 4"],
        ),
        (
            "1, 2, 2, ",
            "1, 2, ",
            &["annotations[1].keypoints", "8 numbers", "need 9"],
        ),
        ("0, 0, 0]", "0, 0, 0, 1, 1, 2]", &["12 numbers", "need 9"]),
        ("3.5, 4, 1", "3.5, 4, 3", &["keypoint 1", "visibility 3"]),
        (
            "3.5, 4, 1",
            "3.5, 4e8, 1",
            &["annotations[1].keypoints", "400000000"],
        ),
        ("3.5", "\"3.5\"", &["annotations[1]", "string"]),
        ("3.5", "null", &["annotations[1]", "null"]),
    ] {
        assert_message(&replaced(from, to), &[&["row 7"], parts].concat());
    }
    assert_message(&replaced("3.5", "1e999"), &["row 7", "out of range"]);
    assert_message(&replaced("3.5", "NaN"), &["row 7"]);
    let image = r#"{"id": 7, "file_name": "b.png"}"#;
    let parts = ["row 4", "images[0].file_name", "does not exist", "b.png"];
    assert_message(&json(CATEGORY, image, &[ANNOTATION]), &parts);
    let images = format!("{image},\n{image}");
    let parts = ["row 5", "images[1].id", "images[0]"];
    assert_message(&json(CATEGORY, &images, &[ANNOTATION]), &parts);
    let other = format!("{CATEGORY},\n{}", CATEGORY.replace("nose", "snout"));
    let parts = ["row 3", "categories[1].keypoints", "`pet`"];
    assert_message(&json(&other, image, &[ANNOTATION]), &parts);
    let twice = CATEGORY.replace("left_ear", "nose");
    assert!(parse(&json(&twice, image, &[ANNOTATION])).is_err());
    assert_message(
        &json(r#"{"id": 1}"#, image, &[ANNOTATION]),
        &["`categories`"],
    );
}

#[test]
fn a_text_that_is_not_utf8_is_an_error() {
    let find = |_: &str| Ok(PathBuf::new());
    let bytes = b"{\n\"\xff\"}";
    let error = super::parse(Path::new("a.json"), bytes, &ReadOptions::default(), find);
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("row 2") && message.contains("UTF-8"),
        "{message}"
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        entry in r#"[{}\[\]":,0-9a-z.-]{0,30}"#, position in 0usize..400,
    ) {
        let find = |_: &str| Ok(PathBuf::new());
        let options = ReadOptions::default();
        let _ = super::parse(Path::new("a.json"), &bytes, &options, find);
        let mut text = valid(&[ANNOTATION]);
        text.insert_str(position % text.len(), &entry);
        let _ = super::parse(Path::new("a.json"), text.as_bytes(), &options, find);
    }
}
