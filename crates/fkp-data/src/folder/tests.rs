//! Tests of folders: what is written is read again, but for what is listed as lost.

use super::*;
use crate::any_dataset::{Sizes, any_dataset};
use crate::{FarLabels, Format, ImageEncoding, OpenOptions, PackInput, PackOptions, open, pack};
use fkp_core::{InMemory, Keypoint, Keypoints, Sample, Visibility};
use proptest::prelude::*;
use std::sync::Arc;

/// The data set, opened from a packed file.
fn opened(set: InMemory, dir: &Path) -> OpenedDataset {
    let path = dir.join("set.fkp");
    let options = PackOptions {
        images: ImageEncoding::Files,
        ..PackOptions::default()
    };
    pack(&[PackInput::new("any", Arc::new(set))], &path, &options).unwrap();
    open(&path, &OpenOptions::default()).unwrap()
}

fn reopened(folder: &Path, schema: &Schema) -> OpenedDataset {
    let options = OpenOptions {
        schema: (!schema.is_empty()).then(|| schema.clone()),
        far_labels: FarLabels::Unlabel,
        ..OpenOptions::default()
    };
    open(folder, &options).unwrap()
}

fn is_near(value: f32, side: usize) -> bool {
    (-(side as f32)..=2.0 * side as f32).contains(&value)
}

/// What a table or a COCO file says of a keypoint in an image of this size.
fn expected(keypoint: &Keypoint, size: (usize, usize), format: FolderFormat) -> Keypoint {
    if !keypoint.is_labeled() || !is_near(keypoint.x, size.0) || !is_near(keypoint.y, size.1) {
        return Keypoint::unlabeled();
    }
    let visibility = match keypoint.visibility {
        Visibility::Occluded if format == FolderFormat::Coco => Visibility::Occluded,
        _ => Visibility::Visible,
    };
    let mut expected = Keypoint {
        visibility,
        ..*keypoint
    };
    expected.mark_out_of_frame(size);
    expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_data_set_is_read_as_it_was_written(set in any_dataset(Sizes::Mixed)) {
        let schema = set.schema().clone();
        for format in FolderFormat::ALL {
            let dir = tempfile::tempdir().unwrap();
            let source = opened(set.clone(), dir.path());
            let folder = dir.path().join("folder");
            let written = write_folder(&source, &folder, format, &Progress::default());
            if schema.is_empty() && format == FolderFormat::Coco {
                prop_assert!(written.is_err());
                continue;
            }
            prop_assert_eq!(written.unwrap().samples, set.len());
            let samples: Vec<_> = (0..set.len()).map(|i| set.get(i).unwrap()).collect();
            let is_labeled = |sample: &&Sample| {
                format != FolderFormat::Coco || sample.keypoints.labeled().next().is_some()
            };
            let kept: Vec<_> = samples.iter().filter(is_labeled).collect();
            if kept.is_empty() {
                continue;
            }
            let read = reopened(&folder, &schema);
            prop_assert_eq!(read.complete.len(), kept.len());
            for (index, sample) in kept.into_iter().enumerate() {
                let found = read.complete.get(index).unwrap();
                prop_assert_eq!(&found.image, &sample.image);
                let size = sample.image.size();
                let keypoints = sample.keypoints.iter().map(|k| expected(k, size, format));
                prop_assert_eq!(found.keypoints, keypoints.collect::<Keypoints>());
                if schema.is_empty() {
                    prop_assert_eq!(found.boxes.len(), sample.boxes.len());
                    for (a, b) in found.boxes.iter().zip(&sample.boxes) {
                        prop_assert!((a.bounds.x - b.bounds.x).abs() < 1e-9);
                        prop_assert_eq!(a.bounds.height, b.bounds.height);
                    }
                }
            }
        }
    }
}

#[test]
fn a_file_keeps_its_bytes_parts_and_persons() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    std::fs::create_dir(&original).unwrap();
    for (value, name) in ["Ann_0.jpg", "Ann_1.jpg", "Bo_0.jpg", "Bo_1.jpg"]
        .iter()
        .enumerate()
    {
        let image = image::GrayImage::from_pixel(9, 9, image::Luma([60 * value as u8]));
        image.save(original.join(name)).unwrap();
    }
    let table = |names: [&str; 2]| format!("file,a_x,a_y\n{},1,2.25\n{},,\n", names[0], names[1]);
    std::fs::write(
        original.join("train.csv"),
        table(["Ann_0.jpg", "Ann_1.jpg"]),
    )
    .unwrap();
    std::fs::write(original.join("val.csv"), table(["Bo_0.jpg", "Bo_1.jpg"])).unwrap();
    let source = open(&original, &OpenOptions::default()).unwrap();
    let packed = dir.path().join("set.fkp");
    let inputs = [PackInput::opened("set", &source, None)];
    pack(&inputs, &packed, &PackOptions::default()).unwrap();
    let packed = open(&packed, &OpenOptions::default()).unwrap();

    let folder = dir.path().join("folder");
    let progress = Progress::default();
    let report = write_folder(&packed, &folder, FolderFormat::ImageCsv, &progress).unwrap();
    assert_eq!(
        (report.samples, report.images, report.losses),
        (4, 4, Vec::new())
    );
    let image = |folder: &Path| std::fs::read(folder.join("Ann_1.jpg")).unwrap();
    assert_eq!(image(&folder.join("images")), image(&original));
    let again = open(&folder, &OpenOptions::default()).unwrap();
    assert_eq!(
        again.predefined_split.as_ref().unwrap().indices,
        source.predefined_split.unwrap().indices
    );
    for index in 0..4 {
        let (read, expected) = (again.complete.get(index), source.complete.get(index));
        assert_eq!(read.unwrap(), expected.unwrap());
    }
    let error = write_folder(&packed, &folder, FolderFormat::Coco, &progress).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    let schema = crate::schema_from(folder.join("schema.toml").to_str().unwrap()).unwrap();
    assert_eq!(&schema, source.complete.schema());
}

#[test]
fn several_faces_of_an_image_share_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    std::fs::create_dir(&original).unwrap();
    image::GrayImage::from_pixel(64, 64, image::Luma([9]))
        .save(original.join("p.png"))
        .unwrap();
    let json = r#"{"categories": [{"id": 1, "keypoints": ["a"]}],
        "images": [{"id": 1, "file_name": "p.png"}],
        "annotations": [{"image_id": 1, "keypoints": [1, 1, 2], "bbox": [0, 0, 5, 6]},
        {"image_id": 1, "keypoints": [30, 40, 1]}]}"#;
    std::fs::write(original.join("annotations.json"), json).unwrap();
    let source = open(&original, &OpenOptions::default()).unwrap();
    let packed = dir.path().join("set.fkp");
    let report = pack(
        &[PackInput::opened("p", &source, None)],
        &packed,
        &PackOptions::default(),
    );
    let size = std::fs::metadata(original.join("p.png")).unwrap().len();
    assert!(report.unwrap().bytes < 20_000 + 2 * size);
    let packed = open(&packed, &OpenOptions::default()).unwrap();
    let summary = packed.summary(&[("all", &[0, 1])]).to_string();
    assert!(summary.contains("2 samples in 1 image"), "{summary}");
    let folder = dir.path().join("folder");
    let report = write_folder(&packed, &folder, FolderFormat::Coco, &Progress::default()).unwrap();
    assert_eq!((report.samples, report.images), (2, 1));
    let again = open(&folder, &OpenOptions::default()).unwrap();
    assert_eq!(again.format, Format::Coco);
    for index in 0..2 {
        let (read, expected) = (
            again.complete.get(index).unwrap(),
            source.complete.get(index).unwrap(),
        );
        assert_eq!(
            (read.keypoints, read.face_box),
            (expected.keypoints, expected.face_box)
        );
    }
}
