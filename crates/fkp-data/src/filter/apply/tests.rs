//! Tests of filters on small data sets.

use super::*;
use fkp_core::{FaceBox, Image, InMemory, Keypoint, Keypoints, LabeledBox, Schema};
use proptest::prelude::*;

/// A face whose first `labeled` keypoints are on a diagonal of `side` pixels from (x, x).
fn face(value: u8, labeled: usize, x: f32, side: f32) -> Sample {
    let mut keypoints = Keypoints::unlabeled(15);
    for i in 0..labeled {
        let at = x + side * i as f32 / (labeled - 1).max(1) as f32;
        keypoints[i] = Keypoint::new(at, at);
    }
    Sample::new("x", Image::filled(60, 40, 1, value), keypoints)
}

fn kept(samples: &[Sample], text: &str) -> (Vec<usize>, RemovedSamples) {
    let set = InMemory::new(Schema::kaggle15(), samples.to_vec()).unwrap();
    let wanted: SampleFilter = toml::from_str(text).unwrap();
    let Filtered { kept, removed } = filter(&set, &wanted).unwrap();
    (kept, removed)
}

#[test]
fn samples_are_kept_by_labels() {
    let mut last_only = face(4, 0, 0.0, 0.0);
    last_only.keypoints[14] = Keypoint::new(1.0, 1.0);
    let mut non_face = face(5, 0, 0.0, 0.0);
    non_face.is_face = false;
    let samples = [
        face(1, 15, 5.0, 20.0),
        face(2, 4, 5.0, 20.0),
        last_only,
        non_face,
    ];
    assert_eq!(kept(&samples, "").0, [0, 1, 2, 3]);
    let (left, removed) = kept(&samples, "min_labeled = 4");
    assert_eq!((left, removed.few_labels), (vec![0, 1, 3], 1));
    let (left, removed) = kept(&samples, "required = ['mouth_center_bottom_lip']");
    assert_eq!((left, removed.missing_keypoint), (vec![0, 2, 3], 1));
    // Each sample is counted once, for the first reason.
    let (left, removed) = kept(
        &samples,
        "required = ['mouth_center_bottom_lip']\nmin_labeled = 4\nmin_image_px = 41",
    );
    let counts = (
        removed.missing_keypoint,
        removed.few_labels,
        removed.image_size,
    );
    assert_eq!((left, counts, removed.total()), (vec![], (1, 1, 2), 4));
}

#[test]
fn samples_are_kept_by_the_sides_of_image_and_face() {
    let mut boxed = face(3, 15, 5.0, 20.0);
    boxed.face_box = Some(FaceBox::face(BoundingBox::from_image_edges(
        1.0, 1.0, 31.0, 30.0,
    )));
    let mut non_face = face(5, 0, 0.0, 0.0);
    non_face.is_face = false;
    let samples = [
        face(1, 15, 5.0, 20.0),
        face(2, 2, 5.0, 10.0),
        boxed,
        face(4, 0, 0.0, 0.0),
        non_face,
    ];
    assert_eq!(
        kept(&samples, "min_image_px = 40\nmax_image_px = 60")
            .0
            .len(),
        5
    );
    assert_eq!(kept(&samples, "min_image_px = 41").1.image_size, 5);
    assert_eq!(kept(&samples, "max_image_px = 59").1.image_size, 5);
    let (left, removed) = kept(&samples, "min_face_px = 20");
    assert_eq!((left, removed.face_size), (vec![0, 2, 4], 2));
    assert_eq!(kept(&samples, "max_face_px = 30.5").0, [0, 1, 4]);
    assert_eq!(
        kept(&samples, "min_face_px = 31\nmax_face_px = 31").0,
        [2, 4]
    );
}

#[test]
fn the_limit_of_a_set_of_boxes_is_for_every_face_that_is_not_ignored() {
    let image = |boxes: &[(f64, bool)]| Sample {
        boxes: boxes
            .iter()
            .map(|&(side, ignore)| LabeledBox {
                bounds: BoundingBox::from_image_edges(0.0, 0.0, side, side / 2.0),
                ignore,
            })
            .collect(),
        ..Sample::new("x", Image::filled(60, 40, 1, 0), Keypoints::default())
    };
    let samples = vec![
        image(&[(20.0, false), (30.0, false)]),
        image(&[(20.0, false), (5.0, false)]),
        image(&[(20.0, false), (5.0, true)]),
        image(&[]),
    ];
    let set = InMemory::new(Schema::boxes(), samples).unwrap();
    let wanted = SampleFilter {
        min_face_px: Some(10.0),
        ..SampleFilter::default()
    };
    assert_eq!(filter(&set, &wanted).unwrap().kept, [0, 2, 3]);
}

#[test]
fn samples_are_kept_by_attributes() {
    let with = |attributes: &[&str]| Sample {
        attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
        ..face(1, 15, 5.0, 20.0)
    };
    let samples = [with(&[]), with(&["blur"]), with(&["blur", "make-up"])];
    assert_eq!(kept(&samples, "with_attributes = ['blur']").0, [1, 2]);
    assert_eq!(kept(&samples, "without_attributes = ['blur']").0, [0]);
    let both = "with_attributes = ['blur']\nwithout_attributes = ['make-up']";
    assert_eq!(kept(&samples, both).0, [1]);
    assert_eq!(
        kept(&samples, "with_attributes = ['other']").1.attributes,
        3
    );
}

#[test]
fn the_first_copy_that_meets_the_criteria_is_kept() {
    let samples = [
        // Copies of one image, the first of which has few labels.
        face(1, 4, 10.0, 18.0),
        face(1, 15, 11.0, 20.0),
        face(1, 15, 11.0, 20.0),
        // The same image without labels.
        face(1, 0, 0.0, 0.0),
        // Another face of that image.
        face(1, 15, 32.0, 20.0),
        face(2, 15, 11.0, 20.0),
        face(2, 15, 11.0, 20.0),
    ];
    assert_eq!(kept(&samples, "").0.len(), 7);
    let (left, removed) = kept(&samples, "duplicates = 'keep_first'");
    assert_eq!((left, removed.duplicates), (vec![0, 4, 5], 4));
    let (left, removed) = kept(&samples, "duplicates = 'keep_first'\nmin_labeled = 15");
    assert_eq!((left, removed.duplicates), (vec![1, 4, 5], 2));
    assert_eq!(removed.few_labels, 2);
    // One labeled keypoint each, at the same place and elsewhere.
    let samples = [
        face(1, 1, 5.0, 0.0),
        face(1, 1, 5.0, 0.0),
        face(1, 1, 6.0, 0.0),
    ];
    assert_eq!(kept(&samples, "duplicates = 'keep_first'").0, [0, 2]);
}

#[test]
fn keypoints_that_the_schema_does_not_have_are_refused() {
    let set = InMemory::new(Schema::kaggle15(), vec![face(1, 15, 5.0, 20.0)]).unwrap();
    let refused = |text: &str| {
        let wanted: SampleFilter = toml::from_str(text).unwrap();
        filter(&set, &wanted).unwrap_err().to_string()
    };
    let text = refused("required = ['nose_tip', 'chin']");
    assert!(
        text.contains("`chin`") && text.contains("`kaggle15`"),
        "{text}"
    );
    let text = refused("min_labeled = 16");
    assert!(
        text.contains("is 16") && text.contains("15 keypoints"),
        "{text}"
    );
    assert!(refused("min_face_px = nan").contains("min_face_px"));
}

#[test]
fn a_sample_that_cannot_be_read_is_an_error() {
    struct Broken(Schema);
    impl Dataset for Broken {
        fn schema(&self) -> &Schema {
            &self.0
        }

        fn len(&self) -> usize {
            3
        }

        fn get(&self, index: usize) -> Result<Sample, fkp_core::DatasetError> {
            Err(fkp_core::DatasetError::new(index, "no"))
        }
    }
    let error = filter(&Broken(Schema::kaggle15()), &SampleFilter::default()).unwrap_err();
    assert!(error.to_string().contains("cannot be filtered"), "{error}");
}

proptest! {
    #[test]
    fn every_sample_is_kept_or_counted_and_a_second_pass_removes_nothing(
        faces in prop::collection::vec((0u8..6, 0usize..16, 0f32..30.0, 0f32..30.0), 0..40),
        min_labeled in prop::option::of(1usize..15), min_face in prop::option::of(1f64..30.0),
    ) {
        let faces: Vec<Sample> = faces.iter().map(|&(v, n, x, side)| face(v, n, x, side)).collect();
        let set = InMemory::new(Schema::kaggle15(), faces).unwrap();
        let wanted = SampleFilter {
            min_labeled,
            min_face_px: min_face,
            duplicates: Duplicates::KeepFirst,
            ..SampleFilter::default()
        };
        let Filtered { kept, removed } = filter(&set, &wanted).unwrap();
        prop_assert_eq!(kept.len() + removed.total(), set.len());
        prop_assert!(kept.is_sorted());
        let left = fkp_core::Subset::new(&set, kept).unwrap();
        let again = filter(&left, &wanted).unwrap();
        prop_assert_eq!(again.removed.total(), 0);
    }
}
