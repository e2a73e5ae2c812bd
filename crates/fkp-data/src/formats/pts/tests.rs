//! Tests of reading `.pts` folders, and of its errors.

use super::*;
use fkp_core::Dataset;
use proptest::prelude::*;
use tempfile::TempDir;

/// A file of this many keypoints, `x = y = number` counted from 1.
fn pts(keypoints: usize) -> String {
    let lines = (1..=keypoints).map(|i| format!("{i}.5 {i}\n"));
    let lines: String = lines.collect();
    format!("version: 1\nn_points:  {keypoints}\n{{\n{lines}}}\n")
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        if has_extension(name, "pts") && !name.contains("alone") {
            let image = image::GrayImage::from_pixel(99, 99, image::Luma([7]));
            image.save(path.with_extension("png")).unwrap();
        }
    }
    dir
}

fn open(files: &[(&str, &str)]) -> Result<AnnotatedSet, DataError> {
    read(folder(files).path(), &ReadOptions::default())
}

/// A file of the mean face of `ibug68`, 90 pixels wide, counted from 1.
fn face() -> String {
    let mean_shape = Schema::ibug68().mean_shape().to_vec();
    let lines = mean_shape
        .iter()
        .map(|[x, y]| format!("{} {}\n", 90.0 * x + 1.0, 90.0 * y + 1.0));
    format!(
        "version: 1\nn_points: 68\n{{\n{}}}\n",
        lines.collect::<String>()
    )
}

#[track_caller]
fn assert_message(files: &[(&str, &str)], parts: &[&str]) {
    let message = open(files).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn keypoints_are_counted_from_zero_and_folders_searched_at_any_depth() {
    let text = pts(68).replace('\n', "\r\n");
    let dir = folder(&[
        ("b/face_1.pts", &text),
        ("a.pts", &pts(68)),
        ("c/d/e/deep.PTS", &pts(68)),
        ("c/d/e/other.txt", "?"),
    ]);
    let set = read(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!((set.len(), set.schema().name()), (3, "keypoints68"));
    let ids: Vec<_> = set.images.iter().map(|image| image.id.as_str()).collect();
    assert_eq!(ids, ["a", "b/face_1", "c/d/e/deep"]);
    let sample = set.get(1).unwrap();
    assert_eq!(sample.image.size(), (99, 99));
    assert_eq!((sample.keypoints[0].x, sample.keypoints[0].y), (0.5, 0.0));
    assert_eq!(
        (sample.keypoints[67].x, sample.keypoints[67].y),
        (67.5, 67.0)
    );
    assert!(set.predefined_split.is_none());
    let lists = ["c/d/e/deep\n", "b/face_1\n"];
    for (list, names) in ["train.txt", "val.txt"].iter().zip(lists) {
        std::fs::write(dir.path().join(list), names).unwrap();
    }
    let set = read(dir.path(), &ReadOptions::default()).unwrap();
    let indices = set.predefined_split.unwrap().indices;
    assert_eq!((indices.train, indices.val), (vec![2], vec![1]));
}

#[test]
fn folders_too_deep_are_in_a_note_and_the_first_invalid_file_is_named() {
    let deep = format!(
        "{}face.pts",
        "d/".repeat(crate::folder_tree::MAX_LEVELS + 1)
    );
    let set = open(&[("a.pts", &pts(3)), (&deep, "?")]).unwrap();
    assert_eq!(set.len(), 1);
    assert!(set.notes[0].contains("not searched"), "{:?}", set.notes);
    assert_message(&[(&deep, "?")], &["pts data set", "found d"]);
    let names: Vec<_> = (0..60).map(|i| format!("{}/{i:02}.pts", i % 5)).collect();
    let bad = |i: usize| if i % 9 == 4 { "?".to_owned() } else { pts(3) };
    let files: Vec<_> = names.iter().zip((0..60).map(bad)).collect();
    let files: Vec<_> = files
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    assert_message(&files, &["0/40.pts", "row 1"]);
}

#[test]
fn sixty_eight_keypoints_are_ibug68_only_if_they_have_its_shape() {
    let set = open(&[("a.pts", &face()), ("b.pts", &face())]).unwrap();
    assert_eq!(set.schema(), &Schema::ibug68());
    assert_eq!(set.schema_source, SchemaSource::Shape);
    assert!(set.notes.is_empty(), "{:?}", set.notes);
    let set = open(&[("a.pts", &pts(68))]).unwrap();
    assert_eq!(set.schema_source, SchemaSource::Numbers);
    assert!(!set.schema().has_known_flip_pairs());
    for part in [
        "shape of `ibug68`",
        "distance 0.9",
        "--schema",
        "or `ibug68` if",
    ] {
        assert!(set.notes[0].contains(part), "{part:?} in {:?}", set.notes);
    }
    let set = open(&[("a.pts", &pts(21))]).unwrap();
    assert!(
        set.notes[0].contains("or `aflw21` if its"),
        "{:?}",
        set.notes
    );
    let options = ReadOptions {
        schema: Some(Schema::ibug68()),
        ..ReadOptions::default()
    };
    let set = read(folder(&[("a.pts", &pts(68))]).path(), &options).unwrap();
    assert_eq!(set.schema_source, SchemaSource::Given);
}

#[test]
fn lists_are_the_predefined_split_and_must_not_overlap() {
    let face = face();
    let faces = [
        ("x/1.pts", face.as_str()),
        ("x/2.pts", &face),
        ("x/3.pts", &face),
    ];
    let with = |train: &str, val: &str| {
        open(&[
            faces[0],
            faces[1],
            faces[2],
            ("train.txt", train),
            ("val.txt", val),
        ])
    };
    let set = with("x/2\r\n\r\n", "x/1").unwrap();
    let own = &set.predefined_split.as_ref().unwrap().indices;
    assert_eq!((&own.train[..], &own.val[..]), (&[1][..], &[0][..]));
    assert!(
        set.notes[0].contains("1 samples are in neither"),
        "{:?}",
        set.notes
    );
    for (train, val, parts) in [
        (
            "x/2\nx/1\n",
            "x/3\nx/1\n",
            &["val.txt`, row 2", "`x/1`", "train.txt`, row 2"][..],
        ),
        ("x/2\nx/2\n", "x/3\n", &["train.txt`, row 2", "`x/2`"]),
        (
            "x/4\n",
            "x/3\n",
            &["train.txt`, row 1", "`x/4` is not", "4.pts"],
        ),
    ] {
        let message = with(train, val).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    }
}

#[test]
fn sixty_seven_keypoints_are_refused_declared_or_not() {
    let short = pts(67).replace("67\n{", "68\n{");
    assert_message(
        &[("a.pts", &short)],
        &["a.pts`, row 71", "67 keypoints, not 68", "row 2"],
    );
    let long = pts(69).replace("69\n{", "68\n{");
    assert_message(&[("a.pts", &long)], &["69 keypoints, not 68"]);
    // Valid by itself, but different from the others: the error names it, also if it comes first.
    let files = [("a.pts", pts(67)), ("b.pts", pts(68)), ("c.pts", pts(68))];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    assert_message(
        &files,
        &["a.pts`, row 71", "67 keypoints, not 68", "`keypoints68`"],
    );
    let options = ReadOptions {
        schema: Some(Schema::ibug68()),
        ..ReadOptions::default()
    };
    let given = read(folder(&[("a.pts", &pts(67))]).path(), &options);
    assert!(
        given
            .unwrap_err()
            .to_string()
            .contains("67 keypoints, not 68")
    );
    // A folder whose files all have another number is another task.
    assert_eq!(
        open(&[("a.pts", &pts(19))]).unwrap().schema().name(),
        "keypoints19"
    );
}

#[test]
fn errors_name_row_and_field() {
    let with = |from: &str, to: &str| pts(3).replace(from, to);
    for (text, parts) in [
        (String::new(), &["empty"][..]),
        ("\n\n".to_owned(), &["row 3", "`version: 1`", "the end"]),
        (
            with("version: 1", "keypoints"),
            &["row 1", "`version: 1`", "`keypoints`"],
        ),
        (with("n_points:  3", "3"), &["row 2", "`n_points: 68`"]),
        (
            with("n_points:  3", "n_points: three"),
            &["row 2", "`n_points`", "`three`"],
        ),
        (with("{", "("), &["row 3", "`{`", "`(`"]),
        (with("}\n", ""), &["row 7", "`}`", "the end"]),
        (with("2.5 2", "2.5"), &["row 5", "two numbers", "`2.5`"]),
        (with("2.5 2", "1 2 3"), &["row 5", "two numbers"]),
        (with("2.5 2", "nan 2"), &["row 5", ", x:", "`nan`"]),
        (with("2.5 2", "2.5 -inf"), &["row 5", ", y:", "`-inf`"]),
        (with("2.5 2", "2.5 12a"), &["row 5", ", y:", "`12a`"]),
        (with("2.5 2", "9e9 2"), &["row 5", ", x:", "`9e9`"]),
    ] {
        let message = open(&[("bad.pts", &text)]).unwrap_err().to_string();
        for part in ["bad.pts"].iter().chain(parts) {
            assert!(
                message.contains(part),
                "{part:?} in {message:?} of {text:?}"
            );
        }
    }
    assert_message(
        &[("alone.pts", &pts(3))],
        &["alone.pts", "does not exist", "jpg, png"],
    );
    assert_message(&[("notes.txt", "x")], &["pts data set", "notes.txt"]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[0-9 .en{}\r\n:_-]{0,60}",
    ) {
        let path = Path::new("a.pts");
        for body in [&bytes[..], text.as_bytes()] {
            let _ = PtsFile::parse(path, body);
            let framed = [b"version: 1\nn_points: 2\n{\n", body, b"\n}\n"].concat();
            let _ = PtsFile::parse(path, &framed);
        }
    }
}
