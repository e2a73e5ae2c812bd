//! Configuration, composition and replay.

use crate::support::{any_affine, any_geometric, dot, every_transform, photometric};
use fkp_augment::{
    Brightness, BrightnessStep, CoarseDropout, Compose, Fill, Gamma, GaussianBlur, Jpeg, OneOf,
    RandomAffine, Range, Recipe, Replay, SomeOf, Sometimes, Step, Transform,
};
use fkp_core::{Augment, Border, Keypoints, Purpose, Sample, Schema, rng_for};
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_geometric_transform_round_trips(transform in any_geometric(), other in any_affine()) {
        let one_of = Transform::from(OneOf { transforms: vec![other] });
        let recipe = Recipe::of([transform, one_of.with_probability(0.25)]);
        let text = toml::to_string(&recipe).unwrap();
        prop_assert_eq!(&toml::from_str::<Recipe>(&text).unwrap(), &recipe);
        let text = serde_json::to_string(&recipe).unwrap();
        let back: Recipe = serde_json::from_str(&text).unwrap();
        // serde_json reads the last bit of some numbers differently.
        prop_assert_eq!(back.transforms.len(), recipe.transforms.len());
    }

    /// A record goes to a file and back, and does the same to the next image.
    #[test]
    fn a_record_replays(transforms in prop::collection::vec(any_geometric(), 1..4), seed: u64) {
        let mut transforms = transforms;
        transforms.extend(photometric());
        let augment = Recipe::of(transforms).compile(&Schema::kaggle15()).unwrap();
        let replay = augment.sample((40, 30), &mut rng_for(seed, Purpose::Augment, 0, 0));
        let text = toml::to_string(&replay).unwrap();
        let replayed: Replay = toml::from_str(&text).unwrap();
        prop_assert_eq!(&replayed, &replay);
        let image = dot((40, 30), 12.0, 9.0);
        prop_assert_eq!(replayed.image(&image), replay.image(&image));
    }
}

#[test]
fn every_photometric_transform_round_trips() {
    let recipe = Recipe::of(photometric());
    let text = toml::to_string(&recipe).unwrap();
    assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), recipe);
    recipe.validate().unwrap();
}

#[test]
fn a_recipe_is_read_from_toml() {
    let recipe: Recipe = toml::from_str(
        r#"
        rotation_deg = 10.0
        flip_horizontal_p = 0.5
        border = "reflect101"
        interpolation = "area"

        [[transforms]]
        kind = "sometimes"
        p = 0.3
        [[transforms.transforms]]
        kind = "coarse_dropout"
        count = 2
        width = [0.1, 0.2]
        height = [0.1, 0.2]
        fill = { constant = 0.0 }

        [[transforms]]
        kind = "some_of"
        count = 1
        transforms = [{ kind = "invert" }, { kind = "gaussian_noise", sigma = [0.0, 0.05] }]

        [[transforms]]
        kind = "affine"
        shear_x_deg = [-5.0, 5.0]
        "#,
    )
    .unwrap();
    recipe.validate().unwrap();
    assert_eq!(recipe.transforms.len(), 3);
    let Transform::Sometimes(Sometimes { p, transforms }) = &recipe.transforms[0] else {
        panic!("{recipe:?}");
    };
    assert_eq!(*p, 0.3);
    assert!(matches!(
        transforms[0],
        Transform::CoarseDropout(CoarseDropout {
            fill: Fill::Constant(0.0),
            ..
        })
    ));
}

#[test]
fn numbers_are_accepted_where_ranges_are() {
    let recipe: Recipe = toml::from_str(
        r#"
        border = "constant"

        [[transforms]]
        kind = "gaussian_blur"
        sigma_px = 0.3

        [[transforms]]
        kind = "jpeg"
        quality = 50

        [[transforms]]
        kind = "affine"
        rotation_deg = [-5, 5]
        scale = 1.1
        "#,
    )
    .unwrap();
    recipe.validate().unwrap();
    assert_eq!(recipe.border, Border::Constant(0));
    let blur = Transform::from(GaussianBlur {
        sigma_px: Range::new(0.3, 0.3),
    });
    let jpeg = Transform::from(Jpeg {
        quality: Range::exactly(50.0),
    });
    let affine = Transform::from(RandomAffine {
        rotation_deg: Range::new(-5.0, 5.0),
        scale: Range::exactly(1.1),
        ..RandomAffine::default()
    });
    assert_eq!(recipe.transforms, [blur, jpeg, affine]);
    for (text, border) in [
        ("border = { constant = 7 }", Border::Constant(7)),
        ("border.constant = 7", Border::Constant(7)),
        ("border = \"replicate\"", Border::Replicate),
        ("border = \"reflect\"", Border::Reflect),
        ("border = \"reflect101\"", Border::Reflect101),
        ("border = \"wrap\"", Border::Wrap),
    ] {
        assert_eq!(toml::from_str::<Recipe>(text).unwrap().border, border);
    }
    let json = r#"{"border": "constant", "transforms": [{"kind": "gamma", "gamma": 2}]}"#;
    let recipe: Recipe = serde_json::from_str(json).unwrap();
    assert_eq!(recipe.border, Border::Constant(0));
    let gamma = Range::exactly(2.0);
    assert_eq!(recipe.transforms, [Gamma { gamma }.into()]);
}

#[test]
fn a_wrong_type_names_the_field_and_the_expected_types() {
    let message = |text: &str| toml::from_str::<Recipe>(text).unwrap_err().to_string();
    let blur = |value: &str| {
        message(&format!(
            "[[transforms]]\nkind = 'gaussian_blur'\nsigma_px = {value}"
        ))
    };
    for value in ["true", "'wide'", "{ low = 1 }", "[1]", "[1, 2, 3]"] {
        let message = blur(value);
        assert!(
            message.contains("`sigma_px`: invalid")
                && message.contains("expected a number or a range [low, high]"),
            "{message}"
        );
    }
    for value in [
        "7",
        "'black'",
        "{ constant = 300 }",
        "{ constant = 1, wrap = 2 }",
    ] {
        let message = message(&format!("border = {value}"));
        let accepted = "`border`: expected \"constant\", { constant = 0 to 255 }, \"replicate\"";
        assert!(message.contains(accepted), "{message}");
    }
    let zoom = message("zoom = 'a lot'");
    assert!(
        zoom.contains("`zoom`: invalid type: string \"a lot\", expected f64"),
        "{zoom}"
    );
    let json = r#"{"interpolation": "cubic"}"#;
    let json = serde_json::from_str::<Recipe>(json)
        .unwrap_err()
        .to_string();
    assert!(
        json.contains("`interpolation`") && json.contains("`bicubic`"),
        "{json}"
    );
}

/// Also of transforms that are added to `every_transform` later.
#[test]
fn every_field_of_every_transform_names_itself() {
    let mut fields = 0;
    for transform in every_transform() {
        let table = toml::Table::try_from(&transform).unwrap();
        for key in table.keys().filter(|key| *key != "kind") {
            let mut wrong = table.clone();
            wrong.insert(key.clone(), true.into());
            let error = wrong.try_into::<Transform>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{key}`: ")),
                "{transform:?}: {error}"
            );
            fields += 1;
        }
    }
    assert!(fields > 60, "{fields}");
}

#[test]
fn mistakes_are_refused_with_the_path_to_the_field() {
    let refused = |text: &str| match toml::from_str::<Recipe>(text) {
        Ok(recipe) => recipe.compile(&Schema::kaggle15()).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    let error = |body: &str| refused(&format!("transforms = [{{ kind = {body} }}]"));
    assert!(error("'rotate'").contains("unknown variant `rotate`"));
    assert!(error("'gaussian_blur', sigma = [0, 1]").contains("unknown field `sigma`"));
    assert!(error("'affine', rotation = [0, 1]").contains("unknown field `rotation`"));
    assert!(
        error("'gaussian_blur', sigma_px = [nan, 1.0]").contains("`transforms[0].sigma_px` is NaN")
    );
    assert!(
        error("'gaussian_blur', sigma_px = [2.0, 1.0]")
            .contains("`transforms[0].sigma_px` is [2, 1]")
    );
    assert!(error("'perspective', magnitude = 0.3").contains("`transforms[0].magnitude` is 0.3"));
    assert!(error("'one_of', transforms = []").contains("`transforms[0].transforms` is empty"));
    let nested =
        "'one_of', transforms = [{ kind = 'invert' }, { kind = 'jpeg', quality = [0, 50] }]";
    assert!(error(nested).contains("`transforms[0].transforms[1].quality` is 0"));
    let shear = "'affine', shear_x_deg = [0, 60], shear_y_deg = [-40, 0]";
    assert!(error(shear).contains("shear_x_deg + shear_y_deg"));
    let count = "'some_of', count = 2, transforms = [{ kind = 'invert' }]";
    assert!(error(count).contains("`transforms[0].count` is 2"));
}

/// Three transforms that are distinguishable in the record.
fn marks() -> Vec<Transform> {
    [0.1, 0.2, 0.3]
        .map(|add| {
            Transform::from(Brightness {
                add: Range::exactly(add),
            })
        })
        .to_vec()
}

fn sampled_marks(transform: &Transform, index: u64) -> Vec<u32> {
    let augment = Recipe::of([transform.clone()])
        .compile(&Schema::kaggle15())
        .unwrap();
    let replay = augment.sample((4, 4), &mut rng_for(1, Purpose::Augment, 0, index));
    let mark = |step: &Step| match step {
        Step::Brightness(BrightnessStep { add }) => (add * 10.0).round() as u32,
        other => panic!("{other:?}"),
    };
    replay.steps().iter().map(mark).collect()
}

#[test]
fn compositions_select_as_documented() {
    let n = 3000;
    let share = |transform: &Transform, wanted: &[u32]| {
        let hits = (0..n)
            .filter(|i| sampled_marks(transform, *i) == wanted)
            .count();
        hits as f64 / n as f64
    };
    let compose = Transform::from(Compose {
        transforms: marks(),
    });
    assert_eq!(share(&compose, &[1, 2, 3]), 1.0);
    let one = Transform::from(OneOf {
        transforms: marks(),
    });
    for mark in 1..=3 {
        assert!((share(&one, &[mark]) - 1.0 / 3.0).abs() < 0.04);
    }
    let two = Transform::from(SomeOf {
        count: 2,
        transforms: marks(),
    });
    for pair in [[1, 2], [1, 3], [2, 3]] {
        assert!((share(&two, &pair) - 1.0 / 3.0).abs() < 0.04);
    }
    let sometimes = Transform::from(Sometimes {
        p: 0.2,
        transforms: marks(),
    });
    assert!((share(&sometimes, &[1, 2, 3]) - 0.2).abs() < 0.03);
    assert!((share(&sometimes, &[]) - 0.8).abs() < 0.03);
}

/// Samples augmented in any order and on any thread give the same results: the random generator
/// belongs to the sample.
#[test]
fn the_order_of_work_does_not_matter() {
    let augment = Recipe::faces().compile(&Schema::kaggle15()).unwrap();
    let augmented = |index: u64| {
        let sample = Sample::new("a", dot((48, 48), 20.0, 20.0), Keypoints::unlabeled(15));
        augment
            .apply(sample, &mut rng_for(7, Purpose::Augment, 2, index))
            .unwrap()
    };
    let forwards: Vec<_> = (0..24).map(augmented).collect();
    let mut backwards: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..24)
            .rev()
            .map(|index| scope.spawn(move || augmented(index)))
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    backwards.reverse();
    assert_eq!(forwards, backwards);
}

/// Rotation about the center is counter-clockwise, as in OpenCV.
#[test]
fn the_directions_of_an_affine_transform_are_as_documented() {
    let moved = |range: RandomAffine, x: f64, y: f64| {
        let augment = Recipe::of([range]).compile(&Schema::kaggle15()).unwrap();
        let mut rng = rng_for(0, Purpose::Augment, 0, 0);
        augment.sample((11, 11), &mut rng).point(x, y)
    };
    let near = |a: (f64, f64), b: (f64, f64)| {
        assert!(
            (a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9,
            "{a:?} {b:?}"
        );
    };
    let identity = RandomAffine::default();
    let rotation = RandomAffine {
        rotation_deg: Range::exactly(90.0),
        ..identity
    };
    near(moved(rotation, 10.0, 5.0), (5.0, 0.0));
    let shift = RandomAffine {
        shift_x: Range::exactly(0.1),
        shift_y_px: Range::exactly(2.0),
        ..identity
    };
    near(moved(shift, 3.0, 3.0), (4.1, 5.0));
    let zoom = RandomAffine {
        scale: Range::exactly(2.0),
        scale_x: Range::exactly(1.5),
        ..identity
    };
    near(moved(zoom, 6.0, 6.0), (8.0, 7.0));
    let shear = RandomAffine {
        shear_x_deg: Range::exactly(45.0),
        ..identity
    };
    near(moved(shear, 5.0, 6.0), (6.0, 6.0));
}
