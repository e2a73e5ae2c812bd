//! Tests of reading and applying corrections, and of their errors.

use super::*;
use crate::{OpenOptions, OpenedDataset, open};
use proptest::prelude::*;
use tempfile::TempDir;

/// Four samples, the first two in the training part.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let header = "file,left_x,left_y,right_x,right_y,nose_x,nose_y\n";
    for (part, names) in [("train", ["a", "b"]), ("val", ["c", "d"])] {
        let rows = names.map(|name| format!("{name}.png,8,1,2,1,5,4\n"));
        std::fs::write(
            dir.path().join(format!("{part}.csv")),
            header.to_owned() + &rows.concat(),
        )
        .unwrap();
    }
    for (value, name) in ["a", "b", "c", "d"].iter().enumerate() {
        let image = image::GrayImage::from_pixel(10, 10, image::Luma([value as u8]));
        image.save(dir.path().join(format!("{name}.png"))).unwrap();
    }
    dir
}

fn corrected(dir: &TempDir, text: &str) -> Result<OpenedDataset, DataError> {
    let path = dir.path().join("fix.toml");
    std::fs::write(&path, text).unwrap();
    let options = OpenOptions {
        corrections: Some(Corrections::load(&path)?),
        ..OpenOptions::default()
    };
    open(dir.path(), &options)
}

#[test]
fn samples_are_excluded_and_labels_corrected() {
    let dir = folder();
    let plain = open(dir.path(), &OpenOptions::default()).unwrap();
    let hash = hash_text(plain.complete.get(2).unwrap().image.content_hash());
    let text = format!(
        "[[exclude]]\nid = 'a.png'\nreason = 'no face'\n\
         [[correct]]\nid = 'b.png'\nswap_left_right = true\n\
         [[correct]]\nid = 'c.png'\nimage = '{}'\nswap = [['left', 'nose']]\nunlabel = ['right']\n\
         [[correct]]\nid = 'd.png'\nmove = [{{ keypoint = 'nose', x = 1.5, y = 20 }}]\n",
        hash.to_uppercase()
    );
    let set = corrected(&dir, &text).unwrap();
    assert_eq!(set.complete.len(), 3);
    let split = set.predefined_split.as_ref().unwrap();
    assert_eq!(
        (&*split.indices.train, &*split.indices.val),
        (&[0][..], &[1, 2][..])
    );
    let samples = [0, 1, 2].map(|index| set.complete.get(index).unwrap());
    assert_eq!(
        samples.each_ref().map(|s| s.id.as_str()),
        ["b.png", "c.png", "d.png"]
    );
    let [b, c, d] = samples.map(|sample| sample.keypoints);
    assert_eq!((b[0].x, b[1].x, b[2].x), (2.0, 8.0, 5.0));
    assert_eq!((c[0].x, c[2].x, c[1].is_labeled()), (5.0, 8.0, false));
    assert_eq!((d[2].x, d[2].y), (1.5, 20.0));
    assert_eq!(d[2].visibility, fkp_core::Visibility::OutOfFrame);
    let error = set.complete.get(3).unwrap_err();
    assert_eq!(error.index, 3);
    let note = set.notes.last().unwrap();
    assert!(
        note.ends_with("1 of 4 samples excluded, labels of 3 corrected"),
        "{note}"
    );
    let all = [0, 1, 2];
    assert_eq!(set.summary(&[("all", &all)]).parts[0].images, 3);
    assert!(set.source().encoded_image(0).unwrap().is_some());
    assert!(set.train_val().is_ok());
}

#[test]
fn saved_corrections_are_loaded_unchanged() {
    let dir = folder();
    let path = dir.path().join("fix.toml");
    let sample = |id: &str| SampleName {
        id: id.into(),
        image: Some("0a".to_owned()),
        index: Some(3),
    };
    let exclude = vec![Exclusion {
        sample: sample("a \"quoted\"\nname"),
        reason: "µ".to_owned(),
    }];
    let correct = vec![LabelCorrection {
        sample: sample("b"),
        reason: String::new(),
        swap_left_right: true,
        swap: vec![["left".into(), "right".into()]],
        unlabel: vec!["nose".into()],
        moved: vec![entries::PlacedKeypoint {
            keypoint: "nose".into(),
            x: 0.1,
            y: -2.0,
        }],
    }];
    let saved = Corrections::of(exclude, correct);
    saved.save(&path).unwrap();
    let loaded = Corrections::load(&path).unwrap();
    assert_eq!((loaded.exclusions(), loaded.corrections()), (1, 1));
    let again = dir.path().join("again.toml");
    loaded.save(&again).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::read_to_string(again).unwrap(), text);
    assert!(
        text.contains("move = ") || text.contains("[[correct.move]]"),
        "{text}"
    );
    let nowhere = dir.path().join("no/fix.toml");
    let message = saved.save(nowhere).unwrap_err().to_string();
    assert!(
        message.contains("cannot write") && message.contains("no/fix.toml"),
        "{message}"
    );
    Corrections::default().save(&path).unwrap();
    assert_eq!(Corrections::load(&path).unwrap().exclusions(), 0);
}

#[test]
fn errors_name_file_row_and_field() {
    let dir = folder();
    for (text, parts) in [
        (
            "\n[[exclude]]\nid = 'x.png'\n",
            &["row 3", "exclude[0].id", "no sample `x.png`"][..],
        ),
        (
            "[[exclude]]\nid = 'a.png'\n[[correct]]\nid = 'a.png'\n",
            &["row 4", "correct[0].id", "twice", "row 2"],
        ),
        (
            "[[exclude]]\nid = 'a.png'\nimage = '00ff'\n",
            &["row 2", "exclude[0].image", "00ff", "another image"],
        ),
        (
            "[[exclude]]\nid = 'a.png'\nindex = 2\n",
            &["row 2", "exclude[0].index", "at 0"],
        ),
        (
            "[[correct]]\nid = 'a.png'\nunlabel = [\n'nose',\n'ear']\n",
            &["row 5", "correct[0].unlabel", "`ear`", "left, right, nose"],
        ),
        (
            "[[correct]]\nid = 'a.png'\nswap = [['nose', 'ear']]\n",
            &["row 3", "correct[0].swap", "`ear`"],
        ),
        (
            "[[correct]]\nid = 'a.png'\nmove = [{keypoint='nose', x=nan, y=1}]\n",
            &["row 3", "correct[0].move.x", "finite"],
        ),
        (
            "[[correct]]\nid = 'a.png'\nmove = [{keypoint='nose', x=1, y=1e9}]\n",
            &["row 3", "correct[0].move.y", "out of range"],
        ),
        ("[[exclude]]\nname = 'a.png'\n", &["row 2", "name"]),
        ("[[exclude]]\n\nreason = 'x'\n", &["missing field `id`"]),
        ("[[remove]]\nid = 'a.png'\n", &["row 1", "remove"]),
        ("[[exclude]\n", &["row 1"]),
        ("\n\n[[exclude]]\nid = 3\n", &["row 4"]),
    ] {
        let message = corrected(&dir, text).err().map(|error| error.to_string());
        let message = message.unwrap_or_else(|| panic!("{text} is accepted"));
        for part in parts.iter().chain(&["fix.toml"]) {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
    }
    let path = dir.path().join("fix.toml");
    std::fs::write(&path, b"# a\n# \xff\n").unwrap();
    let message = Corrections::load(&path).unwrap_err().to_string();
    assert!(
        message.contains("row 2") && message.contains("UTF-8"),
        "{message}"
    );
    assert!(Corrections::load(dir.path().join("none.toml")).is_err());
    std::fs::write(&path, b"").unwrap();
    assert_eq!(Corrections::load(&path).unwrap().exclusions(), 0);
}

#[test]
fn nothing_left_in_a_part_is_an_error() {
    let dir = folder();
    let exclude = |names: &[&str]| {
        let entries = names
            .iter()
            .map(|name| format!("[[exclude]]\nid = '{name}.png'\n"));
        corrected(&dir, &entries.collect::<String>()).map(|set| set.complete.len())
    };
    assert_eq!(exclude(&["a", "c"]).unwrap(), 2);
    for names in [&["a", "b"][..], &["a", "b", "c", "d"]] {
        let error = exclude(names).unwrap_err();
        assert!(matches!(error, DataError::NoSamples { .. }), "{error}");
    }
    // Unknown flip pairs.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.csv"), "file,0,1,2,3\np.png,0,0,1,1\n").unwrap();
    let image = image::GrayImage::from_pixel(2, 2, image::Luma([1]));
    image.save(dir.path().join("p.png")).unwrap();
    let error = corrected(&dir, "[[correct]]\nid = 'p.png'\nswap_left_right = true\n");
    let message = error.unwrap_err().to_string();
    assert!(message.contains("correct[0].swap_left_right"), "{message}");
    assert!(message.contains("flip pairs"), "{message}");
}

proptest! {
    #[test]
    fn arbitrary_files_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        text in "[\\[\\]a-z= '\"\n0-9.{}]{0,80}",
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fix.toml");
        for content in [&bytes[..], text.as_bytes()] {
            std::fs::write(&path, content).unwrap();
            let _ = Corrections::load(&path);
        }
    }
}
