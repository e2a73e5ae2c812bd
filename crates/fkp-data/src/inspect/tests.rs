//! Tests of inspections on sets with planted findings.

use super::*;
use crate::{MissingImages, OpenOptions, open};
use fkp_core::{Affine, Image, Purpose, Rng, Schema, rng_for};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use tempfile::TempDir;

/// Side of the images in pixels.
const SIDE: usize = 64;

/// A random number from 0 to 1 for each request.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut rng = rng_for(seed, Purpose::Split, 0, 0);
    move || f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

/// An image of smooth random waves, unlike those of other seeds.
fn waves(seed: u64) -> Image {
    let mut uniform = uniform(seed + 1000);
    let waves: Vec<[f64; 4]> = (0..10)
        .map(|_| {
            [
                0.6 * uniform(),
                0.6 * uniform(),
                6.3 * uniform(),
                0.2 + uniform(),
            ]
        })
        .collect();
    let mut image = Image::filled(SIDE, SIDE, 1, 0);
    for (i, pixel) in image.as_bytes_mut().iter_mut().enumerate() {
        let (x, y) = ((i % SIDE) as f64, (i / SIDE) as f64);
        let sum: f64 = waves
            .iter()
            .map(|w| w[3] * (w[0] * x + w[1] * y + w[2]).sin())
            .sum();
        *pixel = (128.0 + 20.0 * sum).clamp(0.0, 255.0) as u8;
    }
    image
}

/// The labels of a face, turned, scaled, shifted and with a little noise.
fn face(seed: u64) -> Vec<[f64; 2]> {
    let mut uniform = uniform(seed);
    let center = (SIDE as f64 / 2.0, SIDE as f64 / 2.0);
    let turn = Affine::rotation_about(center, 0.5 * (uniform() - 0.5));
    let scale = SIDE as f64 * (0.7 + 0.2 * uniform());
    let shift = [6.0 * (uniform() - 0.5), 6.0 * (uniform() - 0.5)];
    let schema = Schema::kaggle15();
    let placed = schema.mean_shape().iter().map(|[u, v]| {
        let mut noise = || 0.8 * (uniform() - 0.5);
        let (x, y) = turn.apply((u - 0.5) * scale + center.0, (v - 0.5) * scale + center.1);
        [x + shift[0] + noise(), y + shift[1] + noise()]
    });
    placed.collect()
}

/// Images and labels to be written as a data set.
struct Planted {
    images: Vec<Image>,
    labels: Vec<Vec<Option<[f64; 2]>>>,
}

impl Planted {
    fn new(count: u64, seed: u64) -> Self {
        let labels = |i: u64| face(seed + i).into_iter().map(Some).collect();
        Self {
            images: (0..count).map(|i| waves(seed + i)).collect(),
            labels: (0..count).map(labels).collect(),
        }
    }

    /// Exchanges the labels of flip pairs.
    fn swap(&mut self, sample: usize, pairs: &[(usize, usize)]) {
        for &(a, b) in pairs {
            self.labels[sample].swap(a, b);
        }
    }

    /// Writes `NAME` with `parts` of the samples, and the images.
    fn write(&self, dir: &Path, name: &str, samples: impl Iterator<Item = usize>) {
        let mut text = "file".to_owned();
        for keypoint in Schema::kaggle15().keypoints() {
            write!(text, ",{keypoint}_x,{keypoint}_y").unwrap();
        }
        for sample in samples {
            write!(text, "\n{sample}.png").unwrap();
            for label in &self.labels[sample] {
                match label {
                    Some([x, y]) => write!(text, ",{x:.4},{y:.4}").unwrap(),
                    None => text.push_str(",,"),
                }
            }
            let bytes = self.images[sample].clone();
            let image = image::DynamicImage::from(bytes);
            image.save(dir.join(format!("{sample}.png"))).unwrap();
        }
        std::fs::write(dir.join(name), text + "\n").unwrap();
    }

    fn save(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        self.write(dir.path(), "keypoints.csv", 0..self.images.len());
        dir
    }
}

fn opened(path: &Path) -> OpenedDataset {
    open(path, &OpenOptions::default()).unwrap()
}

fn inspected(dir: &TempDir) -> Inspection {
    inspect(&[&opened(dir.path())], &InspectOptions::default()).unwrap()
}

/// A slightly darker and noisier version.
fn near_copy(image: &Image, seed: u64) -> Image {
    let mut uniform = uniform(seed);
    let mut copy = image.clone();
    for pixel in copy.as_bytes_mut() {
        let value = 0.8 * f64::from(*pixel) + 10.0 + 8.0 * (uniform() - 0.5);
        *pixel = value.round() as u8;
    }
    copy
}

fn members(group: &CopyGroup) -> Vec<usize> {
    group.samples.iter().map(|sample| sample.index).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn planted_copies_swaps_and_outliers_are_found_and_nothing_else(seed in 0u64..100_000) {
        let count = 40;
        let mut planted = Planted::new(count, seed * 100);
        let mut random = uniform(seed);
        let mut free: Vec<usize> = (0..count as usize).collect();
        let mut take = || free.remove((random() * (free.len() - 1) as f64) as usize);
        let [exact, exact_of, near, near_of] = [(); 4].map(|()| take());
        planted.images[exact] = planted.images[exact_of].clone();
        planted.images[near] = near_copy(&planted.images[near_of], seed);
        let schema = Schema::kaggle15();
        let [swapped, pair, outlier] = [(); 3].map(|()| take());
        planted.swap(swapped, schema.flip_pairs());
        planted.swap(pair, &schema.flip_pairs()[..1]);
        let keypoint = seed as usize % 15;
        let moved = planted.labels[outlier][keypoint].as_mut().unwrap();
        let toward = if moved[0] < 32.0 { 25.0 } else { -25.0 };
        moved[0] += toward;

        let dir = planted.save();
        let found = inspected(&dir);
        let of_kind = |kind| {
            let groups = found.copies.iter().filter(move |group| group.kind == kind);
            groups.map(members).collect::<Vec<_>>()
        };
        let sorted = |a: usize, b: usize| vec![vec![a.min(b), a.max(b)]];
        prop_assert_eq!(of_kind(CopyKind::Exact), sorted(exact, exact_of));
        prop_assert_eq!(of_kind(CopyKind::Near), sorted(near, near_of));
        let suspects: BTreeMap<usize, &Problem> =
            found.sets[0].suspects.iter().map(|s| (s.index, &s.problem)).collect();
        let expected = BTreeSet::from([swapped, pair, outlier]);
        let indices: BTreeSet<usize> = suspects.keys().copied().collect();
        prop_assert_eq!(&indices, &expected, "{:?}", suspects);
        let is_swapped = matches!(suspects[&swapped], Problem::LeftRight { .. });
        prop_assert!(is_swapped, "{:?}", suspects[&swapped]);
        let expected = Problem::Pairs {
            pairs: vec![["left_eye_center".to_owned(), "right_eye_center".to_owned()]],
        };
        prop_assert_eq!(suspects[&pair], &expected);
        let Problem::Outliers { keypoints } = suspects[&outlier] else {
            return Err(TestCaseError::fail(format!("{:?}", suspects[&outlier])));
        };
        prop_assert_eq!(keypoints.len(), 1);
        prop_assert_eq!(&keypoints[0].keypoint, &schema.keypoints()[keypoint]);

        // After the corrections, what remains is the near copy.
        let path = dir.path().join("fix.toml");
        found.corrections(0).save(&path).unwrap();
        let options = OpenOptions {
            corrections: Some(crate::Corrections::load(&path).unwrap()),
            ..OpenOptions::default()
        };
        let fixed = open(dir.path(), &options).unwrap();
        prop_assert_eq!(fixed.complete.len(), 39);
        let found = inspect(&[&fixed], &InspectOptions::default()).unwrap();
        prop_assert_eq!(&found.sets[0].suspects, &Vec::new());
        prop_assert_eq!(found.copies.len(), 1);
        prop_assert_eq!(found.copies[0].kind, CopyKind::Near);
    }
}

#[test]
fn copies_in_both_parts_and_in_several_sets_are_marked_and_the_training_side_is_excluded() {
    let mut planted = Planted::new(20, 7);
    planted.images[15] = planted.images[3].clone();
    planted.images[16] = near_copy(&planted.images[4], 1);
    // Nor is a mirror image independent.
    let map = Affine::flip_horizontal(SIDE);
    let flipped = fkp_core::warp_affine(
        &planted.images[5],
        &map,
        (SIDE, SIDE),
        fkp_core::Filter::Nearest,
        fkp_core::Border::Replicate,
    );
    planted.images[17] = flipped;
    let dir = tempfile::tempdir().unwrap();
    planted.write(dir.path(), "train.csv", 0..12);
    planted.write(dir.path(), "val.csv", 12..20);
    let other = Planted::new(8, 1);
    let other = other.save();
    let sets = [opened(dir.path()), opened(other.path())];
    let found = inspect(&[&sets[0], &sets[1]], &InspectOptions::default()).unwrap();
    let across: Vec<_> = found
        .copies
        .iter()
        .filter(|group| group.across_parts)
        .collect();
    let indices: BTreeSet<Vec<usize>> = across.iter().map(|group| members(group)).collect();
    assert_eq!(
        indices,
        BTreeSet::from([vec![3, 15], vec![4, 16], vec![5, 17]])
    );
    let mirrored = across
        .iter()
        .find(|group| members(group) == [5, 17])
        .unwrap();
    assert!(mirrored.pairs[0].is_mirrored);
    // Seed 7 of the first set is sample 6 of the second one, and so on.
    let between: Vec<_> = found
        .copies
        .iter()
        .filter(|group| group.across_sets)
        .collect();
    assert_eq!(between.len(), 2, "{between:?}");
    let text = found.to_string();
    assert!(
        text.contains("near copies in both parts of a split: 2 groups"),
        "{text}"
    );
    let path = dir.path().join("fix.toml");
    found.corrections(0).save(&path).unwrap();
    let options = OpenOptions {
        corrections: Some(crate::Corrections::load(&path).unwrap()),
        ..OpenOptions::default()
    };
    let fixed = open(dir.path(), &options).unwrap();
    let split = fixed.predefined_split.as_ref().unwrap();
    assert_eq!((split.indices.train.len(), split.indices.val.len()), (9, 8));
    assert!(fixed.train_val().is_ok());
    let ids: Vec<String> = (0..3)
        .map(|i| fixed.complete.get(3 + i).unwrap().id)
        .collect();
    assert_eq!(ids, ["6.png", "7.png", "8.png"]);
}

#[test]
fn an_image_that_cannot_be_decoded_is_a_finding() {
    let planted = Planted::new(6, 50);
    let dir = planted.save();
    std::fs::write(dir.path().join("2.png"), b"not an image").unwrap();
    let found = inspected(&dir);
    let [unreadable] = &found.sets[0].unreadable[..] else {
        panic!("{:?}", found.sets[0].unreadable);
    };
    assert_eq!((unreadable.index, unreadable.id.as_str()), (2, "2.png"));
    assert!(
        unreadable.error.contains("cannot be decoded"),
        "{}",
        unreadable.error
    );
    assert_eq!(found.corrections(0).exclusions(), 1);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["sets"][0]["unreadable"][0]["id"], "2.png");
}

#[test]
fn groups_with_other_positions_are_found_in_pixels_and_relative_to_the_common_keypoints() {
    let nose = Schema::kaggle15().index_of("nose_tip").unwrap();
    for sizes in [[SIDE; 2], [SIDE, SIDE + 8]] {
        let mut planted = Planted::new(80, 300);
        for sample in 0..40 {
            for (index, label) in planted.labels[sample].iter_mut().enumerate() {
                if index > 1 && index != nose && index != 14 {
                    *label = None;
                }
            }
            let nose = planted.labels[sample][nose].as_mut().unwrap();
            nose[1] += 8.0;
            let side = sizes[sample % 2];
            planted.images[sample] = Image::filled(side, side, 1, sample as u8);
        }
        let found = inspected(&planted.save());
        let [rule] = &found.sets[0].rules[..] else {
            panic!("{:?}", found.sets[0].rules);
        };
        let expected = match sizes[0] == sizes[1] {
            true => Frame::Pixels,
            false => Frame::SharedKeypoints,
        };
        assert_eq!(rule.frame, expected);
        assert_eq!(
            (&*rule.keypoints[0].keypoint, rule.keypoints[0].axis),
            ("nose_tip", "y")
        );
        let sentence = rule.to_string();
        assert!(sentence.contains("40 samples with 4 labels"), "{sentence}");
        assert!(sentence.contains("different labeling rules"), "{sentence}");
    }
    // The same rule for all: no difference, whatever is missing.
    let mut planted = Planted::new(80, 300);
    for labels in &mut planted.labels[..40] {
        labels[13] = None;
    }
    assert_eq!(inspected(&planted.save()).sets[0].rules, []);
}

#[test]
fn a_set_without_anything_to_compare_is_inspected() {
    let dir = tempfile::tempdir().unwrap();
    let image = image::GrayImage::from_pixel(1, 1, image::Luma([5]));
    for name in ["p.png", "q.png"] {
        image.save(dir.path().join(name)).unwrap();
    }
    let table = "file,a_x,a_y,b_x,b_y\np.png,0,0,,\nq.png,0,0,0,0\n";
    std::fs::write(dir.path().join("t.csv"), table).unwrap();
    let found = inspected(&dir);
    assert_eq!(found.copies.len(), 1);
    assert_eq!(found.sets[0].shape, None);
    assert!(found.to_string().contains("samples: 2 in 2 images"));
    let none = inspect(&[], &InspectOptions::default()).unwrap();
    assert_eq!((none.sets.len(), none.copies.len()), (0, 0));
    for invalid in [f64::NAN, 0.0, -1.0] {
        let options = InspectOptions {
            min_correlation: invalid,
            ..InspectOptions::default()
        };
        let message = inspect(&[], &options).unwrap_err().to_string();
        assert!(message.contains("min_correlation"), "{message}");
    }
}

#[test]
fn labels_without_images_are_inspected_if_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("labels.csv");
    let mut text = String::new();
    for (number, name) in Schema::kaggle15().keypoints().iter().enumerate() {
        let joint = if number == 0 { "" } else { "," };
        write!(text, "{joint}{name}_x,{name}_y").unwrap();
    }
    for seed in 0..5 {
        let cells = face(seed).into_iter().map(|[x, y]| format!("{x},{y}"));
        write!(text, "\n{}", cells.collect::<Vec<_>>().join(",")).unwrap();
    }
    std::fs::write(&path, text).unwrap();
    assert!(open(&path, &OpenOptions::default()).is_err());
    let options = OpenOptions {
        missing_images: MissingImages::LabelsOnly,
        ..OpenOptions::default()
    };
    let set = open(&path, &options).unwrap();
    assert!(set.complete.get(0).is_err() && set.train_val().is_err());
    assert!(set.notes[0].contains("no images"), "{:?}", set.notes);
    let found = inspect(&[&set], &InspectOptions::default()).unwrap();
    let inspected = &found.sets[0];
    assert_eq!((inspected.samples, &inspected.sizes), (5, &None));
    assert!(inspected.shape.is_some() && inspected.unreadable.is_empty());
}

#[test]
fn progress_counts_the_images_of_all_sets() {
    let dir = Planted::new(6, 50).save();
    let set = opened(dir.path());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let reports = seen.clone();
    let options = InspectOptions {
        progress: Progress::new(move |report| {
            reports.lock().unwrap().push((report.done, report.total));
        }),
        ..InspectOptions::default()
    };
    inspect(&[&set, &set], &options).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, (1..=12).map(|done| (done, 12)).collect::<Vec<_>>());
}
