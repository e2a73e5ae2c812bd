//! Tests of reading WIDER FACE's label files, and of their errors.

use super::*;
use crate::{Format, OpenOptions, OpenedDataset};
use fkp_core::{BoundingBox, Dataset, LabeledBox, Schema};
use proptest::prelude::*;
use tempfile::TempDir;

/// An image with two boxes, one of them invalid, and an image without a face.
const TEXT: &str = "0--Parade/a.png\n2\n1 2 3 4 0 0 0 0 0 0 \n5 0 2 2 2 0 0 1 0 0 \n\
                    1--Show/b.png\n0\n0 0 0 0 0 0 0 0 0 0 \n";

/// A folder as the archives of WIDER FACE unpack, with these labels and images of 8×6 pixels.
fn folder(parts: &[(&str, &str, &[&str])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("wider_face_split")).unwrap();
    for (part, text, names) in parts {
        let file = format!("wider_face_split/wider_face_{part}_bbx_gt.txt");
        std::fs::write(dir.path().join(file), text).unwrap();
        for name in *names {
            let file = dir.path().join(format!("WIDER_{part}/images/{name}"));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let value = image::Luma([name.as_bytes()[0]]);
            image::GrayImage::from_pixel(8, 6, value)
                .save(file)
                .unwrap();
        }
    }
    dir
}

const IMAGES: &[&str] = &["0--Parade/a.png", "1--Show/b.png"];

fn open(path: &Path) -> Result<OpenedDataset, DataError> {
    crate::open(path, &OpenOptions::default())
}

#[test]
fn the_published_layout_is_read_and_an_image_may_have_no_face() {
    let dir = folder(&[("train", &TEXT.replace('\n', "\r\n"), IMAGES)]);
    let split = dir.path().join("wider_face_split");
    let file = split.join(FILES[0]);
    // With its other name, a file is detected by its content, and its images are beside it.
    let renamed = dir.path().join("WIDER_train/labels.txt");
    std::fs::copy(&file, &renamed).unwrap();
    for path in [dir.path(), &split, &file, &renamed] {
        let set = open(path).unwrap();
        assert_eq!((set.format, set.dataset.len()), (Format::WiderFace, 2));
        assert_eq!(set.dataset.schema(), &Schema::boxes());
        let first = set.dataset.get(0).unwrap();
        let expected = [
            LabeledBox::face(BoundingBox::from_image_edges(1.0, 2.0, 3.0, 4.0)),
            LabeledBox {
                bounds: BoundingBox::from_image_edges(5.0, 0.0, 2.0, 2.0),
                ignore: true,
            },
        ];
        assert_eq!(first.boxes, expected);
        assert_eq!((first.id.as_str(), first.group), (IMAGES[0], None));
        let second = set.dataset.get(1).unwrap();
        assert!(second.boxes.is_empty() && second.is_face);
        assert_eq!(set.notes.len(), 1, "{:?}", set.notes);
    }
}

#[test]
fn two_label_files_are_the_split_if_both_have_images() {
    let val = "2--Demo/c.png\n1\n0 0 2 2\n";
    let both = folder(&[("train", TEXT, IMAGES), ("val", val, &["2--Demo/c.png"])]);
    let parts = open(both.path()).unwrap().train_val().unwrap();
    assert_eq!((parts.train.len(), parts.val.len()), (2, 1));
    assert_eq!(parts.val.get(0).unwrap().id, "2--Demo/c.png");
    let one = folder(&[("train", TEXT, IMAGES), ("val", val, &[])]);
    let set = open(one.path()).unwrap();
    assert_eq!((set.dataset.len(), set.predefined_split), (2, None));
    let note = &set.notes[1];
    assert!(
        note.contains(FILES[1]) && note.contains("not read"),
        "{note}"
    );
    let none = folder(&[("val", val, &[])]);
    let message = open(none.path()).unwrap_err().to_string();
    for part in ["row 1", "does not exist", "WIDER_val/images/2--Demo/c.png"] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    let options = OpenOptions {
        schema: Some(Schema::kaggle15()),
        ..OpenOptions::default()
    };
    assert!(matches!(
        crate::open(both.path(), &options).unwrap_err(),
        DataError::SchemaMismatch { .. }
    ));
}

#[test]
fn boxes_without_an_area_and_repeated_ones_are_dropped_with_a_note() {
    let text = "0--Parade/a.png\n4\n0 0 0 2 0 0 0 0 0 0\n1 1 2 2 0 0 0 0 0 0\n\
                1 1 2 2 0 0 0 0 0 0\n3 3 2 2 0 0 0 0 0 0\n";
    let set = open(folder(&[("train", text, IMAGES)]).path()).unwrap();
    assert!(set.notes[1].starts_with("2 boxes of"), "{:?}", set.notes);
    assert!(
        set.notes[0].contains("has 2 faces, and 0"),
        "{:?}",
        set.notes
    );
}

#[test]
fn errors_name_row_and_field() {
    let assert_message = |text: &str, parts: &[&str]| {
        let error = open(folder(&[("train", text, IMAGES)]).path()).unwrap_err();
        let message = error.to_string();
        for part in [FILES[0]].iter().chain(parts) {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    };
    assert_message("", &["empty"]);
    assert_message("\n\n", &["no samples"]);
    let replaced = |from: &str, to: &str| TEXT.replacen(from, to, 1);
    for (from, to, parts) in [
        ("1 2 3 4", "1 two 3 4", ["row 3", ", y:", "`two`"]),
        ("1 2 3 4", "1 2 NaN 4", ["row 3", ", width:", "finite"]),
        ("1 2 3 4", "1 2 3 -4", ["row 3", ", height:", "`-4`"]),
        ("1 2 3 4", "1e9 2 3 4", ["row 3", ", x:", "1000000"]),
        ("1 2 3 4", "9999 2 3 4", ["row 3", ", x:", "8×6"]),
        ("1 2 3 4", "8 2 3 4", ["row 3", ", x:", "no part"]),
        ("1 2 3 4 0", "1 2 3 4", ["row 3", "the line", "invalid"]),
        (
            "5 0 2 2 2 0 0 1",
            "5 0 2 2 2 0 0 7",
            ["row 4", "`invalid`", "`7`"],
        ),
        ("\n2\n", "\n1\n", ["row 4", "the image file", "`5 0 2"]),
        ("\n2\n", "\n3\n", ["row 5", "the line", "1--Show"]),
        ("\n2\n", "\n-2\n", ["row 2", "the number of faces", "`-2`"]),
        ("\n0\n0", "\n99999999999\n0", ["row 7", "boxes", "end of"]),
        ("1--Show/b", "0--Parade/a", ["row 5", "twice", "row 1"]),
        ("1--Show/b", "1--Show/c", ["row 5", "exist", "1--Show/c"]),
        (
            "1--Show/b.png",
            "1--Show",
            ["row 5", "image file", "`1--Show`"],
        ),
    ] {
        assert_message(&replaced(from, to), &parts);
    }
    assert_message("0--Parade/a.png\n", &["row 1", "the end of the file"]);
}

#[test]
fn other_texts_are_not_label_files() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["", "a.jpg\n", "a.jpg\nb.jpg\n", "3\n1 2\n", "\u{feff}"] {
        let file = dir.path().join("train.txt");
        std::fs::write(&file, text).unwrap();
        let error = open(&file).unwrap_err();
        assert!(matches!(error, DataError::UnknownFormat { .. }), "{text:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        entry in "[0-9 \na.jpg-]{0,30}", position in 0usize..100,
    ) {
        let find = |_: &str| Ok(PathBuf::new());
        let _ = parse::parse(Path::new("a.txt"), &bytes, find);
        let mut text = TEXT.to_owned();
        text.insert_str(position % text.len(), &entry);
        let _ = parse::parse(Path::new("a.txt"), text.as_bytes(), find);
    }
}
