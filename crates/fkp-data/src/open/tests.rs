//! Tests of detecting formats, of splits, summaries and labels far outside.

use super::*;
use tempfile::TempDir;

const PTS: &str = "version: 1\nn_points: 1\n{\n1 1\n}\n";
const JSON: &str = r#"{"categories": [{"id": 1, "keypoints": ["a"]}],
    "images": [{"id": 1, "file_name": "p.png"}],
    "annotations": [{"image_id": 1, "keypoints": [1, 1, 2]}]}"#;
const LABELME: &str = r#"{"shapes": [{"label": "a", "points": [[0.5, 0.5]],
    "shape_type": "point"}], "imagePath": "p.png"}"#;
const TABLE: &str = "file,a_x,a_y\np.png,1,1\nq.png,0,0\n";
const BOXES: &str = "Image,x,y,width,height\np.png,0,0,1,1\np.png,0,0,1,0.5\n";
const WIDER: &str = "p.png\n1\n0 0 1 1 0 0 0 0 0 0\n";
const DLIB: &str = "<dataset>\n<images>\n<image file='p.png'>\n\
                    <box top='0' left='0' width='1' height='1'/></image></images></dataset>";
const CVAT: &str = "<?xml version='1.0'?>\n<annotations>\n<image name='p.png'>\n\
                    <points label='a' points='1,1;0,0'/></image></annotations>";
const YAML: &str = "train: .\nkpt_shape: [1, 3]\n";
const TEST: &str = "ImageId,Image\n1,7\n2,8\n";

/// A folder with these files and two images of one pixel.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (value, name) in ["p.png", "q.png"].iter().enumerate() {
        let image = image::GrayImage::from_pixel(1, 1, image::Luma([value as u8]));
        image.save(dir.path().join(name)).unwrap();
    }
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn default_open(path: impl AsRef<Path>) -> Result<OpenedDataset, DataError> {
    open(path, &OpenOptions::default())
}

#[test]
fn formats_are_detected_from_the_files() {
    for (files, format, samples) in [
        (
            &[("training.csv", TEST), ("other.csv", "x")][..],
            Format::Kaggle,
            2,
        ),
        (&[("faces.csv", TEST)], Format::Kaggle, 2),
        (&[("faces.csv", "Image,ImageId\n7,1\n")], Format::Kaggle, 1),
        (&[("keypoints.csv", TABLE)], Format::ImageCsv, 2),
        (
            &[("keypoints.csv", "Image,a_x,a_y\np.png,1,1\n")],
            Format::ImageCsv,
            1,
        ),
        (
            &[("training.csv", TABLE), ("other.csv", "x")],
            Format::ImageCsv,
            2,
        ),
        (&[("training.csv", TABLE)], Format::ImageCsv, 2),
        (
            &[("annotations.json", JSON), ("other.json", "x")],
            Format::Coco,
            1,
        ),
        (&[("any.json", JSON)], Format::Coco, 1),
        (&[("p.json", LABELME)], Format::LabelMe, 1),
        (
            &[("q.json", LABELME), ("annotations.json", LABELME)],
            Format::LabelMe,
            2,
        ),
        (&[("p.pts", PTS)], Format::Pts, 1),
        (&[("faces.csv", BOXES)], Format::BoxesCsv, 1),
        (
            &[("training.csv", BOXES), ("other.csv", "x")],
            Format::BoxesCsv,
            1,
        ),
        (
            &[("wider_face_val_bbx_gt.txt", WIDER), ("p.csv", "x")],
            Format::WiderFace,
            1,
        ),
        (
            &[("faces.xml", DLIB), ("other.xml", "<x/>")],
            Format::DlibXml,
            1,
        ),
        (
            &[("annotations.xml", CVAT), ("p.txt", "x")],
            Format::CvatXml,
            1,
        ),
        (
            &[
                ("data.yaml", YAML),
                ("p.txt", "0 1 1 1 1 1 1 2"),
                ("q.txt", ""),
            ],
            Format::YoloPose,
            1,
        ),
    ] {
        let dir = folder(files);
        let opened = default_open(dir.path()).unwrap();
        assert_eq!(
            (opened.format, opened.dataset.len()),
            (format, samples),
            "{files:?}"
        );
        if !matches!(format, Format::Pts | Format::LabelMe) {
            let file = default_open(dir.path().join(files[0].0)).unwrap();
            assert_eq!(
                (file.format, file.dataset.len()),
                (format, samples),
                "{files:?}"
            );
        }
        let options = OpenOptions {
            format: Some(format),
            ..OpenOptions::default()
        };
        assert_eq!(open(dir.path(), &options).unwrap().dataset.len(), samples);
    }
}

/// What the formats have in common: text lists, `images/`, XML files and `train.txt`.
#[test]
fn no_format_takes_the_files_of_another() {
    let wflw: String = (0..98).map(|_| "1 1 ").collect::<String>() + "p.png\n";
    let yolo = "0 0.5 0.5 1 1 0.5 0.5 2\n";
    for (files, expected) in [
        // Lists of a split beside other lists.
        (
            &[("p.pts", PTS), ("train.txt", "p\n"), ("val.txt", "")][..],
            Format::Pts,
        ),
        (
            &[
                ("a/b/c/p.pts", PTS),
                ("a/b/c/p.png", ""),
                ("labels/p.txt", yolo),
            ],
            Format::Pts,
        ),
        (&[("faces.txt", &wflw), ("list.txt", WIDER)], Format::Wflw),
        (
            &[("list_98pt_rect_attr_test.txt", &wflw), ("p.pts", PTS)],
            Format::Wflw,
        ),
        (
            &[("wider_face_val_bbx_gt.txt", WIDER), ("faces.txt", &wflw)],
            Format::WiderFace,
        ),
        // Annotations beside the folders of YOLO.
        (
            &[("images/p.png", ""), ("labels/p.txt", yolo)],
            Format::YoloPose,
        ),
        (
            &[
                ("images/p.png", ""),
                ("labels/p.txt", yolo),
                ("t.csv", TABLE),
            ],
            Format::ImageCsv,
        ),
        (
            &[
                ("images/p.png", ""),
                ("labels/p.txt", yolo),
                ("a.json", JSON),
            ],
            Format::Coco,
        ),
        (
            &[
                ("images/p.png", ""),
                ("labels/p.txt", yolo),
                ("a.xml", CVAT),
            ],
            Format::CvatXml,
        ),
        (
            &[
                ("images/p.png", ""),
                ("labels/p.pts", PTS),
                ("labels/p.png", ""),
            ],
            Format::Pts,
        ),
        // Two XML formats.
        (&[("a.xml", CVAT), ("b.xml", DLIB)], Format::DlibXml),
        (
            &[
                ("a.xml", CVAT),
                ("b.xml", "<annotation><image/></annotation>"),
            ],
            Format::CvatXml,
        ),
        (&[("a.xml", "<dataset/>"), ("p.pts", PTS)], Format::Pts),
        // A data set of boxes of YOLO, which is none of keypoints.
        (
            &[
                ("data.yaml", "train: images\nnames: [x]\n"),
                ("t.csv", TABLE),
            ],
            Format::ImageCsv,
        ),
    ] {
        let dir = folder(&[]);
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match name.ends_with(".png") {
                true => std::fs::copy(dir.path().join("p.png"), path)
                    .map(|_| ())
                    .unwrap(),
                false => std::fs::write(path, text).unwrap(),
            }
        }
        let (found, _) = Format::detect(dir.path()).unwrap();
        assert_eq!(found, expected, "{files:?}");
    }
    for (name, text, expected) in [
        ("train.txt", &*wflw, Format::Wflw),
        ("train.txt", WIDER, Format::WiderFace),
        ("x.xml", DLIB, Format::DlibXml),
        ("x.xml", CVAT, Format::CvatXml),
        ("x.yml", YAML, Format::YoloPose),
    ] {
        let dir = folder(&[(name, text)]);
        let (found, _) = Format::detect(&dir.path().join(name)).unwrap();
        assert_eq!(found, expected, "{name}");
    }
    for (name, text) in [
        ("a.xml", "<annotation/>"),
        ("a.xml", "no xml"),
        ("a.yaml", "train: images\n"),
        ("a.txt", yolo),
        ("a.jpg", CVAT),
    ] {
        let dir = folder(&[(name, text)]);
        assert!(
            Format::detect(&dir.path().join(name)).is_err(),
            "{name} {text}"
        );
    }
}

#[test]
fn an_unknown_format_is_an_error_with_what_is_expected_and_found() {
    let dir = folder(&[("readme.txt", "x"), ("a.csv", "x"), ("b.csv", "x")]);
    let message = default_open(dir.path()).unwrap_err().to_string();
    for part in [
        "training.zip",
        "train.csv and val.csv",
        "annotations.json",
        "columns x, y, width and height",
        "wider_face_split",
        ".pts",
        "list_98pt_rect_attr_train.txt",
        "imglab",
        "CVAT for images 1.1",
        "kpt_shape",
        "a.csv",
        "readme.txt",
    ] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    let message = default_open(dir.path().join("readme.txt"))
        .unwrap_err()
        .to_string();
    assert!(message.contains("another extension"), "{message}");
    let empty = tempfile::tempdir().unwrap();
    let message = default_open(empty.path()).unwrap_err().to_string();
    assert!(message.contains("found nothing"), "{message}");
    let missing = default_open(dir.path().join("missing")).unwrap_err();
    assert!(matches!(missing, DataError::Io { .. }));
}

#[test]
fn a_requested_format_is_an_error_with_what_it_expects() {
    let dir = folder(&[("readme.txt", "x")]);
    for (format, part) in [
        (Format::Kaggle, "training.csv"),
        (Format::ImageCsv, "val.csv"),
        (Format::Pts, ".pts"),
        (Format::Coco, ".json"),
        (Format::BoxesCsv, "width and height"),
        (Format::WiderFace, "wider_face_train_bbx_gt.txt"),
        (Format::Wflw, "list_98pt_rect_attr_train.txt"),
        (Format::DlibXml, "train.xml"),
        (Format::CvatXml, "`annotations`"),
        (Format::YoloPose, "images/ and labels/"),
    ] {
        let options = OpenOptions {
            format: Some(format),
            ..OpenOptions::default()
        };
        let message = open(dir.path(), &options).unwrap_err().to_string();
        assert!(
            message.contains(part) && message.contains("readme.txt"),
            "{message}"
        );
    }
}

#[test]
fn the_requested_part_is_opened() {
    let dir = folder(&[("keypoints.csv", TABLE)]);
    let part = |split| {
        let options = OpenOptions {
            split,
            ..OpenOptions::default()
        };
        let opened = open(dir.path(), &options).unwrap();
        (0..opened.dataset.len())
            .map(|i| opened.dataset.get(i).unwrap().id)
            .collect::<Vec<_>>()
    };
    let (train, val) = (part(Split::Train), part(Split::Val));
    assert_eq!((train.len(), val.len()), (1, 1));
    assert_ne!(train, val);
    assert_eq!(part(Split::All).len(), 2);
    let halves = folder(&[
        ("train.csv", TABLE),
        ("val.csv", "file,a_x,a_y\nr.png,1,1\n"),
    ]);
    let other = image::GrayImage::from_pixel(1, 1, image::Luma([9]));
    other.save(halves.path().join("r.png")).unwrap();
    let both = default_open(halves.path()).unwrap().train_val().unwrap();
    assert_eq!((both.train.len(), both.val.len()), (2, 1));
}

#[test]
fn a_predefined_split_with_an_image_or_a_person_in_both_parts_is_refused() {
    let image = |dir: &TempDir, name: &str, value| {
        let image = image::GrayImage::from_pixel(1, 1, image::Luma([value]));
        image.save(dir.path().join(name)).unwrap();
    };
    let table = |names: &[&str]| {
        let rows = names.iter().map(|name| format!("{name},1,1\n"));
        format!("file,a_x,a_y\n{}", rows.collect::<String>())
    };
    let refused = |dir: &TempDir, parts: &[&str]| {
        // Opening succeeds; requesting the parts is the error.
        let opened = default_open(dir.path()).unwrap();
        let train = OpenOptions {
            split: Split::Train,
            ..OpenOptions::default()
        };
        for error in [
            opened.train_val().err().unwrap(),
            open(dir.path(), &train).unwrap_err(),
        ] {
            let message = error.to_string();
            for part in parts {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
    };
    let copies = folder(&[
        ("train.csv", &table(&["p.png", "q.png"])),
        ("val.csv", &table(&["r.png"])),
    ]);
    image(&copies, "r.png", 1);
    refused(
        &copies,
        &["train.csv", "val.csv", "`q.png`", "`r.png`", "same image"],
    );

    let lists = folder(&[
        ("p.pts", PTS),
        ("q.pts", PTS),
        ("train.txt", "q\n"),
        ("val.txt", "p\n"),
    ]);
    assert!(default_open(lists.path()).unwrap().train_val().is_ok());
    image(&lists, "q.png", 0);
    refused(&lists, &["train.txt", "val.txt", "`q`", "`p`"]);

    let names = ["Ann_0.png", "Bo_0.png", "Cy_0.png", "Ann_1.png"];
    let people = folder(&[
        ("train.csv", &table(&names[..3])),
        ("val.csv", &table(&names[3..])),
    ]);
    for (value, name) in names.iter().enumerate() {
        image(&people, name, value as u8);
    }
    refused(
        &people,
        &[
            "train.csv",
            "`Ann_0.png`",
            "`Ann_1.png`",
            "one person, `Ann`",
        ],
    );
}

#[test]
fn invalid_options_are_refused_and_the_schema_reaches_the_reader() {
    let dir = folder(&[("keypoints.csv", TABLE)]);
    let mut options = OpenOptions::default();
    options.split_rule.val_fraction = f64::NAN;
    assert!(open(dir.path(), &options).is_err());
    let options = OpenOptions {
        schema: Some(Schema::kaggle15()),
        ..OpenOptions::default()
    };
    let error = open(dir.path(), &options).unwrap_err();
    assert!(
        matches!(error, DataError::SchemaMismatch { .. }),
        "{error:?}"
    );
}

#[test]
fn the_summary_counts_images_and_persons_of_each_part() {
    let names = ["Ann_0.png", "Ann_1.png", "Bo_0.png", "Bo_1.png"];
    let rows = names.map(|name| format!("{name},1,1,2,2\n")).concat();
    let dir = folder(&[(
        "keypoints.csv",
        &format!("file,left_x,left_y,right_x,right_y\n{rows}"),
    )]);
    for (value, name) in names.iter().enumerate() {
        let image = image::GrayImage::from_pixel(3, 3, image::Luma([value as u8]));
        image.save(dir.path().join(name)).unwrap();
    }
    let opened = default_open(dir.path()).unwrap();
    let text = opened
        .summary(&[("all", &[0, 1, 2, 3]), ("Ann", &[0, 1])])
        .to_string();
    assert_eq!(
        text,
        "format: image-csv\n\
         schema: keypoints, 2 keypoints, recognized by the names\n\
         flip pairs: 1, such as left / right\n\
         all: 4 images of 2 persons\n\
         Ann: 2 images of 1 person\n"
    );
    let parts = opened.train_val().unwrap();
    for (part, indices) in [
        (&parts.train, &parts.indices.train),
        (&parts.val, &parts.indices.val),
    ] {
        assert_eq!(part.len(), indices.len());
        assert_eq!(
            part.get(0).unwrap(),
            opened.complete.get(indices[0]).unwrap()
        );
    }
    let test = default_open(folder(&[("test.csv", TEST)]).path()).unwrap();
    assert_eq!(test.schema_source, SchemaSource::Format);
    assert!(
        test.summary(&[])
            .to_string()
            .contains("no keypoint is labeled")
    );
    let json = JSON.replace(
        "\"annotations\": [",
        "\"annotations\": [{\"image_id\": 1, \"keypoints\": [1, 1, 2]}, ",
    );
    let twice = default_open(folder(&[("any.json", &json)]).path()).unwrap();
    let text = twice.summary(&[("all", &[0, 1])]).to_string();
    assert!(
        text.contains("all: 2 samples in 1 image, persons unknown"),
        "{text}"
    );
    assert!(text.contains("flip pairs: unknown"), "{text}");
}

/// One data set in each format, whose second keypoint has these coordinates, as written in the
/// file, in an image of 1×1 pixels; with what an error about its x must contain.
fn sets_with(x: &str, y: &str) -> Vec<(&'static str, TempDir, [&'static str; 3])> {
    let kaggle = format!("nose_tip_x,nose_tip_y,chin_x,chin_y,Image\n0,0,0,0,7\n0,0,{x},{y},7\n");
    let table = format!("file,a_x,a_y,b_x,b_y\np.png,0,0,0,0\nq.png,0,0,{x},{y}\n");
    let pts = format!("version: 1\nn_points: 2\n{{\n1 1\n\n{x} {y}\n}}\n");
    let json = format!(
        r#"{{"categories": [{{"id": 1, "keypoints": ["a", "b"]}}],
        "images": [{{"id": 1, "file_name": "p.png"}}], "annotations": [
        {{"image_id": 1, "keypoints": [0, 0, 0, 0, 0, 0]}},
        {{"image_id": 1, "keypoints": [0, 0, 2, {x}, {y}, 1]}}]}}"#
    );
    let wflw = format!("0 0 {x} {y}{} q.png\n", " 0 0".repeat(96));
    let part = |name, x: &str, y: &str| format!("<part name='{name}' x='{x}' y='{y}'/>\n");
    let dlib = format!(
        "<dataset><images>\n<image file='q.png'>\n<box top='0' left='0' width='1' height='1'>\n\
         {}{}</box></image></images></dataset>",
        part("0", "0", "0"),
        part("1", x, y)
    );
    let point = |label, x: &str, y: &str| format!("<points label='{label}' points='{x},{y}'/>\n");
    let cvat = format!(
        "<annotations>\n<image name='q.png'>\n<skeleton label='face'>\n{}{}</skeleton></image>\n\
         </annotations>",
        point("a", "0.5", "0.5"),
        point("b", x, y)
    );
    let yolo = format!("\n0 0.5 0.5 1 1 0.5 0.5 2 {x} {y} 2\n");
    vec![
        (
            "wflw",
            folder(&[("list.txt", &wflw)]),
            ["list.txt", "row 1", ", x1:"],
        ),
        (
            "dlib-xml",
            folder(&[("a.xml", &dlib)]),
            ["a.xml", "row 5", "`x` of part `1`"],
        ),
        (
            "cvat-xml",
            folder(&[("a.xml", &cvat)]),
            ["a.xml", "row 5", "x of `b`"],
        ),
        (
            "yolo-pose",
            folder(&[
                ("data.yaml", "train: .\nkpt_shape: [2, 3]"),
                ("q.txt", &yolo),
            ]),
            ["q.txt", "row 2", "number 9"],
        ),
        (
            "kaggle",
            folder(&[("t.csv", &kaggle)]),
            ["t.csv", "row 3", "column `chin_x`"],
        ),
        (
            "image-csv",
            folder(&[("t.csv", &table)]),
            ["t.csv", "row 3", "column `b_x`"],
        ),
        (
            "pts",
            folder(&[("q.pts", &pts)]),
            ["q.pts", "row 6", ", x:"],
        ),
        (
            "coco",
            folder(&[("a.json", &json)]),
            ["a.json", "row 4", "annotations[1].keypoints[3]"],
        ),
    ]
}

fn options_for(format: &str, far_labels: FarLabels) -> OpenOptions {
    let spec = r#"{"name": "two", "keypoints": ["nose_tip", "chin"]}"#;
    OpenOptions {
        format: Some(format.parse().unwrap()),
        schema: (format == "kaggle").then(|| serde_json::from_str(spec).unwrap()),
        far_labels,
        ..OpenOptions::default()
    }
}

#[test]
fn labels_far_outside_are_refused_or_unlabeled_with_their_row_and_column() {
    for (format, dir, parts) in sets_with("9999", "1") {
        let error = open(dir.path(), &options_for(format, FarLabels::Refuse)).unwrap_err();
        let opened = open(dir.path(), &options_for(format, FarLabels::Unlabel)).unwrap();
        let note = opened
            .notes
            .iter()
            .find(|note| note.contains("9999"))
            .unwrap();
        for message in [&error.to_string(), note] {
            for part in parts.iter().chain(&["`9999`", "(1×1)"]) {
                assert!(message.contains(part), "{format}: {part:?} in {message:?}");
            }
        }
        assert!(note.ends_with("treated as unlabeled"), "{note}");
        let last = opened.dataset.get(opened.dataset.len() - 1).unwrap();
        assert!(!last.keypoints[1].is_labeled(), "{format}");
        assert!(last.keypoints[0].is_labeled(), "{format}");
    }
    for (format, dir, _) in sets_with("1", "-3.5") {
        let error = open(dir.path(), &options_for(format, FarLabels::Refuse)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("`-3.5`"), "{format}: {message}");
    }
}

#[test]
fn labels_a_little_outside_are_kept_as_out_of_frame() {
    // 2 in a file that counts from 1 is 1 in one that counts from 0.
    for (format, dir, _) in sets_with("2", "1") {
        let opened = open(dir.path(), &options_for(format, FarLabels::Refuse)).unwrap();
        let last = opened.dataset.get(opened.dataset.len() - 1).unwrap();
        let keypoint = last.keypoints[1];
        assert_eq!(
            keypoint.visibility,
            fkp_core::Visibility::OutOfFrame,
            "{format}"
        );
        let expected = match format {
            "pts" => 1.0,
            // Measured from the outer edge of the image.
            "cvat-xml" | "yolo-pose" => 1.5,
            _ => 2.0,
        };
        assert_eq!(keypoint.x, expected, "{format}");
    }
}

#[test]
fn the_lookup_table_beside_the_test_file_has_its_images() {
    let lookup = "RowId,ImageId,FeatureName,Location\n1,2,nose_tip_x,\n2,1,nose_tip_y,\n";
    let files = [("test.csv", TEST), ("IdLookupTable.csv", lookup)];
    let dir = folder(&files);
    let opened = default_open(dir.path().join("test.csv")).unwrap();
    let file = opened.id_lookup_file().unwrap();
    let table = opened.id_lookup(&file).unwrap();
    let images: Vec<_> = table.rows().iter().map(|row| row.image).collect();
    assert_eq!(images, [1, 0]);
    let alone = default_open(folder(&files[..1]).path()).unwrap();
    assert_eq!(alone.id_lookup_file(), None);
    // The numbers of the test file are not those of the training table.
    let training = folder(&[("t.csv", "Image\n7\n"), files[1]]);
    let opened = default_open(training.path().join("t.csv")).unwrap();
    let message = opened.id_lookup(&file).unwrap_err().to_string();
    assert!(message.contains("`2` is not in the data set"), "{message}");
}

#[test]
fn long_annotation_files_are_reported() {
    // Blanks around the values make files of more than two megabytes.
    let blanks = " ".repeat(1 << 19);
    let rows = |row: &str| [row; 5].concat();
    let table = format!("file,a_x,a_y\n{}", rows(&format!("p.png,1,{blanks}1\n")));
    // The same box twice would be an error.
    let boxes = (1..6).map(|i| format!("p.png,0,0,1,{blanks}0.{i}\n"));
    let boxes = format!("file,x,y,width,height\n{}", boxes.collect::<String>());
    let annotation = r#"{"image_id": 1, "keypoints": [1, 1, 2]}"#;
    let json = JSON.replace(
        annotation,
        &format!("{}{annotation}", rows(&format!("{annotation},{blanks}"))),
    );
    for (name, text) in [("a.csv", table), ("a.csv", boxes), ("a.json", json)] {
        let dir = folder(&[(name, &text)]);
        let reports = Arc::new(std::sync::Mutex::new(Vec::new()));
        let copy = reports.clone();
        let options = OpenOptions {
            progress: Progress::new(move |report| copy.lock().unwrap().push(report.done)),
            ..OpenOptions::default()
        };
        open(dir.path(), &options).unwrap();
        let reports = reports.lock().unwrap();
        assert_eq!(reports.len(), 3, "{name}: {reports:?}");
        assert!(
            reports.is_sorted() && reports[2] == text.len() as u64,
            "{reports:?}"
        );
    }
}

#[test]
fn selected_samples_keep_their_part_and_their_file() {
    let dir = tempfile::tempdir().unwrap();
    for (value, name) in ["ann_0", "ann_1", "bo_0", "bo_1", "cy_0", "cy_1"]
        .iter()
        .enumerate()
    {
        let image = image::GrayImage::from_pixel(1, 1, image::Luma([value as u8]));
        image.save(dir.path().join(format!("{name}.png"))).unwrap();
        std::fs::write(dir.path().join(format!("{name}.pts")), PTS).unwrap();
    }
    // The last two are in neither list.
    std::fs::write(dir.path().join("train.txt"), "ann_0\nann_1\n").unwrap();
    std::fs::write(dir.path().join("val.txt"), "bo_0\nbo_1\n").unwrap();
    let opened = default_open(dir.path()).unwrap();
    let ids = |opened: &OpenedDataset, indices: &[usize]| -> Vec<String> {
        let ids = indices.iter().map(|i| opened.complete.get(*i).unwrap().id);
        ids.map(|id| id.split('.').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&opened, &[0, 5]), ["ann_0", "cy_1"]);
    let selected = opened.select(&[5, 3, 1]).unwrap();
    assert_eq!((selected.complete.len(), selected.dataset.len()), (3, 3));
    let parts = selected.train_val().unwrap().indices;
    assert_eq!((parts.train.clone(), parts.val.clone()), (vec![2], vec![1]));
    assert_eq!(ids(&selected, &parts.train), ["ann_1"]);
    let summary = selected.summary(&[("all", &[0, 1, 2])]).to_string();
    assert!(summary.contains("all: 3 images,"), "{summary}");
    let file = std::fs::read(dir.path().join("bo_1.png")).unwrap();
    assert_eq!(selected.source.encoded_image(1).unwrap().unwrap(), file);
    // A selection of a selection.
    let last = selected.select(&[2]).unwrap();
    assert_eq!(
        last.source.encoded_image(0).unwrap(),
        selected.source.encoded_image(2).unwrap()
    );
    assert!(opened.select(&[6]).is_err());
}
