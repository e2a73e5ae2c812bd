//! Tests of reading the XML of CVAT, and of its errors.

use super::*;
use crate::{FarLabels, Format, OpenOptions, OpenedDataset};
use fkp_core::{Dataset, Visibility};
use proptest::prelude::*;
use tempfile::TempDir;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n\
                    <version>1.1</version>\n";

const META: &str = "<meta><task><name>faces</name><labels>\n\
    <label><name>face</name><type>skeleton</type><attributes></attributes>\n\
    <svg>&lt;line x1=&quot;1&quot; data-node-from=&quot;1&quot;&gt;&lt;/line&gt;</svg></label>\n\
    <label><name>left_eye</name><type>points</type><parent>face</parent></label>\n\
    <label><name>nose</name><type>points</type><parent>face</parent></label>\n\
    <label><name>right_eye</name><type>points</type><parent>face</parent></label>\n\
    <label><name>thumb</name><type>points</type><parent>hand</parent></label>\n\
    </labels></task></meta>\n";

/// A file with these images, the first of which is in row 4.
fn xml(images: &str) -> String {
    format!("{HEAD}{images}</annotations>\n")
}

const SKELETONS: &str = "  <image id=\"0\" name=\"a.png\" width=\"50\" height=\"40\">\n\
    <skeleton label=\"face\" source=\"manual\" z_order=\"0\">\n\
      <points label=\"nose\" source=\"manual\" outside=\"0\" occluded=\"0\" points=\"10.50,20.25\">\n\
      </points>\n\
      <points label=\"right_eye\" outside=\"0\" occluded=\"1\" points=\"5.50,6.50\"></points>\n\
    </skeleton>\n\
    <skeleton label=\"face\">\n\
      <points label=\"nose\" outside=\"1\" occluded=\"0\" points=\"0.00,0.00\"/>\n\
    </skeleton>\n\
    <box label=\"face\" xtl=\"1\" ytl=\"2\" xbr=\"3\" ybr=\"4\" occluded=\"0\"/>\n\
    <tag label=\"good\"/>\n\
    <skeleton label=\"face\">\n\
      <points label=\"nose\" outside=\"0\" occluded=\"0\" points=\"0.50,0.50\"/>\n\
      <points label=\"left_eye\" outside=\"1\" occluded=\"0\" points=\"1,1\"/>\n\
    </skeleton>\n\
  </image>\n\
  <image id=\"1\" name=\"b.png\" width=\"50\" height=\"40\">\n  </image>\n";

/// A folder with this file, and two images of 50×40 pixels.
fn folder(text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (value, name) in ["images/a.png", "b.png", "images/Train/c.png"]
        .iter()
        .enumerate()
    {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let image = image::GrayImage::from_pixel(50, 40, image::Luma([value as u8]));
        image.save(path).unwrap();
    }
    std::fs::write(dir.path().join("annotations.xml"), text).unwrap();
    dir
}

fn open(text: &str) -> Result<OpenedDataset, DataError> {
    crate::open(folder(text).path(), &OpenOptions::default())
}

/// The samples, with their images.
fn samples(text: &str) -> Vec<fkp_core::Sample> {
    let dir = folder(text);
    let opened = crate::open(dir.path(), &OpenOptions::default()).unwrap();
    (0..opened.dataset.len())
        .map(|i| opened.dataset.get(i).unwrap())
        .collect()
}

#[test]
fn skeletons_are_samples_with_the_order_of_the_project() {
    let opened = open(&xml(&format!("{META}{SKELETONS}"))).unwrap();
    assert_eq!((opened.format, opened.dataset.len()), (Format::CvatXml, 2));
    let schema = opened.dataset.schema();
    assert_eq!(schema.name(), "face");
    assert_eq!(schema.keypoints(), ["left_eye", "nose", "right_eye"]);
    assert_eq!(schema.flip_pairs(), [(0, 2)]);
    let notes = opened.notes.join("\n");
    for part in [
        "1 skeletons without a labeled",
        "1 shapes that are not skeletons",
    ] {
        assert!(notes.contains(part), "{part:?} in {notes}");
    }
    let found = samples(&xml(&format!("{META}{SKELETONS}")));
    assert_eq!((&*found[0].id, &*found[1].id), ("a.png", "a.png face 2"));
    let keypoints = &found[0].keypoints;
    assert!(!keypoints[0].is_labeled());
    // From the outer edge of the image to the center of the first pixel.
    assert_eq!((keypoints[1].x, keypoints[1].y), (10.0, 19.75));
    assert_eq!(keypoints[2].visibility, Visibility::Occluded);
    assert_eq!(
        (found[1].keypoints[1].x, found[1].keypoints[1].y),
        (0.0, 0.0)
    );
    assert!(!found[1].keypoints[0].is_labeled());
    // Without the labels of the project, in the order of the file.
    let schema = open(&xml(SKELETONS)).unwrap();
    assert_eq!(
        schema.dataset.schema().keypoints(),
        ["nose", "right_eye", "left_eye"]
    );
}

#[test]
fn shapes_of_several_points_are_numbered_keypoints() {
    let text = xml(
        "<image name='a.png'><points label='face' points='1.5,2.5;3.5,4.5;5,6' occluded='0'/>\n\
         <points label='face' points='7.5,8.5;3.5,4.5;5,6' occluded='1'>\n\
         <attribute name='age'>3</attribute></points><polygon points='1,1;2,2'/></image>\n",
    );
    let found = samples(&text);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].keypoints[1].x, found[0].keypoints[1].y),
        (3.0, 4.0)
    );
    assert_eq!(found[1].keypoints[0].visibility, Visibility::Occluded);
    let opened = open(&text).unwrap();
    assert_eq!(opened.dataset.schema().name(), "keypoints3");
    assert!(
        opened
            .notes
            .iter()
            .any(|note| note.contains("1 shapes that are not points"))
    );
}

#[test]
fn single_points_are_the_keypoints_of_a_face_or_of_a_group() {
    let point = |label: &str, x: f32, group: &str| {
        format!("<points label='{label}' points='{x},2' occluded='0' {group}/>\n")
    };
    let one = point("nose", 1.5, "") + &point("chin", 3.5, "");
    let found = samples(&xml(&format!("<image name='a.png'>{one}</image>")));
    assert_eq!((found.len(), found[0].keypoints[1].x), (1, 3.0));
    let two = [("nose", 1.5, "1"), ("nose", 2.5, "2"), ("chin", 4.5, "2")];
    let two = two.map(|(label, x, group)| point(label, x, &format!("group_id='{group}'")));
    let found = samples(&xml(&format!(
        "<image name='a.png'>{}</image>",
        two.concat()
    )));
    assert_eq!((found.len(), found[1].keypoints[1].x), (2, 4.0));
    assert!(!found[0].keypoints[1].is_labeled());
    let twice = xml(&format!("<image name='a.png'>\n{one}{one}</image>"));
    let message = open(&twice).unwrap_err().to_string();
    for part in ["row 7", "`label`", "`nose` occurs twice", "row 5"] {
        assert!(message.contains(part), "{part:?} in {message:?}");
    }
    // With one label for all, each point is one object.
    let same = point("pupil", 1.5, "") + &point("pupil", 3.5, "");
    assert_eq!(
        samples(&xml(&format!("<image name='a.png'>{same}</image>"))).len(),
        2
    );
}

#[test]
fn images_of_a_project_are_in_folders_by_subset() {
    let image = "<image name='c.png' subset='Train'><points label='x' points='1,1;2,2'/></image>";
    assert_eq!(samples(&xml(image))[0].id, "c.png");
}

#[test]
fn errors_name_row_and_attribute() {
    let replaced = |from: &str, to: &str| xml(&SKELETONS.replacen(from, to, 1));
    let other = SKELETONS.replace("image id=\"1\" name=\"b.png\" width=\"50\" height=\"40\">", 
        "image name=\"b.png\">\n<skeleton label=\"hand\"><points label=\"thumb\" points=\"1,1\"/></skeleton>");
    let track = xml("<track id='0' label='face'><points frame='0' points='1,1'/></track>");
    let counts = xml(
        "<image name='a.png'><points label='x' points='1,1;2,2'/>\n<points label='x' points='1,1'/></image>",
    );
    for (text, parts) in [
        (
            replaced("5.50,6.50", "5.50"),
            &["row 8", "`points`", "x,y", "`5.50`"][..],
        ),
        (
            replaced("5.50,6.50", "5.50,x"),
            &["row 8", "`points`", "`x`"],
        ),
        (
            replaced("5.50,6.50", "5.50,nan"),
            &["row 8", "`points`", "`nan`"],
        ),
        (
            replaced("5.50,6.50", "5.50,6.5;1,1"),
            &["row 8", "2 keypoints, not 1", "right_eye"],
        ),
        (replaced("5.50,6.50", ""), &["row 8", "`points`"]),
        (
            replaced("5.50,6.50", "9999,6.5"),
            &["row 8", "x of `right_eye`", "`9999`", "50×40"],
        ),
        (
            replaced("occluded=\"1\"", "occluded=\"2\""),
            &["row 8", "`occluded`", "`2`"],
        ),
        (
            replaced("label=\"right_eye\"", "label=\"nose\""),
            &["row 8", "`nose` occurs twice", "row 6"],
        ),
        (
            replaced("label=\"right_eye\"", ""),
            &["row 8", "`label`", "no attribute"],
        ),
        (
            replaced("a.png", "z.png"),
            &["row 4", "`name`", "does not exist", "z.png"],
        ),
        (
            xml(&other),
            &["row 21", "`label`", "differ from those of category `face`"],
        ),
        (track, &["row 4", "`track`", "CVAT for images 1.1"]),
        (counts, &["row 5", "1 keypoints, not 2", "row 4"]),
        (
            xml(&format!(
                "<image name='a.png'><points label='x' points='{}1,1'/></image>",
                "1,1;".repeat(9999)
            )),
            &["row 4", "`points`", "more than 2048 points"],
        ),
        (xml("<image name='a.png'/>"), &["no samples"]),
        (replaced("</skeleton>", ""), &["row", "expected"]),
    ] {
        let message = open(&text).unwrap_err().to_string();
        for part in ["annotations.xml"].iter().chain(parts) {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    }
    let dir = folder(&replaced("5.50,6.50", "9999,6.5"));
    let options = OpenOptions {
        far_labels: FarLabels::Unlabel,
        ..OpenOptions::default()
    };
    let opened = crate::open(dir.path(), &options).unwrap();
    assert!(!opened.dataset.get(0).unwrap().keypoints[1].is_labeled());
}

#[test]
fn a_file_that_is_cut_off_is_an_error_at_every_byte() {
    let text = xml(SKELETONS);
    let (dir, options) = (
        folder(""),
        OpenOptions {
            format: Some(Format::CvatXml),
            ..OpenOptions::default()
        },
    );
    let file = dir.path().join("annotations.xml");
    for end in (0..text.trim_end().len()).step_by(3) {
        std::fs::write(&file, &text[..end]).unwrap();
        assert!(crate::open(&file, &options).is_err(), "{end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_texts_never_panic(entry in "[<>/a-z=\"0-9 ,;]{0,20}", position in 0usize..1200) {
        let mut text = xml(SKELETONS);
        let position = position % text.len();
        text.insert_str(position, &entry);
        let _ = open(&text);
    }
}
