//! Samples and schemas that do not fit a recipe: refused at once, whatever is drawn.

use crate::support::{any_geometric, symmetric, texture};
use fkp_augment::{AugmentError, PixelsOnly, Recipe, Transform};
use fkp_core::{Augment, Keypoints, KeypointsError, Purpose, Sample, Schema, rng_for};
use proptest::prelude::*;
use std::error::Error;

#[test]
fn a_wrong_number_of_keypoints_is_an_error_whatever_is_drawn() {
    let schema = Schema::kaggle15();
    // With these the flip is drawn never, sometimes, always.
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
                let told = format!("{error:?}");
                assert!(
                    told.contains("`a.png`") && told.contains("`kaggle15` has 15"),
                    "{told}"
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
fn a_flip_needs_to_know_the_flip_pairs() {
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
    let nested = Transform::OneOf {
        steps: vec![Transform::Invert {}, Transform::FlipVertical {}],
    };
    let nested = Recipe::of([Transform::Gray {}, nested.with_probability(0.1)]);
    let message = refused(&nested, &unknown);
    let path = "`steps[1].steps[0].steps[1].flip_vertical`";
    assert!(message.contains(path), "{message}");
    for known in [
        symmetric("hand", 3),
        unknown.clone().with_flip_pairs(&[(0, 2)]).unwrap(),
    ] {
        Recipe::tutorial().compile(&known).unwrap();
        nested.compile(&known).unwrap();
    }
    // Without a flip nothing needs to be known.
    let never = Transform::FlipHorizontal {}.with_probability(0.0);
    let turn = Transform::Rotate90 { turns: vec![1, 2] };
    let still = Recipe {
        flip_horizontal_p: 0.0,
        steps: vec![never, turn],
        ..Recipe::tutorial()
    };
    still.compile(&unknown).unwrap();
}

/// A misspelled name of one side can no longer be trained with flips: either the schema is refused
/// or, where it says nothing of flip pairs, the recipe.
#[test]
fn a_misspelled_side_does_not_train_silently() {
    let keypoints = "keypoints = ['left_eye', 'rihgt_eye', 'nose']";
    let said = format!("name = 'face3'\n{keypoints}\nflip_pairs = []");
    let unsaid = format!("name = 'face3'\n{keypoints}");
    for text in [said, unsaid] {
        let told = match toml::from_str::<Schema>(&text) {
            Ok(schema) => refused(&Recipe::faces(), &schema),
            Err(error) => error.to_string(),
        };
        assert!(told.contains("`face3`"), "{told}");
    }
}

proptest! {
    /// No recipe that was accepted for unknown flip pairs mirrors an image.
    #[test]
    fn what_may_mirror_is_known(steps in prop::collection::vec(any_geometric(), 1..4), seed: u64) {
        let unknown = Schema::numbered("three", 3).unwrap();
        if let Ok(augment) = Recipe::of(steps).compile(&unknown) {
            let replay = augment.sample((50, 40), &mut rng_for(seed, Purpose::Augment, 0, 0));
            prop_assert!(!replay.is_mirrored());
        }
    }
}

/// A record may be applied to keypoints of another schema, which then has to know its flip pairs.
#[test]
fn a_mirrored_record_refuses_keypoints_of_unknown_flip_pairs() {
    let flip = Recipe::of([Transform::FlipHorizontal {}]);
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
