//! Tests of reading COFW, and of its errors.

use super::*;
use crate::FarLabels;
use crate::mat::writer::{bytes, cells, compressed, doubles, file};
use crate::messages::assert_message;
use fkp_core::Dataset;

/// Labels of two images: `phis` column by column, with keypoint 3 occluded.
fn phis() -> Vec<f64> {
    let value = |row: usize, column: usize| match column {
        0..29 => column as f64 * 0.25 + 1.0 + row as f64,
        29..58 => (column - 29) as f64 * 0.125 + 2.0,
        61 => 1.0,
        _ => 0.0,
    };
    let columns = (0..87).flat_map(|column| [value(0, column), value(1, column)]);
    columns.collect()
}

/// A gray image of 15×12 pixels and one of 14×11 in color, whose bytes count up row by row.
fn images() -> [Vec<u8>; 2] {
    let columns = (0..15u8).flat_map(|x| (0..12).map(move |y| 15 * y + x));
    let gray = bytes("", &[12, 15], &columns.collect::<Vec<_>>());
    let planes = (0..3usize).flat_map(|channel| {
        (0..14).flat_map(move |x| (0..11).map(move |y| ((14 * y + x) * 3 + channel) % 251))
    });
    let color = planes.map(|value| value as u8).collect::<Vec<_>>();
    [gray, bytes("", &[11, 14, 3], &color)]
}

fn part([images_name, labels, boxes]: [&str; 3], phis: &[f64]) -> Vec<u8> {
    let bounds = [1.0, 3.0, 2.0, 1.0, 10.0, 5.0, 9.0, 6.0];
    file(&[
        compressed(&cells(images_name, &[2, 1], &images())),
        doubles(labels, &[2, 87], phis),
        compressed(&doubles(boxes, &[2, 4], &bounds)),
    ])
}

fn open(files: &[(&str, &[u8])], options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    read(dir.path(), options)
}

fn open_train(bytes: &[u8]) -> Result<AnnotatedSet, DataError> {
    open(&[("COFW_train.mat", bytes)], &ReadOptions::default())
}

#[track_caller]
fn assert_samples(set: &AnnotatedSet, name: &str) {
    assert_eq!(set.schema(), &Schema::cofw29());
    let gray = set.get(0).unwrap();
    assert_eq!(gray.id, format!("{name} image 1"));
    assert_eq!((gray.image.size(), gray.image.channels()), ((15, 12), 1));
    let row_by_row = gray.image.as_bytes().iter().zip(0..=u8::MAX);
    assert!(
        row_by_row
            .clone()
            .all(|(found, expected)| *found == expected)
    );
    assert_eq!(gray.keypoints[4], Keypoint::new(1.0, 1.5));
    assert_eq!(gray.keypoints[3].visibility, Visibility::Occluded);
    let bounds = gray.face_box.unwrap().bounds;
    assert_eq!(bounds.to_image_edges(), [0.0, 1.0, 10.0, 9.0]);
    let color = set.get(1).unwrap();
    assert_eq!((color.image.size(), color.image.channels()), ((14, 11), 3));
    let bytes = color.image.as_bytes().iter().enumerate();
    assert!(bytes.clone().all(|(i, byte)| usize::from(*byte) == i % 251));
    assert_eq!(color.keypoints[0], Keypoint::new(1.0, 1.0));
}

#[test]
fn images_keypoints_occlusion_and_boxes_are_read() {
    let [train, test] = VARIABLES;
    let (train, test) = (part(train, &phis()), part(test, &phis()));
    assert_samples(&open_train(&train).unwrap(), "COFW_train.mat");
    let files: [(&str, &[u8]); 4] = [
        ("COFW_test.mat", &test),
        ("COFW_train.mat", b"not read, there is color"),
        ("cofw_train_color.mat", &train),
        ("readme.txt", b""),
    ];
    let set = open(&files, &ReadOptions::default()).unwrap();
    assert_samples(&set, "cofw_train_color.mat");
    let split = set.predefined_split.unwrap();
    assert_eq!(
        (split.indices.train, split.indices.val),
        (vec![0, 1], vec![2, 3])
    );
    assert_eq!(set.images[3].id, "COFW_test.mat image 2");
}

#[test]
fn errors_name_variable_and_row() {
    let with = |column: usize, value: f64| {
        let mut phis = phis();
        phis[2 * column + 1] = value;
        open_train(&part(VARIABLES[0], &phis))
    };
    let parts = ["COFW_train.mat", "`phisTr`, row 2"];
    assert_message(with(0, f64::NAN), &[&parts[..], &["finite"]].concat());
    assert_message(with(30, 1e30), &[&parts[..], &["limit"]].concat());
    assert_message(
        with(60, 0.5),
        &[&parts[..], &["`0.5`", "neither 0 nor 1"]].concat(),
    );
    assert_message(with(5, 900.0), &[&parts[..], &["`900`", "14×11"]].concat());
    let [gray, color] = images();
    let train = |images: &[u8], phis: &[u8]| open_train(&file(&[images.to_vec(), phis.to_vec()]));
    let labels = doubles("phisTr", &[2, 87], &phis());
    let two = cells("IsTr", &[2, 1], &[gray.clone(), color.clone()]);
    // Boxes are not required.
    assert_eq!(train(&two, &labels).unwrap().images[0].face_box, None);
    let short = doubles("phisTr", &[2, 86], &phis()[..172]);
    assert_message(train(&two, &short), &["`phisTr`", "[2, 86]", "images: 2"]);
    let one = cells("IsTr", &[1, 1], &[gray]);
    assert_message(train(&one, &labels), &["`phisTr`", "[2, 87]", "images: 1"]);
    let numbers = cells("IsTr", &[2, 1], &[color, doubles("", &[1, 1], &[1.0])]);
    assert_message(train(&numbers, &labels), &["`IsTr`, row 2", "class uint8"]);
    for dims in [&[0, 0][..], &[1, 1, 2], &[1, 1, 1, 1]] {
        let odd = bytes("", dims, &[7; 2][..dims.iter().product::<u32>() as usize]);
        let odd = cells("IsTr", &[2, 1], &[odd.clone(), odd]);
        assert_message(train(&odd, &labels), &["`IsTr`, row 1"]);
    }
    assert_message(
        train(&cells("IsTr", &[0, 0], &[]), &labels),
        &["no samples"],
    );
    assert_message(train(&labels, &[]), &["`IsTr`", "missing", "phisTr"]);
    assert_message(open_train(b"text"), &["COFW_train.mat", "the header"]);
    assert_message(
        open(&[("a.mat", b"")], &ReadOptions::default()),
        &["not a cofw data set"],
    );
    let options = ReadOptions {
        schema: Some(Schema::kaggle15()),
        ..ReadOptions::default()
    };
    let file = part(VARIABLES[0], &phis());
    let parts = ["29 keypoints", "`kaggle15` has 15"];
    assert_message(open(&[("COFW_train.mat", &file)], &options), &parts);
}

#[test]
fn a_far_label_is_treated_as_unlabeled() {
    let mut phis = phis();
    phis[10] = 900.0;
    let options = ReadOptions {
        far_labels: FarLabels::Unlabel,
        ..ReadOptions::default()
    };
    let file = part(VARIABLES[1], &phis);
    let set = open(&[("COFW_test.mat", &file)], &options).unwrap();
    assert!(!set.images[0].keypoints[5].is_labeled());
    assert!(set.notes[0].contains("`900`"), "{:?}", set.notes);
}

#[cfg(feature = "hdf5")]
mod version_7_3 {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use std::io::Read;

    /// The same file in version 7.3 as MATLAB lays it out, written by `h5py` 3.16: a user block of
    /// 512 bytes, references into `#refs#`, compressed chunks. Compressed with zlib.
    const FILE: &str = concat!(
        "eNrzdQzxcXRSMNczVvB1DNFNy8xJ1VEIyEksScsvyrVScPfxi3A0M9FRcC5KTSxJTVHIz7NS8M3PU/BKzF",
        "MwMFQwMLACIwUjAyMTBQ8XN1OF4uSM1NxEBUM9oKieAjbAAANMnr4Mo2BAQScwzni5pLjAHA4OBhYGAWjc",
        "QKj/UFBggcqH6U+A0oxQugNKr2CCiTOC5SSg4oJQ89HVhQS5uoJU/0cDMHsesEJoidEoG5HAw9UxAERHQP",
        "kGUPoEE6o65aLUtGJlBgbP4pAiEL8gIxPMSkrKr0iFiiGnVw0C9uJKvx7MEH4GK3Hp14IDQguMRuVo+kVK",
        "Tx2sqOoSoXQSWjp1INPeYD9/F0ZgqQ5NfgwKzKjmoqdjWPrkUMRvLqwSTzDFrw7mTwmtoR1/jAzskDBjhP",
        "EhJQcjE0SAH6qOB0qj85mBIcsIDV+IDkiMsAJpEJ+JGWIQNzBkQQxGuD0c4BIoJTUN2ChLZWCGxQ80ZJmZ",
        "mBs4EVbywIzngZaQjAy8QLUcDL7gdl58ck5icTFIXJgRZDciHZRm5pVYoMQsMemKCZ6uNNjxq4elqx3Co2",
        "UBMgDVG4xY6o39BPTpKKPy0dMb42jQjoJRMApGwSgYBaNgFAwrgNkfgbTeGZkZof0NCOCD0tzwfggucWr3",
        "TxSg/ROWEyIIq/mgVsKbp+T3UziIakcXEtkQfo3WnsYVTqPt6lEwCkbBKBgFo2AUjIJRMAqGQ3+KDe/8Dq",
        "zdz4TWD2CC9xcg/SRxaM8E3m9ighgAn69hlFCC6ECdCSamH8SCZG9yak4OhBVAk/CAzeegztd8sIf27hyg",
        "Ag6o4ipQvgiUVoLSEg4VcW8va05ichRwuLisMVH2m2zbW6WCLVZGTI0OAgf+q156KBD8zNXtS/jMWJHz5Z",
        "Z7Nbo+z9YuPlmTvM7w/sz6GW9nRSRJv92Vcd15N+Mt3ot5LWXJW2YvuCvyNi3D3H036y3di3mtZdlbbi+4",
        "K38r92Jee1n1Eu9zZexAoq7c5fvCqQmSa9juTr/W/M5f2vH7yrULfl/1u1D7Ov/C32z7F7YJXM9+HxA587",
        "1Jc8Z79mCD+8LLEvbp+xysyf/18nP9uf9f//+e9J2hOMBQvyKOcQuD938GfjldG++ozIr2aUsZBeT1bH2i",
        "syo7pi9jElTQt/ONya7qnLGcWUjRwN4vNqe6a+YKFmElQwf/uNya7lkrWUWUjRwD4vNqe2avYhNVMXYKTM",
        "iv652zml1M1cQ5KLGgvm/uGg5xNVOX4KTChv55azkl1M1cQ5KLGifMX8clqWHuFppS3DRxwXpuKU0L97DU",
        "kuZJCzfwSGtZeoSnlbZMXrSRV0bbyjMivax1yuJNfLI61l6RGeVtU5dsVn1s974iLvkC18rows5A6y11qp",
        "vzKh6/Wq1TJeibfYNnUdS1uwnmPXmx5zNlbu/7aDbdM+a4mtzmlnW63yvOCu/e/ila7XtevUbC1EvbnU+o",
        "5R5ap35o20vh8u5b6X73fsecUcw+Zce5fE4me5yn1XM/e423s+w/f4iW3N4U6f7EpuuZzG+F95E233csKn",
        "/5Z/L8qTWnxOYEfVwdUfJs9qr6p482v2q86n3+/xWOVZFljG+WnfaxSuRdfSBv17FV8jf3iL1ZNlvGzTBX",
        "GihwOFfq/k7JN8t+14h52t4+kFelkjH31n7hN8uWK5VJTv7WcPeL0x3D6ld1G2bHee98ctaCpeyydeT3Qz",
        "fdD+b9WvEg1Og9yw3f+Cm1p8Xnse1+uTvK4eqk4gTzv5d41sXWCb5Zpv3gAdPul1YWO4A2sfLpbZj9rqmZ",
        "+80ydrCwIUi4ig0kHAcWNgcL24KEf7GAhPeBheVBwp2MMv0MnxMuSo+WqqNgFIyCodkewr/eJRyt/ROO0R",
        "6SAGsVVLCHjtQ6MJhwM5j8hw6skjquzAI1F2ndi4Y2wmomaLOLqHYUG1I7KiW/NCknFdxGwRseuMaXjxAI",
        "xwwlVD56OHGMJrVRMApGwSgYBaNgFIyCETWuyILWHmQhtx2NMc6ooYQyRAcF5LePHagSHgBehEtf",
    );

    fn hdf5() -> Vec<u8> {
        let packed = STANDARD.decode(FILE).unwrap();
        let mut bytes = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(&packed[..]);
        decoder.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_published_version_is_read() {
        assert_samples(&open_train(&hdf5()).unwrap(), "COFW_train.mat");
    }

    #[test]
    fn truncated_files_are_errors() {
        let bytes = hdf5();
        for len in (520..bytes.len()).step_by(97) {
            open_train(&bytes[..len]).unwrap_err();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn changed_files_never_panic(
            changes in prop::collection::vec((0usize..20_000, any::<u8>()), 1..4),
        ) {
            let mut bytes = hdf5();
            for (position, byte) in changes {
                let position = position % bytes.len();
                bytes[position] = byte;
            }
            let _ = open_train(&bytes);
        }
    }
}
