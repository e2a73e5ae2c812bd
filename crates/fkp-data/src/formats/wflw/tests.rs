//! Tests of reading WFLW's lists, and of their errors.

use super::*;
use crate::{FarLabels, Format, OpenOptions, OpenedDataset};
use fkp_core::{BoundingBox, Dataset, FaceBox, SchemaMap};
use proptest::prelude::*;
use tempfile::TempDir;

const RECTANGLE: &str = "10 20 50 70 0 1 0 1 0 1 ";

/// A line whose point i is at (i + 0.5, y).
fn line(y: f64, rectangle: &str, image: &str) -> String {
    let points: String = (0..98).map(|i| format!("{i}.500000 {y:.6} ")).collect();
    format!("{points}{rectangle}{image}\n")
}

/// A folder with these files, and images of 99×99 pixels.
fn folder(files: &[(&str, &str)], images: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let create = |name: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for (name, text) in files {
        std::fs::write(create(name), text).unwrap();
    }
    for (value, name) in images.iter().enumerate() {
        let image = image::GrayImage::from_pixel(99, 99, image::Luma([value as u8]));
        image.save(create(name)).unwrap();
    }
    dir
}

fn open(path: &Path) -> Result<OpenedDataset, DataError> {
    crate::open(path, &OpenOptions::default())
}

#[test]
fn the_published_layout_is_read_with_its_split() {
    let train = line(1.0, RECTANGLE, "37--Soccer/a.png") + &line(2.0, RECTANGLE, "b.png");
    let test = line(3.0, "5 5 5 9 0 0 0 0 0 0 ", "c.png");
    let lists = FILES.map(|file| format!("{}/{file}", FOLDERS[0]));
    let files = [(&*lists[0], &*train), (&*lists[1], &*test)];
    let images = ["37--Soccer/a.png", "b.png", "c.png"].map(|name| format!("{IMAGES}/{name}"));
    let images: Vec<_> = images.iter().map(String::as_str).collect();
    let dir = folder(&files, &images);
    let inner = dir.path().join(FOLDERS[0]);
    for path in [dir.path(), &inner, inner.parent().unwrap()] {
        let opened = open(path).unwrap();
        assert_eq!((opened.format, opened.dataset.len()), (Format::Wflw, 3));
        assert_eq!(opened.schema_source, SchemaSource::Format);
        let parts = opened.train_val().unwrap();
        assert_eq!((parts.train.len(), parts.val.len()), (2, 1));
    }
    let opened = open(&inner.join(FILES[0])).unwrap();
    assert_eq!((opened.dataset.len(), opened.predefined_split), (2, None));
    let sample = opened.dataset.get(0).unwrap();
    assert_eq!(
        (&*sample.id, sample.keypoints.len()),
        ("37--Soccer/a.png", 98)
    );
    assert_eq!(
        (sample.keypoints[97].x, sample.keypoints[97].y),
        (97.5, 1.0)
    );
    assert_eq!(sample.attributes, ["expression", "make-up", "blur"]);
    let bounds = BoundingBox {
        x: 10.0,
        y: 20.0,
        width: 40.0,
        height: 50.0,
    };
    assert_eq!(sample.face_box, Some(FaceBox::face(bounds)));
    // A rectangle without an area is none.
    let test = open(&inner.join(FILES[1])).unwrap().dataset.get(0).unwrap();
    assert_eq!((test.face_box, test.attributes.len()), (None, 0));
}

#[test]
fn a_list_without_rectangles_and_with_any_name_is_read() {
    let text = line(1.0, "", "a.png") + "\r\n" + &line(2.0, "", "a.png").replace('\n', "\r\n");
    let text = format!("\u{feff}{text}{}", line(3.0, "", "b.png"));
    let dir = folder(
        &[("faces.txt", &text), ("notes.txt", "x")],
        &["a.png", "b.png"],
    );
    for path in [dir.path().to_owned(), dir.path().join("faces.txt")] {
        let opened = open(&path).unwrap();
        let ids: Vec<_> = (0..3).map(|i| opened.dataset.get(i).unwrap().id).collect();
        assert_eq!(ids, ["a.png", "a.png face 2", "b.png"]);
        let sample = opened.dataset.get(1).unwrap();
        assert_eq!((sample.face_box, sample.attributes.len()), (None, 0));
    }
    let opened = open(dir.path()).unwrap();
    let map = SchemaMap::between(opened.dataset.schema(), &Schema::ibug68()).unwrap();
    let mapped = map.apply(&opened.dataset.get(0).unwrap().keypoints);
    // The tip of the nose.
    assert_eq!(mapped[30].x, 54.5);
    let options = OpenOptions {
        schema: Some(Schema::ibug68()),
        ..OpenOptions::default()
    };
    let message = crate::open(dir.path(), &options).unwrap_err().to_string();
    assert!(
        message.contains("98 keypoints, schema `ibug68`"),
        "{message}"
    );
}

#[test]
fn errors_name_row_and_column() {
    let message_of = |text: &str| {
        let dir = folder(&[("list.txt", text)], &["a.png"]);
        let options = OpenOptions {
            format: Some(Format::Wflw),
            ..OpenOptions::default()
        };
        let file = dir.path().join("list.txt");
        crate::open(&file, &options).unwrap_err().to_string()
    };
    let first = line(1.0, RECTANGLE, "a.png");
    let replaced = |from: &str, to: &str| format!("{first}\n{}", first.replacen(from, to, 1));
    for (text, parts) in [
        (String::new(), &["empty"][..]),
        ("\n\n".to_owned(), &["no samples"]),
        (
            replaced("3.500000 ", ""),
            &["row 3", "206 words", "197", "207"],
        ),
        (replaced("3.500000", "x"), &["row 3", ", x3:", "`x`"]),
        (replaced("1.000000", "nan"), &["row 3", ", y0:", "`nan`"]),
        (
            replaced("3.500000", "1e300"),
            &["row 3", ", x3:", "1000000"],
        ),
        (
            replaced("3.500000", "9999"),
            &["row 3", ", x3:", "`9999`", "99×99"],
        ),
        (
            replaced(" 10 20", " ten 20"),
            &["row 3", ", x_min:", "`ten`"],
        ),
        (
            replaced("0 1 a.png", "0 2 a.png"),
            &["row 3", ", blur:", "`2`"],
        ),
        (
            replaced("a.png", "b.png"),
            &["row 3", "the image file", "b.png"],
        ),
        (first[..first.len() / 2].to_owned(), &["row 1", "words"]),
    ] {
        let message = message_of(&text);
        for part in ["list.txt"].iter().chain(parts) {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    }
    let bytes = [line(1.0, "", "").trim_end().as_bytes(), b" \xff.png\n"].concat();
    let message = faces(Path::new("l.txt"), &bytes)
        .next()
        .unwrap()
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.contains("row 1") && message.contains("UTF-8"),
        "{message}"
    );
}

#[test]
fn labels_far_outside_are_unlabeled_on_request() {
    let dir = folder(
        &[(
            "list.txt",
            &line(1.0, "", "a.png").replacen("3.5", "9999.25", 1),
        )],
        &["a.png"],
    );
    let options = OpenOptions {
        far_labels: FarLabels::Unlabel,
        ..OpenOptions::default()
    };
    let opened = crate::open(dir.path(), &options).unwrap();
    assert!(
        opened.notes[0].contains("row 1, x3: `9999.25"),
        "{:?}",
        opened.notes
    );
    let sample = opened.dataset.get(0).unwrap();
    assert!(!sample.keypoints[3].is_labeled() && sample.keypoints[4].is_labeled());
}

#[test]
fn other_texts_are_not_lists() {
    let short = line(1.0, "", "a.png").replacen("3.500000 ", "", 1);
    let words = line(1.0, "", "a.png").replacen("3.500000", "x", 1);
    let no_image = line(1.0, "", "7");
    for text in [
        &short,
        &words,
        &no_image,
        "",
        "a.png\n1\n0 0 1 1\n",
        "x/1\nx/2\n",
    ] {
        let dir = folder(&[("train.txt", text)], &[]);
        for path in [dir.path().to_owned(), dir.path().join("train.txt")] {
            let error = open(&path).unwrap_err();
            let is_wflw = error.to_string().contains("words");
            assert!(!is_wflw, "{error}");
        }
    }
    let two = line(1.0, "", "a.png");
    let dir = folder(&[("a.txt", &two), ("b.txt", &two)], &["a.png"]);
    assert!(matches!(
        open(dir.path()),
        Err(DataError::UnknownFormat { .. })
    ));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        entry in "[0-9 \na.png-]{0,30}", position in 0usize..2000,
    ) {
        let path = Path::new("a.txt");
        let mut text = line(1.0, RECTANGLE, "a.png");
        text.insert_str(position % text.len(), &entry);
        for text in [&bytes[..], text.as_bytes()] {
            let _ = (is_list(text), faces(path, text).count());
        }
    }
}
