//! Transforms that are defined outside the crate, in a recipe.

use crate::support::{symmetric, texture};
use fkp_augment::{
    AugmentError, ContrastStep, CustomStep, CustomTransform, FlipHorizontal, GeometricStep, OneOf,
    Range, RasterMut, Recipe, Recorder, Rng, Step, Transform,
};
use fkp_core::{Affine, Augment, Keypoints, Purpose, Sample, Schema, Visibility, rng_for};

/// Mirrors about the middle column of the box of the keypoints.
#[derive(Debug)]
struct MirrorFace;

impl CustomTransform for MirrorFace {
    fn name(&self) -> &str {
        "mirror_face"
    }

    fn sample(&self, recorder: &mut Recorder<'_>, _: &mut dyn Rng) {
        let context = recorder.context();
        let face = context.keypoints_box().unwrap_or(context.bounds());
        let (x, _) = face.center();
        let map = Affine::new([[-1.0, 0.0, 2.0 * x], [0.0, 1.0, 0.0]]).unwrap();
        let size = context.size();
        recorder.push(GeometricStep::new(map, size));
    }

    fn mirrors(&self) -> bool {
        true
    }
}

/// Black columns of a random width at the left edge, after a change of contrast.
#[derive(Debug)]
struct Blackout {
    columns: Range,
}

#[derive(Debug)]
struct BlackoutStep {
    columns: usize,
}

impl CustomTransform for Blackout {
    fn name(&self) -> &str {
        "blackout"
    }

    fn validate(&self) -> Result<(), AugmentError> {
        self.columns.check("columns", 0.0, 100.0)
    }

    fn sample(&self, recorder: &mut Recorder<'_>, rng: &mut dyn Rng) {
        let columns = self.columns.sample(rng).round() as usize;
        recorder.push(ContrastStep { factor: 0.5 });
        recorder.push(Step::custom(BlackoutStep { columns }));
    }
}

impl CustomStep for BlackoutStep {
    fn apply(&self, image: &mut RasterMut<'_>) {
        let row = image.size().0 * image.channels();
        let black = self.columns * image.channels();
        for row in image.as_mut_slice().chunks_exact_mut(row) {
            row[..black].fill(0.0);
        }
    }

    fn covers(&self, x: f32, _: f32) -> bool {
        x < self.columns as f32 - 0.5
    }
}

fn blackout(columns: f64) -> Transform {
    let columns = Range::exactly(columns);
    Transform::custom(Blackout { columns })
}

#[test]
fn a_custom_map_moves_image_and_keypoints_and_exchanges_flip_pairs() {
    let schema = Schema::numbered("pair", 2).unwrap();
    let recipe = Recipe::of([Transform::custom(MirrorFace)]);
    let error = recipe.compile(&schema).unwrap_err().to_string();
    assert!(
        error.contains("`transforms[0].mirror_face` mirrors"),
        "{error}"
    );

    let schema = schema.with_flip_pairs(&[(0, 1)]).unwrap();
    let image = texture((30, 20), 1);
    let keypoints = Keypoints::from_xy(&[[6.0, 5.0], [10.0, 5.0]]);
    let sample = Sample::new("a", image.clone(), keypoints.clone());
    let mut rng = rng_for(0, Purpose::Augment, 0, 0);
    let augmented = recipe.compile(&schema).unwrap().apply(sample, &mut rng);
    let augmented = augmented.unwrap();
    assert_eq!(augmented.keypoints, keypoints);
    assert_eq!(augmented.image.pixel(5, 7), image.pixel(11, 7));
}

#[test]
fn a_custom_step_changes_bytes_and_floats_and_covers_keypoints() {
    let augment = Recipe::of([blackout(4.0)]).compile(&symmetric("two", 2));
    let mut rng = rng_for(0, Purpose::Augment, 0, 0);
    let keypoints = Keypoints::from_xy(&[[3.4, 5.0], [3.6, 5.0]]);
    let sample = Sample::new("a", texture((12, 9), 3), keypoints);
    let augmented = augment.unwrap().apply(sample.clone(), &mut rng).unwrap();
    for (x, y) in [(3, 0), (4, 0), (0, 8), (11, 8)] {
        let gray = |v: &u8| (f32::from(*v) / 255.0 - 0.5) * 0.5 + 0.5;
        for (new, old) in augmented
            .image
            .pixel(x, y)
            .iter()
            .zip(sample.image.pixel(x, y))
        {
            let expected = if x < 4 { 0.0 } else { 255.0 * gray(old) };
            assert!((f32::from(*new) - expected).abs() <= 0.51, "({x}, {y})");
        }
    }
    let visibility: Vec<_> = augmented.keypoints.iter().map(|p| p.visibility).collect();
    assert_eq!(visibility, [Visibility::Occluded, Visibility::Visible]);
}

#[test]
fn an_invalid_custom_transform_is_refused_with_the_path_to_its_field() {
    let one_of = OneOf {
        transforms: vec![FlipHorizontal {}.into(), blackout(101.0)],
    };
    let error = Recipe::of([one_of]).validate().unwrap_err().to_string();
    let expected = "`transforms[0].transforms[1].columns` is 101, but must lie in [0, 100]";
    assert_eq!(error, expected);
}

#[test]
fn a_custom_transform_is_refused_by_serialization_with_its_name() {
    let recipe = Recipe::of([blackout(2.0)]);
    let expected = "`blackout` is a transform defined in code and cannot be written to a file";
    for error in [
        toml::to_string(&recipe).unwrap_err().to_string(),
        serde_json::to_string(&recipe).unwrap_err().to_string(),
    ] {
        assert!(error.contains(expected), "{error}");
    }
    let augment = recipe.compile(&Schema::kaggle15()).unwrap();
    let replay = augment.sample((5, 5), &mut rng_for(0, Purpose::Augment, 0, 0));
    let error = serde_json::to_string(&replay).unwrap_err().to_string();
    assert!(
        error.contains("Step::Custom cannot be serialized"),
        "{error}"
    );
    assert_eq!(recipe, recipe.clone());
    assert_ne!(recipe, Recipe::of([blackout(2.0)]));
}
