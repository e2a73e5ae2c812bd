//! Tests of reading the XML of imglab, and of its errors.

use super::*;
use crate::{FarLabels, Format, OpenOptions, OpenedDataset};
use fkp_core::{Dataset, Schema};
use proptest::prelude::*;
use tempfile::TempDir;

const HEAD: &str = "<?xml version='1.0' encoding='ISO-8859-1'?>\n\
                    <?xml-stylesheet type='text/xsl' href='image_metadata_stylesheet.xsl'?>\n\
                    <dataset>\n<name>faces</name>\n<comment>by imglab</comment>\n<images>\n";
const TAIL: &str = "</images>\n</dataset>\n";

/// A file with these images, the first of which is in row 7.
fn xml(images: &str) -> String {
    format!("{HEAD}{images}{TAIL}")
}

const FACES: &str = "  <image file='a.png'>\n\
    <box top='1' left='2' width='30' height='20'>\n\
      <label>face</label>\n\
      <part name='00' x='3' y='4'/>\n\
      <part name='02' x='7' y='8'/>\n\
    </box>\n\
    <box top='1' left='2' width='30' height='20' ignore='1'>\n\
      <part name='00' x='3' y='4'/>\n\
    </box>\n\
    <box top='0' left='0' width='5' height='5'/>\n\
    <box top='5' left='6' width='0' height='9' ignore='0'>\n\
      <part name='00' x='9' y='9'/>\n\
      <part name='01' x='8' y='9.5'/>\n\
    </box>\n\
  </image>\n";

const BOXES: &str = "<image file='a.png'>\n\
    <box top='1' left='2' width='3' height='4'/>\n\
    <box top='5' left='6' width='2' height='2' ignore='1'><label>blurred</label></box>\n\
    </image>\n<image file='b.png' width='50' height='40'>\n</image>\n";

/// A folder with these files, and two images of 50×40 pixels.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (value, name) in ["a.png", "images/b.png"].iter().enumerate() {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let image = image::GrayImage::from_pixel(50, 40, image::Luma([value as u8]));
        image.save(path).unwrap();
    }
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn open(path: &Path) -> Result<OpenedDataset, DataError> {
    crate::open(path, &OpenOptions::default())
}

#[test]
fn boxes_with_parts_are_samples_and_missing_parts_unlabeled() {
    let dir = folder(&[
        ("labels.xml", &xml(FACES)),
        ("image_metadata_stylesheet.xsl", "x"),
    ]);
    for path in [dir.path().to_owned(), dir.path().join("labels.xml")] {
        let opened = open(&path).unwrap();
        assert_eq!((opened.format, opened.dataset.len()), (Format::DlibXml, 2));
        assert_eq!(opened.dataset.schema().name(), "keypoints3");
        assert_eq!(opened.schema_source, crate::SchemaSource::Numbers);
        let first = opened.dataset.get(0).unwrap();
        assert_eq!(first.id, "a.png");
        assert_eq!((first.keypoints[0].x, first.keypoints[0].y), (3.0, 4.0));
        assert!(!first.keypoints[1].is_labeled());
        assert_eq!(first.keypoints[2].x, 7.0);
        // The rectangle includes its last pixels.
        let bounds = BoundingBox::from_image_edges(2.0, 1.0, 30.0, 20.0);
        assert_eq!(first.face_box, Some(FaceBox::face(bounds)));
        let second = opened.dataset.get(1).unwrap();
        assert_eq!((&*second.id, second.face_box), ("a.png face 2", None));
        assert_eq!((second.keypoints[1].x, second.keypoints[1].y), (8.0, 9.5));
        let notes = opened.notes.join("\n");
        for part in ["1 boxes that are to be ignored", "1 boxes without parts"] {
            assert!(notes.contains(part), "{part:?} in {notes}");
        }
    }
}

#[test]
fn names_of_parts_are_sorted_and_a_given_schema_may_have_more() {
    let named = FACES.replace("'00'", "'nose'").replace("'01'", "'chin'");
    let named = xml(&named.replace("'02'", "'brow'"));
    let dir = folder(&[("labels.xml", &named)]);
    let opened = open(dir.path()).unwrap();
    assert_eq!(
        opened.dataset.schema().keypoints(),
        ["brow", "chin", "nose"]
    );
    assert_eq!(opened.dataset.get(0).unwrap().keypoints[2].x, 3.0);
    let open_as = |text: &str, keypoints: &str| {
        let dir = folder(&[("labels.xml", text)]);
        let spec = format!(r#"{{"name": "own", "keypoints": {keypoints}, "unpaired": []}}"#);
        let options = OpenOptions {
            schema: Some(serde_json::from_str(&spec).unwrap()),
            ..OpenOptions::default()
        };
        let opened = crate::open(dir.path(), &options)?;
        let last = opened.dataset.get(1).map(|sample| sample.keypoints);
        Ok::<_, DataError>(last.unwrap())
    };
    let second = open_as(&named, r#"["nose", "ear", "chin", "brow"]"#).unwrap();
    assert_eq!((second[0].x, second[2].x), (9.0, 8.0));
    assert!(!second[1].is_labeled() && !second[3].is_labeled());
    // Numbers count from 0, or from 1 where the last number is there.
    let second = open_as(&xml(FACES), r#"["a", "b", "c", "d", "e"]"#).unwrap();
    assert_eq!(second[1].x, 8.0);
    let from_one = FACES
        .replace("'02'", "'3'")
        .replace("'01'", "'2'")
        .replace("'00'", "'1'");
    let second = open_as(&xml(&from_one), r#"["a", "b", "c"]"#).unwrap();
    assert_eq!(second[1].x, 8.0);
    let message = open_as(&xml(FACES), r#"["a", "b"]"#)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("3 keypoints, schema `own` has 2"),
        "{message}"
    );
    let message = open_as(&named, r#"["a", "b", "nose"]"#)
        .unwrap_err()
        .to_string();
    assert!(message.contains("unknown column"), "{message}");
}

/// The file of the 68 keypoints of 300-W that comes with dlib's examples has this form.
#[test]
fn sixty_eight_numbered_parts_are_recognized_by_their_shape() {
    let mean_shape = Schema::ibug68().mean_shape().to_vec();
    let parts: String = mean_shape
        .iter()
        .enumerate()
        .map(|(i, [x, y])| {
            format!(
                "<part name='{i:02}' x='{:.0}' y='{:.0}'/>\n",
                40.0 * x,
                38.0 * y
            )
        })
        .collect();
    let face = format!(
        "<image file='a.png'><box top='0' left='0' width='40' height='38'>{parts}</box></image>"
    );
    let opened = open(folder(&[("labels.xml", &xml(&face))]).path()).unwrap();
    assert_eq!(opened.dataset.schema(), &Schema::ibug68());
}

#[test]
fn a_file_without_parts_has_boxes() {
    let dir = folder(&[("boxes.xml", &xml(BOXES))]);
    let opened = open(dir.path()).unwrap();
    assert_eq!((opened.format, opened.dataset.len()), (Format::DlibXml, 2));
    assert_eq!(opened.dataset.schema(), &Schema::boxes());
    let expected = [
        LabeledBox::face(BoundingBox::from_image_edges(2.0, 1.0, 3.0, 4.0)),
        LabeledBox {
            bounds: BoundingBox::from_image_edges(6.0, 5.0, 2.0, 2.0),
            ignore: true,
        },
    ];
    assert_eq!(opened.dataset.get(0).unwrap().boxes, expected);
    assert!(opened.dataset.get(1).unwrap().boxes.is_empty());
    let options = OpenOptions {
        schema: Some(Schema::kaggle15()),
        ..OpenOptions::default()
    };
    let error = crate::open(dir.path(), &options).unwrap_err();
    assert!(matches!(error, DataError::SchemaMismatch { .. }), "{error}");
    let far = xml(&BOXES.replace("left='6'", "left='50'"));
    let message = open(folder(&[("boxes.xml", &far)]).path())
        .unwrap_err()
        .to_string();
    for part in ["row 9", "`left`", "50×40"] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
}

#[test]
fn files_for_training_and_for_testing_are_the_split() {
    let other = |text: &str| text.replace("a.png", "b.png");
    let test = FACES
        .replace("'02'", "'01'")
        .replace("<part name='01' x='8'", "<part name='03' x='8'");
    let dir = folder(&[
        ("labels_ibug_300W.xml", &xml(FACES)),
        ("labels_ibug_300W_train.xml", &xml(FACES)),
        ("labels_ibug_300W_test.xml", &xml(&other(&test))),
    ]);
    let opened = open(dir.path()).unwrap();
    assert_eq!(opened.dataset.schema().len(), 4);
    let parts = opened.train_val().unwrap();
    assert_eq!((parts.train.len(), parts.val.len()), (2, 2));
    assert_eq!(parts.val.get(1).unwrap().keypoints[3].x, 8.0);
    assert!(
        opened
            .notes
            .iter()
            .any(|note| note.contains("300W.xml` was not read"))
    );
    let dir = folder(&[
        ("train.xml", &xml(BOXES)),
        ("val.xml", &xml(&other(&BOXES.replace("b.png", "a.png")))),
    ]);
    let message = open(dir.path()).unwrap_err().to_string();
    assert!(
        message.contains("val.xml`, row 11") && message.contains("twice"),
        "{message}"
    );
    let dir = folder(&[("1.xml", &xml(FACES)), ("2.xml", &xml(FACES))]);
    assert!(matches!(
        open(dir.path()),
        Err(DataError::UnknownFormat { .. })
    ));
}

#[test]
fn errors_name_row_and_attribute() {
    let replaced = |from: &str, to: &str| xml(&FACES.replacen(from, to, 1));
    for (text, parts) in [
        (
            replaced("x='7'", "x='seven'"),
            &["row 11", "`x`", "`seven`"][..],
        ),
        (replaced("y='8'", "y='inf'"), &["row 11", "`y`", "`inf`"]),
        (
            replaced(" y='8'", ""),
            &["row 11", "`y`", "`part` has no attribute `y`"],
        ),
        (
            replaced("name='02'", "name='0'"),
            &["row 11", "`name`", "`0` occurs twice", "row 10"],
        ),
        (
            replaced("x='7'", "x='9999'"),
            &["row 11", "`x` of part `2`", "`9999`", "50×40"],
        ),
        (
            replaced("width='30'", "width='-3'"),
            &["row 8", "`width`", "`-3`"],
        ),
        (replaced("top='1'", ""), &["row 8", "`top`", "no attribute"]),
        (
            replaced("ignore='1'", "ignore='yes'"),
            &["row 13", "`ignore`", "`yes`"],
        ),
        (
            replaced("a.png", "c.png"),
            &["row 7", "`file`", "does not exist", "c.png"],
        ),
        (replaced("</box>", ""), &["row", "character", "expected"]),
        (
            xml(&FACES.repeat(2)),
            &["row 22", "`a.png` occurs twice", "row 7"],
        ),
        (xml(""), &["no samples"]),
        (replaced("</image>", "&x;</image>"), &["unknown entity"]),
        (
            xml(FACES).replace("<dataset>", "<!DOCTYPE dataset><dataset>"),
            &["row 3", "not allowed"],
        ),
    ] {
        let dir = folder(&[("a.xml", &text)]);
        let options = OpenOptions {
            format: Some(Format::DlibXml),
            ..OpenOptions::default()
        };
        let file = dir.path().join("a.xml");
        let message = crate::open(&file, &options).unwrap_err().to_string();
        for part in ["a.xml"].iter().chain(parts) {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    }
    let dir = folder(&[("a.xml", &replaced("x='7'", "x='9999'"))]);
    let options = OpenOptions {
        far_labels: FarLabels::Unlabel,
        ..OpenOptions::default()
    };
    let opened = crate::open(dir.path(), &options).unwrap();
    assert!(!opened.dataset.get(0).unwrap().keypoints[2].is_labeled());
}

#[test]
fn names_with_backslashes_and_folders_are_found() {
    let dir = folder(&[("a.xml", &xml(&FACES.replace("a.png", "images\\b.png")))]);
    assert_eq!(open(dir.path()).unwrap().dataset.len(), 2);
}

#[test]
fn too_many_names_of_parts_are_refused() {
    let parts: String = (0..3000)
        .map(|i| format!("<part name='p{i}' x='1' y='1'/>"))
        .collect();
    let face = "<image file='a.png'><box top='0' left='0' width='4' height='3'>";
    let text = xml(&format!("{face}{parts}</box></image>"));
    let message = open(folder(&[("a.xml", &text)]).path())
        .unwrap_err()
        .to_string();
    assert!(message.contains("more than 2048 names"), "{message}");
}

#[test]
fn a_file_that_is_cut_off_is_an_error_at_every_byte() {
    let text = xml(FACES);
    let (dir, options) = (
        folder(&[]),
        OpenOptions {
            format: Some(Format::DlibXml),
            ..OpenOptions::default()
        },
    );
    let file = dir.path().join("a.xml");
    for end in (0..text.trim_end().len()).step_by(3) {
        std::fs::write(&file, &text[..end]).unwrap();
        assert!(crate::open(&file, &options).is_err(), "{end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_texts_never_panic(entry in "[<>/a-z='0-9 &;]{0,20}", position in 0usize..900) {
        let mut text = xml(FACES);
        let position = position % text.len();
        text.insert_str(position, &entry);
        let _ = open(folder(&[("a.xml", &text)]).path());
    }
}
