//! Tests of reading LabelMe files, and of their errors.

use super::*;
use crate::FarLabels;
use crate::messages::assert_message;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fkp_core::{Dataset, Keypoint, Schema, Visibility};
use proptest::prelude::*;
use tempfile::TempDir;

/// A shape as the tool writes it.
fn shape(label: &str, points: &str, group: &str, kind: &str) -> String {
    format!(
        r#"{{"label": "{label}", "points": {points}, "group_id": {group}, "description": "", "shape_type": "{kind}", "flags": {{}}, "mask": null}}"#
    )
}

fn point(label: &str, x: f64, y: f64, group: &str) -> String {
    shape(label, &format!("[[{x}, {y}]]"), group, "point")
}

/// A file as the tool writes it, with a shape a line from line 5 on, for an image of 40×30 pixels.
fn json(shapes: &[String], image_path: &str, image_data: &str) -> String {
    format!(
        "{{\n\"version\": \"5.5.0\",\n\"flags\": {{\"blurred\": true, \"dark\": false}},\n\
         \"shapes\": [\n{}\n],\n\"imagePath\": \"{image_path}\",\n\"imageData\": {image_data},\n\
         \"imageHeight\": 30,\n\"imageWidth\": 40\n}}",
        shapes.join(",\n")
    )
}

fn face() -> Vec<String> {
    vec![
        point("nose", 10.5, 20.5, "null"),
        point("left_eye", 14.0, 12.0, "null"),
        point("right_eye", 6.0, 12.0, "null"),
    ]
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::GrayImage::from_pixel(width, height, image::Luma([9]));
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A folder with these files; each image is 40×30.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match has_extension(name, "png") {
            true => std::fs::write(path, png(40, 30)).unwrap(),
            false => std::fs::write(path, text).unwrap(),
        }
    }
    dir
}

fn open(files: &[(&str, &str)]) -> Result<AnnotatedSet, DataError> {
    read(folder(files).path(), &ReadOptions::default())
}

/// A data set of one file for the image `a.png`.
fn open_shapes(shapes: &[String]) -> Result<AnnotatedSet, DataError> {
    let text = json(shapes, "a.png", "null");
    open(&[("a.png", ""), ("a.json", &text)])
}

#[test]
fn keypoints_boxes_flags_and_schema_are_read() {
    let occluded = point("right_eye", 6.0, 12.0, "null").replace(
        "\"flags\": {}",
        "\"flags\": {\"occluded\": true, \"other\": 1}",
    );
    let shapes = [
        point("nose", 10.5, 20.5, "null"),
        occluded,
        point("left_eye", 14.0, 12.0, "null"),
        shape("face", "[[20, 25], [2, 4]]", "null", "rectangle"),
        shape("hair", "[[1, 1], [2, 2], [3, 1]]", "null", "polygon"),
    ];
    let text = json(&shapes, "a.png", "null");
    let dir = folder(&[("a.png", ""), ("a.json", &text)]);
    let set = read(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(set.schema().keypoints(), ["nose", "right_eye", "left_eye"]);
    assert_eq!(set.schema().flip_pairs(), [(2, 1)]);
    let sample = set.get(0).unwrap();
    assert_eq!(
        (sample.id.as_str(), sample.image.size()),
        ("a.png", (40, 30))
    );
    assert_eq!(sample.keypoints[0], Keypoint::new(10.0, 20.0));
    assert_eq!(sample.keypoints[1].visibility, Visibility::Occluded);
    let bounds = sample.face_box.unwrap().bounds;
    assert_eq!(bounds.to_image_edges(), [2.0, 4.0, 18.0, 21.0]);
    assert_eq!(sample.attributes, ["blurred"]);
    assert!(
        set.notes[0].starts_with("1 shapes that are neither"),
        "{:?}",
        set.notes
    );
    // The file alone is the same data set.
    let alone = read(&dir.path().join("a.json"), &ReadOptions::default()).unwrap();
    assert_eq!(alone.get(0).unwrap(), sample);
}

#[test]
fn a_group_is_a_face_and_a_missing_label_unlabeled() {
    let shapes = [
        point("nose", 10.5, 20.5, "1"),
        point("mouth", 14.0, 12.0, "1"),
        shape(
            "face",
            "[[2, 4], [20, 4], [20, 25], [2, 25]]",
            "2",
            "rectangle",
        ),
        point("nose", 30.5, 20.5, "2"),
        point("nose", 5.5, 5.5, "\"other\""),
        shape("stray", "[[2, 4], [20, 25]]", "7", "rectangle"),
        point("mouth", 5.5, 5.5, "null"),
    ];
    let set = open_shapes(&shapes).unwrap();
    let ids: Vec<_> = set.images.iter().map(|image| image.id.as_str()).collect();
    assert_eq!(
        ids,
        ["a.png", "a.png face 2", "a.png face 3", "a.png face 4"]
    );
    assert_eq!(set.images[1].keypoints[0], Keypoint::new(30.0, 20.0));
    assert!(!set.images[1].keypoints[1].is_labeled());
    assert!(set.images[1].face_box.is_some() && set.images[0].face_box.is_none());
    assert!(
        set.notes[0].starts_with("1 rectangles were ignored"),
        "{:?}",
        set.notes
    );
    // Two rectangles in a group: which of them is the face is unknown.
    let two = [
        face(),
        vec![shape("a", "[[2, 4], [3, 9]]", "null", "rectangle"); 2],
    ]
    .concat();
    let set = open_shapes(&two).unwrap();
    assert_eq!(set.images[0].face_box, None);
    assert!(set.notes[0].starts_with("2 rectangles"), "{:?}", set.notes);
}

#[test]
fn files_one_level_down_and_other_json_files_are_handled() {
    let text = json(&face(), "..\\\\images\\\\a.png", "null");
    let elsewhere = json(&face(), "C:\\\\data\\\\b.png", "null");
    let old = elsewhere.replace(", \"shape_type\": \"point\"", "");
    let blank = json(&[], "c.png", "null");
    let files = [
        ("images/a.png", ""),
        ("train/b.png", ""),
        ("train/a.json", text.as_str()),
        ("train/b.json", &elsewhere),
        ("val/b.png", ""),
        ("val/b.json", &old),
        ("val/c.json", &blank),
        ("settings.json", "{\"images\": 1}"),
        ("deep/er/x.json", "?"),
    ];
    let set = open(&files).unwrap();
    let ids: Vec<_> = set.images.iter().map(|image| image.id.as_str()).collect();
    assert_eq!(ids, ["train/a.png", "train/b.png", "val/b.png"]);
    let split = set.predefined_split.unwrap();
    assert_eq!(
        (split.indices.train, split.indices.val),
        (vec![0, 1], vec![2])
    );
    for (note, part) in set
        .notes
        .iter()
        .zip(["1 other .json", "1 files without a shape"])
    {
        assert!(note.starts_with(part), "{note}");
    }
}

#[test]
fn an_embedded_image_is_used_if_the_file_is_missing_or_of_another_size() {
    let data = format!("\"{}\"", STANDARD.encode(png(40, 30)));
    let text = json(&face(), "missing.png", &data);
    let set = open(&[("a.json", &text)]).unwrap();
    let sample = set.get(0).unwrap();
    assert_eq!(
        (sample.id.as_str(), sample.image.size()),
        ("missing.png", (40, 30))
    );
    // The image file is 40×30, the annotation and the embedded image are upright.
    let data = format!("\"{}\"", STANDARD.encode(png(30, 40)));
    let turned = |data: &str| {
        let text = json(&face(), "a.png", data);
        let text = text.replace("Height\": 30", "Height\": 40");
        open(&[
            ("a.png", ""),
            ("a.json", &text.replace("Width\": 40", "Width\": 30")),
        ])
    };
    let sample = turned(&data).unwrap().get(0).unwrap();
    assert_eq!(sample.image.size(), (30, 40));
    assert_message(
        turned("null"),
        &["a.json", "`imagePath`", "40 × 30", "30 × 40"],
    );
    for data in ["null", "\"\""] {
        let text = json(&face(), "missing.png", data);
        let parts = ["a.json", "imagePath", "missing.png", "does not exist"];
        assert_message(open(&[("a.json", &text)]), &parts);
    }
    let text = json(&face(), "missing.png", "\"no base64!\"");
    assert_message(open(&[("a.json", &text)]), &["`imageData`", "base64"]);
}

#[test]
fn the_labels_of_a_given_schema_are_names_or_numbers() {
    let with = |shapes: &[String], schema: &Schema| {
        let text = json(shapes, "a.png", "null");
        let dir = folder(&[("a.png", ""), ("a.json", &text)]);
        let options = ReadOptions {
            schema: Some(schema.clone()),
            ..ReadOptions::default()
        };
        read(dir.path(), &options)
    };
    let nose = [point("nose_tip", 10.5, 20.5, "null")];
    let set = with(&nose, &Schema::kaggle15()).unwrap();
    assert_eq!(set.schema(), &Schema::kaggle15());
    assert_eq!(set.images[0].keypoints[10], Keypoint::new(10.0, 20.0));
    let parts = ["a.json", "row 5", "`shapes[0]`", "`nose_tip`", "`aflw99`"];
    let other = Schema::numbered("aflw99", 99).unwrap();
    assert_message(with(&nose, &other), &parts);
    let numbers = |numbers: &[&str]| -> Vec<String> {
        numbers
            .iter()
            .map(|n| point(n, 10.5, 20.5, "null"))
            .collect()
    };
    let index = |labels: &[&str]| {
        let set = with(&numbers(labels), &Schema::kaggle15())?;
        let keypoints = set.images[0].keypoints.clone();
        Ok((0..15)
            .filter(|i| keypoints[*i].is_labeled())
            .collect::<Vec<_>>())
    };
    assert_eq!(index(&["0", "3"]).unwrap(), [0, 3]);
    assert_eq!(index(&["15", "3"]).unwrap(), [2, 14]);
    let error: DataError = index(&["2", "3"]).unwrap_err();
    assert!(error.to_string().contains("`2`"), "{error}");
}

#[test]
fn a_rare_label_is_noted() {
    let mut files: Vec<(String, String)> = vec![("a.png".to_owned(), String::new())];
    for number in 0..30 {
        let mut shapes = face();
        if number == 7 {
            shapes[0] = point("nsoe", 1.0, 1.0, "null");
        }
        let name = format!("{number}.json");
        files.push((name, json(&shapes, "a.png", "null")));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let set = open(&files).unwrap();
    assert!(set.notes[0].contains("`nsoe` (1)"), "{:?}", set.notes);
}

#[test]
fn errors_name_row_and_shape() {
    let with = |index: usize, shape: String| {
        let mut shapes = face();
        shapes[index] = shape;
        open_shapes(&shapes)
    };
    let second = point("left_eye", 14.0, 12.0, "null");
    for (from, to, parts) in [
        (
            "left_eye",
            "nose",
            &[
                "shapes[1]",
                "`nose` occurs twice",
                "`shapes[0]`",
                "group_id",
            ][..],
        ),
        (
            "[[14, 12]]",
            "[[14, 12], [1, 1]]",
            &["shapes[1]", "points", "found 2"],
        ),
        ("[[14, 12]]", "[]", &["shapes[1]", "found 0"]),
        ("[[14, 12]]", "[[14]]", &["shapes[1]", "invalid length 1"]),
        ("[[14, 12]]", "[[14, 1e9]]", &["shapes[1]", "1000000000"]),
        ("[[14, 12]]", "[[14, null]]", &["shapes[1]", "null"]),
        ("\"left_eye\"", "3", &["shapes[1]", "string"]),
        ("\"label\"", "\"name\"", &["shapes[1]", "`label`"]),
        (
            "\"point\"",
            "\"rectangle\"",
            &["shapes[1]", "corners", "found 1"],
        ),
        (
            "[[14, 12]]",
            "[[14, 120]]",
            &["shapes[1]", "`120`", "farther"],
        ),
    ] {
        let parts = [&["a.json", "row 6"], parts].concat();
        assert_message(with(1, second.replacen(from, to, 1)), &parts);
    }
    assert_message(with(1, second.replace("14", "NaN")), &["a.json", "row 6"]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let grouped = point("left_eye", 14.0, 12.0, &deep);
    assert_message(with(1, grouped), &["a.json", "row 6", "recursion"]);
    for (text, parts) in [
        ("", &["empty"][..]),
        ("{\"shapes\": [\n}", &["row 2", "character"]),
        ("{\"shapes\": []}", &["missing field `imagePath`"]),
        ("{\"imagePath\": \"a\"}", &["missing field `shapes`"]),
        (
            "{\"shapes\": [], \"imagePath\": \"a.png\"}",
            &["no samples"],
        ),
        (
            "{\"shapes\": 1, \"imagePath\": \"a.png\"}",
            &["row 1", "sequence"],
        ),
        ("{\"shapes\": [], \"shapes\": []}", &["duplicate field"]),
        ("{}", &["no samples"]),
    ] {
        assert_message(open(&[("a.json", text)]), parts);
    }
    assert_message(open(&[("a.txt", "")]), &["not a labelme data set"]);
}

#[test]
fn a_far_label_is_refused_or_treated_as_unlabeled() {
    let mut shapes = face();
    shapes[2] = point("right_eye", 800.0, 12.0, "null");
    let text = json(&shapes, "a.png", "null");
    let dir = folder(&[("a.png", ""), ("a.json", &text)]);
    let options = ReadOptions {
        far_labels: FarLabels::Unlabel,
        ..ReadOptions::default()
    };
    let set = read(dir.path(), &options).unwrap();
    assert!(!set.images[0].keypoints[2].is_labeled());
    assert!(set.notes[0].contains("`800`"), "{:?}", set.notes);
}

#[test]
fn labels_that_all_differ_take_no_memory_of_the_square_of_their_number() {
    let shapes = (0..12_000).map(|i| point(&format!("p{i}"), 1.0, 1.0, &i.to_string()));
    let parts = ["144000000 keypoints", "more than the limit"];
    assert_message(open_shapes(&shapes.collect::<Vec<_>>()), &parts);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn changed_files_never_panic(
        position in 0usize..1200, byte in any::<u8>(), end in 0usize..1200,
        inserted in r#"[{}\[\]":,0-9a-z.-]{0,9}"#,
    ) {
        let mut bytes = json(&face(), "a.png", "\"AAAA\"").into_bytes();
        let position = position % bytes.len();
        bytes[position] = byte;
        let parse = |bytes: &[u8]| {
            let _ = LabelMeFile::parse(Path::new("a.json"), bytes);
        };
        parse(&bytes);
        parse(&bytes[..end % bytes.len()]);
        bytes.splice(position..position, inserted.bytes());
        parse(&bytes);
    }
}
