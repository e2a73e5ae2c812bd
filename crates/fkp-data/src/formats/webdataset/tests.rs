//! Tests of reading tar shards, and of their errors.

use super::*;
use crate::FarLabels;
use crate::messages::assert_message;
use fkp_core::{Dataset, Keypoint, Schema, Visibility};
use proptest::prelude::*;
use std::sync::Mutex;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// Bytes of a PNG of 20×10 pixels.
fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::GrayImage::from_pixel(20, 10, image::Luma([9]));
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn header(len: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(len as u64);
    header.set_mode(0o644);
    header
}

/// A shard of these members; `None` is the image.
fn tar(members: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let png = png();
    for (name, bytes) in members {
        let bytes = bytes.unwrap_or(&png);
        let mut header = header(bytes.len());
        builder.append_data(&mut header, name, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn open(shard: &[u8]) -> Result<AnnotatedSet, DataError> {
    let dir = folder(&[("a.tar", shard)]);
    let set = read(dir.path(), &ReadOptions::default())?;
    // Images are read from the shard.
    for index in 0..set.len() {
        assert_eq!(set.get(index).unwrap().image.size(), (20, 10));
    }
    Ok(set)
}

/// The only sample of a shard.
fn sample(shard: &[u8]) -> (fkp_core::Sample, Schema) {
    let dir = folder(&[("a.tar", shard)]);
    let set = read(dir.path(), &ReadOptions::default()).unwrap();
    (set.get(0).unwrap(), set.schema)
}

/// A shard of one image `a.png` with this `.json` member.
fn with_json(json: &str) -> Vec<u8> {
    tar(&[("a.png", None), ("a.json", Some(json.as_bytes()))])
}

fn open_json(json: &str) -> Result<AnnotatedSet, DataError> {
    open(&with_json(json))
}

#[test]
fn json_labels_of_each_form_are_read() {
    let json = r#"{"keypoints": [[1, 2], [3.5, 4, 1], null, [9, 9, 0], [null, null]],
        "keypoint_names": ["nose", "left_eye", "right_eye", "chin", "hat"],
        "bbox": [2, 1, 9, 8], "group": "Ann", "attributes": ["smile"], "url": {"a": []}}"#;
    let (sample, schema) = sample(&with_json(json));
    assert_eq!(schema.flip_pairs(), [(1, 2)]);
    assert_eq!(
        (sample.id.as_str(), sample.group.as_deref()),
        ("a.tar/a", Some("Ann"))
    );
    assert_eq!(sample.keypoints[0], Keypoint::new(1.0, 2.0));
    assert_eq!(sample.keypoints[1].visibility, Visibility::Occluded);
    assert!(
        sample
            .keypoints
            .iter()
            .skip(2)
            .all(|keypoint| !keypoint.is_labeled())
    );
    let bounds = sample.face_box.unwrap().bounds;
    assert_eq!(bounds.to_image_edges(), [2.0, 1.0, 9.0, 8.0]);
    assert_eq!(sample.attributes, ["smile"]);
    let json = r#"{"keypoints": [1, 2, 2, 3, 4, 1], "group": 7, "bbox": null}"#;
    let set = open_json(json).unwrap();
    assert_eq!((set.schema().name(), set.schema().len()), ("keypoints2", 2));
    assert_eq!(set.images[0].keypoints[1].x, 3.0);
    assert_eq!(set.images[0].group.as_deref(), Some("7"));
}

#[test]
fn labels_come_from_pts_and_npy_and_keys_end_at_the_first_dot() {
    let pts = b"version: 1\nn_points: 1\n{\n3 4\n}\n".as_slice();
    let npy: Vec<u8> = [
        b"\x93NUMPY\x01\x00\x36\x00".as_slice(),
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,2)}",
        &[2.0f32.to_le_bytes(), 3.0f32.to_le_bytes()].concat(),
    ]
    .concat();
    let npy = [&npy[..8], &[56, 0], &npy[10..]].concat();
    let details = br#"{"group": "Bo"}"#.as_slice();
    let shard = tar(&[
        ("x/a.b.png", None),
        ("x/a.PNG", None),
        ("x/a.pts", Some(pts)),
        ("./x/b.seg.png", None),
        ("./x/b.npy", Some(&npy)),
        ("x/b.jpg", None),
        ("x/b.json", Some(details)),
        ("c.png", None),
        ("._d.png", None),
        ("readme", Some(b"text")),
        ("e.json", Some(details)),
    ]);
    let set = open(&shard).unwrap();
    let ids: Vec<_> = set.images.iter().map(|image| image.id.as_str()).collect();
    assert_eq!(ids, ["a.tar/x/a", "a.tar/x/b"]);
    for image in &set.images {
        assert_eq!(image.keypoints[0], Keypoint::new(2.0, 3.0));
    }
    assert_eq!(set.images[1].group.as_deref(), Some("Bo"));
    for (note, part) in set.notes.iter().zip(["1 images without", "5 members"]) {
        assert!(note.starts_with(part), "{note}");
    }
}

#[test]
fn shards_are_a_predefined_split_by_their_names() {
    let shard = |key: &str| {
        let names = [format!("{key}.png"), format!("{key}.json")];
        let json = br#"{"keypoints": [[1, 2]]}"#.as_slice();
        tar(&[(&names[0], None), (&names[1], Some(json))])
    };
    let [a, b, c, d] = ["a", "b", "c", "d"].map(shard);
    let dir = folder(&[
        ("val-000000.tar", &a),
        ("train-000000.tar", &b),
        ("train-000001.tar", &c),
        ("test-000000.tar", &d),
        ("train.tar.gz", b"\x1f\x8b"),
    ]);
    let reports = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = reports.clone();
    let options = ReadOptions {
        progress: Progress::new(move |report| seen.lock().unwrap().push(report)),
        ..ReadOptions::default()
    };
    let set = read(dir.path(), &options).unwrap();
    let split = set.predefined_split.as_ref().unwrap();
    assert_eq!(
        (&split.indices.train, &split.indices.val),
        (&vec![1, 2], &vec![3])
    );
    let note = "1 samples are in files of neither `train` nor `val`";
    assert_eq!(set.notes[0], note);
    let total = [&a, &b, &c, &d].map(Vec::len).iter().sum::<usize>() as u64;
    let reports = reports.lock().unwrap();
    assert!(
        reports
            .iter()
            .all(|report| report.total == total && report.unit == "bytes")
    );
    assert_eq!(reports.iter().map(|report| report.done).max(), Some(total));
    let one = read(&dir.path().join("val-000000.tar"), &ReadOptions::default()).unwrap();
    assert_eq!((one.len(), one.predefined_split), (1, None));
}

#[test]
fn long_names_of_both_kinds_are_read() {
    let long = format!("{}/face", "folder".repeat(40));
    let json = br#"{"keypoints": [[1, 2]]}"#.as_slice();
    let names = [format!("{long}.png"), format!("{long}.json")];
    let set = open(&tar(&[(&names[0], None), (&names[1], Some(json))])).unwrap();
    assert_eq!(set.images[0].id, format!("a.tar/{long}"));
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in [(&names[0], png()), (&names[1], json.to_vec())] {
        let attributes = [("mtime", b"1.5".as_slice()), ("path", name.as_bytes())];
        builder.append_pax_extensions(attributes).unwrap();
        builder
            .append_data(&mut header(bytes.len()), "short", &bytes[..])
            .unwrap();
    }
    let set = open(&builder.into_inner().unwrap()).unwrap();
    assert_eq!(set.images[0].id, format!("a.tar/{long}"));
}

#[test]
fn invalid_archives_are_errors_that_name_the_byte() {
    let json = br#"{"keypoints": [[1, 2]]}"#.as_slice();
    let valid = tar(&[("a.png", None), ("a.json", Some(json))]);
    let second = 512 + png().len().next_multiple_of(512);
    let changed = |at: usize, byte: u8| {
        let mut bytes = valid.clone();
        bytes[at] = byte;
        bytes
    };
    assert_message(
        open(&changed(second, b'x')),
        &["a.tar", &format!("byte {second}"), "checksum"],
    );
    assert_message(
        open(&changed(second + 125, b'x')),
        &[&format!("byte {second}"), "header"],
    );
    // The image is cut off, and the header of the labels.
    assert_message(open(&valid[..600]), &["byte 0", "member `a.png`", "of 600"]);
    assert_message(
        open(&valid[..second + 100]),
        &[&format!("byte {second}"), "block"],
    );
    for (bytes, kind) in [
        (&b"\x1f\x8b\x08"[..], "gunzip"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
        (b"\xfd7zXZ\0", "unxz"),
        (b"BZh9", "bunzip2"),
    ] {
        assert_message(open(bytes), &["a.tar", "compressed", kind]);
    }
    let packed = folder(&[("a.tar.gz", b"\x1f\x8b")]);
    assert_message(
        read(packed.path(), &ReadOptions::default()),
        &["a.tar.gz", "gunzip"],
    );
    assert_message(open(b""), &["a.tar", "empty"]);
    assert_message(open(&[0; 1024]), &["no samples"]);
    assert_message(open(&[7; 1024]), &["byte 0"]);
    let none = folder(&[("a.txt", b"")]);
    assert_message(
        read(none.path(), &ReadOptions::default()),
        &["not a webdataset"],
    );
    // Sizes that no file has: in octal digits, in base 256, negative.
    let mut header = header(0);
    header.set_path("a.png").unwrap();
    for size in [u64::MAX >> 1, 1 << 40, 1 << 33] {
        header.set_size(size);
        header.set_cksum();
        let bytes = [header.as_bytes().as_slice(), &[0; 512]].concat();
        assert_message(open(&bytes), &["byte 0", "`a.png`", &size.to_string()]);
    }
    header.as_old_mut().size = [0xff; 12];
    header.set_cksum();
    open(header.as_bytes()).unwrap_err();
}

#[test]
fn members_that_have_no_place_of_their_own_are_errors() {
    let member = |kind: EntryType, name: &str, bytes: &[u8]| {
        let mut header = header(bytes.len());
        header.set_entry_type(kind);
        header.set_path(name).unwrap();
        header.set_cksum();
        let padding = vec![0; bytes.len().next_multiple_of(512) - bytes.len()];
        [header.as_bytes().as_slice(), bytes, &padding].concat()
    };
    for (kind, part) in [
        (EntryType::GNUSparse, "--sparse"),
        (EntryType::Symlink, "--dereference"),
        (EntryType::Link, "--hard-dereference"),
    ] {
        assert_message(
            open(&member(kind, "a.png", b"")),
            &["byte 0", "`a.png`", part],
        );
    }
    for (attributes, part) in [
        (&b"22 GNU.sparse.major=1\n"[..], "--sparse"),
        (b"13 size=9999\n", "8 GiB"),
        (b"99 path=a\n", "length key=value"),
        (b"no attributes", "length key=value"),
    ] {
        let bytes = member(EntryType::XHeader, "PaxHeaders/a", attributes);
        assert_message(open(&bytes), &["byte 0", part]);
    }
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let long = member(kind, "././@LongLink", &vec![b'x'; 1 << 21]);
        assert_message(open(&long), &["2097152 bytes of a header extension"]);
    }
    // Folders, global attributes and links of names are passed over.
    let shard = [
        member(EntryType::Directory, "x/", b""),
        member(EntryType::XGlobalHeader, "pax", b"11 path=xy\n"),
        tar(&[
            ("a.png", None),
            ("a.json", Some(br#"{"keypoints": [[1, 2]]}"#)),
        ]),
    ];
    assert_eq!(open(&shard.concat()).unwrap().images[0].id, "a.tar/a");
}

#[test]
fn errors_name_the_member() {
    let json = br#"{"keypoints": [[1, 2]]}"#.as_slice();
    let twice = tar(&[("a.png", None), ("a.jpg", None), ("a.json", Some(json))]);
    assert_message(open(&twice), &["a.tar", "`a.jpg` occurs twice", "`a.png`"]);
    let alone = tar(&[("b/a.json", Some(json))]);
    assert_message(open(&alone), &["a.tar/b/a.json", "does not exist", "`b/a`"]);
    let bytes = tar(&[("a.png", None), ("a.npy", Some(b"x"))]);
    assert_message(open(&bytes), &["a.tar/a.npy", "NumPy"]);
    let bytes = tar(&[("a.png", None), ("a.pts", Some(b"version: 1\nx"))]);
    assert_message(open(&bytes), &["a.tar/a.pts", "row 2", "n_points"]);
    let bytes = tar(&[("a.png", None), ("a.pts", Some(b""))]);
    assert_message(open(&bytes), &["a.tar/a.pts", "empty"]);
    let large = vec![b' '; (1 << 24) + 1];
    let bytes = tar(&[("a.png", None), ("a.json", Some(&large))]);
    assert_message(open(&bytes), &["a.tar/a.json", "more than 16777216"]);
    for (json, parts) in [
        ("{", &["row 1", "EOF"][..]),
        ("{\n\"keypoints\": 3}", &["row 2", "sequence"]),
        (r#"{"keypoints": [1, 2]}"#, &["`keypoints`", "2 numbers"]),
        (r#"{"keypoints": [[1, 2], 3]}"#, &["`keypoints[1]`", "`3`"]),
        (r#"{"keypoints": [[1]]}"#, &["`keypoints[0]`", "found 1"]),
        (r#"{"keypoints": [["1", 2]]}"#, &["a number"]),
        (
            r#"{"keypoints": [[1, null]]}"#,
            &["`keypoints[0]`", "`null`"],
        ),
        (r#"{"keypoints": [[1, 2, 3]]}"#, &["visibility 3"]),
        (r#"{"keypoints": [[1, 1e9]]}"#, &["1000000000"]),
        (r#"{"keypoints": [[1, NaN]]}"#, &["row 1"]),
        (r#"{"keypoints": [[1, 2]], "group": []}"#, &["`group`"]),
        (
            r#"{"keypoints": [[1, 200]]}"#,
            &["`keypoints[0]`, y", "`200`", "20×10"],
        ),
        (
            r#"{"keypoints": [[1, 2]], "keypoint_names": ["a", "b"]}"#,
            &["1 keypoints, not 2", "keypoint_names"],
        ),
    ] {
        assert_message(open_json(json), &[&["a.tar/a.json"], parts].concat());
    }
    let with = |first: &str, second: &str| {
        let (first, second) = (Some(first.as_bytes()), Some(second.as_bytes()));
        open(&tar(&[
            ("a.png", None),
            ("a.json", first),
            ("b.png", None),
            ("b.json", second),
        ]))
    };
    let first = r#"{"keypoints": [[1, 2]], "keypoint_names": ["a"]}"#;
    let other = first.replace("\"a\"", "\"b\"");
    assert_message(
        with(first, &other),
        &["a.tar/b.json", "keypoint_names", "found b"],
    );
    let two = r#"{"keypoints": [[1, 2], [3, 4]]}"#;
    assert_message(with(two, first), &["a.tar/b.json", "1 keypoints, not 2"]);
    let options = ReadOptions {
        schema: Some(Schema::kaggle15()),
        ..ReadOptions::default()
    };
    let shard = tar(&[("a.png", None), ("a.json", Some(first.as_bytes()))]);
    let dir = folder(&[("a.tar", &shard)]);
    assert_message(
        read(dir.path(), &options),
        &["1 keypoints, not 15", "`kaggle15`"],
    );
}

#[test]
fn a_far_label_is_named_as_it_is_written() {
    let pts = b"version: 1\nn_points: 2\n{\n3 4\n3 400\n}\n".as_slice();
    let shard = tar(&[("a.png", None), ("a.pts", Some(pts))]);
    assert_message(open(&shard), &["a.tar/a.pts", "row 5, y", "`400`"]);
    let dir = folder(&[("a.tar", &shard)]);
    let options = ReadOptions {
        far_labels: FarLabels::Unlabel,
        ..ReadOptions::default()
    };
    let set = read(dir.path(), &options).unwrap();
    assert!(!set.images[0].keypoints[1].is_labeled());
    assert!(set.notes[0].contains("`400`"), "{:?}", set.notes);
}

#[test]
fn a_shard_without_its_end_is_noted() {
    let json = br#"{"keypoints": [[1, 2]]}"#.as_slice();
    let shard = tar(&[("a.png", None), ("a.json", Some(json))]);
    let set = open(&shard[..shard.len() - 1024]).unwrap();
    assert!(
        set.notes[0].contains("truncated: `a.tar`"),
        "{:?}",
        set.notes
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn changed_shards_never_panic(
        changes in prop::collection::vec((0usize..4096, any::<u8>()), 1..4), end in 0usize..4096,
    ) {
        let json = br#"{"keypoints": [[1, 2]]}"#.as_slice();
        let long = format!("{}.json", "folder".repeat(40));
        let mut shard = tar(&[("a.png", None), ("a.json", Some(json)), (&long, Some(json))]);
        for (position, byte) in changes {
            let position = position % shard.len();
            shard[position] = byte;
        }
        let dir = folder(&[("a.tar", &shard), ("b.tar", &shard[..end % shard.len()])]);
        for name in ["a.tar", "b.tar"] {
            if let Ok(set) = read(&dir.path().join(name), &ReadOptions::default()) {
                let _ = set.get(0);
            }
        }
    }
}
