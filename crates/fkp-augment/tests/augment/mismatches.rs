//! Samples and schemas that do not match a recipe are refused, whatever the sampled parameters.

use crate::support::{any_geometric, symmetric, texture};
use fkp_augment::{
    AugmentError, FlipHorizontal, FlipVertical, Gray, Invert, OneOf, PixelsOnly, Recipe, Rotate90,
    Transform,
};
use fkp_core::{Augment, Keypoints, KeypointsError, Purpose, Sample, Schema, rng_for};
use proptest::prelude::*;
use std::error::Error;

#[test]
fn a_wrong_number_of_keypoints_is_always_an_error() {
    let schema = Schema::kaggle15();
    // The flip is applied never, sometimes, always.
    for flip_horizontal_p in [0.0, 0.5, 1.0] {
        let recipe = Recipe {
            flip_horizontal_p,
            ..Recipe::none()
        };
        let augment = recipe.compile(&schema).unwrap();
        for index in 0..8 {
            for count in [0, 14, 16] {
                let sample = Sample::new("a.png", texture((9, 9), 1), Keypoints::unlabeled(count));
                let rng = || rng_for(3, Purpose::Augment, 0, index);
                let error = augment.apply(sample.clone(), &mut rng()).unwrap_err();
                assert_eq!(error.id, "a.png");
                let expected = KeypointsError::WrongCount {
                    schema: "kaggle15".to_owned(),
                    expected: 15,
                    actual: count,
                };
                assert_eq!(error.source, expected);
                let message = format!("{error:?}");
                assert!(
                    message.contains("`a.png`") && message.contains("`kaggle15` has 15"),
                    "{message}"
                );
                assert!(
                    PixelsOnly(&augment)
                        .apply(sample.clone(), &mut rng())
                        .is_err()
                );
                let replay = augment.sample((9, 9), &mut rng());
                assert!(replay.keypoints(&sample.keypoints, &schema).is_err());
                assert!(replay.undo_keypoints(&sample.keypoints, &schema).is_err());
                assert!(replay.apply(sample, &schema).is_err());
            }
        }
    }
}

fn refused(recipe: &Recipe, schema: &Schema) -> String {
    let error = recipe.compile(schema).unwrap_err();
    assert!(
        matches!(error, AugmentError::UnknownFlipPairs { .. }),
        "{error}"
    );
    error.to_string()
}

#[test]
fn a_flip_needs_the_flip_pairs_of_the_schema() {
    let unknown = Schema::numbered("hand", 3).unwrap();
    let message = refused(&Recipe::tutorial(), &unknown);
    for part in [
        "`flip_horizontal_p`",
        "`hand`",
        "flip_pairs = []",
        "Schema::with_flip_pairs(&[])",
        "leave the flip out",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let nested = Transform::from(OneOf {
        transforms: vec![Invert {}.into(), FlipVertical {}.into()],
    });
    let nested = Recipe::of([Gray {}.into(), nested.with_probability(0.1)]);
    let message = refused(&nested, &unknown);
    let path = "`transforms[1].transforms[0].transforms[1].flip_vertical`";
    assert!(message.contains(path), "{message}");
    for known in [
        symmetric("hand", 3),
        unknown.clone().with_flip_pairs(&[(0, 2)]).unwrap(),
    ] {
        Recipe::tutorial().compile(&known).unwrap();
        nested.compile(&known).unwrap();
    }
    // A recipe without flips does not need them.
    let never = Transform::from(FlipHorizontal {}).with_probability(0.0);
    let rotation = Transform::from(Rotate90 { turns: vec![1, 2] });
    let still = Recipe {
        flip_horizontal_p: 0.0,
        transforms: vec![never, rotation],
        ..Recipe::tutorial()
    };
    still.compile(&unknown).unwrap();
}

/// A schema with a misspelled side cannot be trained with flips: either the schema is refused or,
/// if it has no flip pairs, the recipe.
#[test]
fn a_misspelled_side_does_not_train_silently() {
    let keypoints = "keypoints = ['left_eye', 'rihgt_eye', 'nose']";
    let with_pairs = format!("name = 'face3'\n{keypoints}\nflip_pairs = []");
    let without_pairs = format!("name = 'face3'\n{keypoints}");
    for text in [with_pairs, without_pairs] {
        let message = match toml::from_str::<Schema>(&text) {
            Ok(schema) => refused(&Recipe::faces(), &schema),
            Err(error) => error.to_string(),
        };
        assert!(message.contains("`face3`"), "{message}");
    }
}

proptest! {
    /// A recipe that is accepted for unknown flip pairs never mirrors an image.
    #[test]
    fn a_recipe_accepted_without_flip_pairs_never_mirrors(
        transforms in prop::collection::vec(any_geometric(), 1..4), seed: u64,
    ) {
        let unknown = Schema::numbered("three", 3).unwrap();
        if let Ok(augment) = Recipe::of(transforms).compile(&unknown) {
            let replay = augment.sample((50, 40), &mut rng_for(seed, Purpose::Augment, 0, 0));
            prop_assert!(!replay.is_mirrored());
        }
    }
}

/// A record can be applied to keypoints of another schema, which then needs known flip pairs.
#[test]
fn a_mirrored_record_refuses_keypoints_of_unknown_flip_pairs() {
    let flip = Recipe::of([FlipHorizontal {}]);
    let augment = flip.compile(&Schema::kaggle15()).unwrap();
    let replay = augment.sample((20, 20), &mut rng_for(0, Purpose::Augment, 0, 0));
    let keypoints = Keypoints::from_xy(&[[2.0, 3.0]]);
    let unknown = Schema::numbered("dot", 1).unwrap();
    let error = replay.keypoints(&keypoints, &unknown).unwrap_err();
    assert!(matches!(error, KeypointsError::UnknownFlipPairs { .. }));
    let sample = Sample::new("b", texture((20, 20), 1), keypoints.clone());
    let error = replay.apply(sample, &unknown).unwrap_err();
    assert!(
        error
            .source()
            .is_some_and(|source| source.to_string().contains("`dot`"))
    );
    let moved = replay.keypoints(&keypoints, &symmetric("dot", 1)).unwrap();
    assert_eq!(moved, Keypoints::from_xy(&[[17.0, 3.0]]));
}
