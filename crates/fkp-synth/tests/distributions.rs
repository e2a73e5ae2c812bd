//! The distributions of faces: ranges, means, symmetry, and parameters at their limits.

use fkp_core::{Purpose, rng_for};
use fkp_synth::camera::Channels;
use fkp_synth::distribution::{Normal, Uniform};
use fkp_synth::{FaceDistribution, FaceParams, KeypointSet, render};

fn sampled(distribution: &FaceDistribution, count: u64) -> Vec<FaceParams> {
    (0..count)
        .map(|index| distribution.sample(&mut rng_for(5, Purpose::Render, 0, index)))
        .collect()
}

fn mean(faces: &[FaceParams], of: impl Fn(&FaceParams) -> f32) -> f32 {
    faces.iter().map(of).sum::<f32>() / faces.len() as f32
}

fn range(faces: &[FaceParams], of: impl Fn(&FaceParams) -> f32) -> (f32, f32) {
    faces
        .iter()
        .map(of)
        .fold((f32::MAX, f32::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        })
}

#[test]
fn poses_are_within_their_limits_and_most_are_near_frontal() {
    let faces = sampled(&FaceDistribution::default(), 4000);
    let degrees = |of: fn(&FaceParams) -> f32| {
        let (low, high) = range(&faces, of);
        (low.to_degrees(), high.to_degrees())
    };
    for ((low, high), limit) in [
        (degrees(|f| f.pose.yaw), 75.0),
        (degrees(|f| f.pose.pitch), 40.0),
        (degrees(|f| f.pose.roll), 40.0),
    ] {
        assert!(low >= -limit && high <= limit, "{low} to {high}");
        assert!(low < -0.9 * limit && high > 0.9 * limit, "{low} to {high}");
    }
    let near = faces.iter().filter(|f| f.pose.yaw.abs() < 0.35).count();
    assert!(near > 2400, "{near} of 4000 within 20°");
}

#[test]
fn left_and_right_are_equally_likely() {
    let faces = sampled(&FaceDistribution::default(), 4000);
    let means = [
        ("yaw", mean(&faces, |f| f.pose.yaw), 0.02),
        ("roll", mean(&faces, |f| f.pose.roll), 0.01),
        ("shift", mean(&faces, |f| f.view.shift[0]), 0.002),
        ("gaze", mean(&faces, |f| f.expression.gaze[0]), 0.02),
        (
            "smile",
            mean(&faces, |f| f.expression.smile[0] - f.expression.smile[1]),
            0.02,
        ),
        (
            "blink",
            mean(&faces, |f| f.expression.blink[0] - f.expression.blink[1]),
            0.01,
        ),
        (
            "lids",
            mean(&faces, |f| f.eyes[0].upper_lid - f.eyes[1].upper_lid),
            0.002,
        ),
        (
            "brows",
            mean(&faces, |f| f.brows[0].arch - f.brows[1].arch),
            0.002,
        ),
        ("nose", mean(&faces, |f| f.nose.at[0]), 0.002),
        ("mouth", mean(&faces, |f| f.mouth.at[0]), 0.002),
        ("sweep", mean(&faces, |f| f.hair.sweep), 0.03),
        ("light", mean(&faces, |f| f.light.key.toward[0]), 0.06),
    ];
    for (name, mean, tolerance) in means {
        assert!(mean.abs() < tolerance, "{name}: {mean}");
    }
}

#[test]
fn a_distribution_has_the_mean_and_the_range_of_its_fields() {
    let mut distribution = FaceDistribution::default();
    // No dependence on the person.
    distribution.person.child.0 = 0.0;
    distribution.nose.shift = Normal {
        mean: 0.1,
        deviation: 0.02,
    };
    distribution.mouth.shift = Normal {
        mean: -0.05,
        deviation: 0.0,
    };
    distribution.eyes.pupil = Uniform {
        low: 0.3,
        high: 0.4,
    };
    distribution.expression.smile.probability.0 = 1.0;
    distribution.expression.smile.strength = Uniform {
        low: 0.5,
        high: 0.7,
    };
    distribution.expression.asymmetry.deviation = 0.0;
    let faces = sampled(&distribution, 2000);
    assert!((mean(&faces, |f| f.nose.at[0]) - 0.1).abs() < 0.002);
    let (low, high) = range(&faces, |f| f.nose.at[0]);
    assert!((0.0399..0.06).contains(&low) && (0.14..0.1601).contains(&high));
    assert_eq!(range(&faces, |f| f.mouth.at[0]), (-0.05, -0.05));
    let (low, high) = range(&faces, |f| f.iris.pupil);
    assert!((0.3..0.302).contains(&low) && (0.398..=0.4).contains(&high));
    let (low, high) = range(&faces, |f| f.expression.smile[1]);
    assert!(low >= 0.5 && high <= 0.7);
}

#[test]
fn changing_one_distribution_leaves_the_other_parts_of_a_face() {
    let default = sampled(&FaceDistribution::default(), 20);
    let mut distribution = FaceDistribution::default();
    distribution.nose.width.mean = 1.3;
    distribution.pose.yaw_degrees.0 = 5.0;
    distribution.expression.blink.probability.0 = 0.9;
    for (a, b) in default.iter().zip(sampled(&distribution, 20)) {
        assert_ne!(a.nose, b.nose);
        assert_eq!((&a.head, &a.mouth, &a.hair), (&b.head, &b.mouth, &b.hair));
        assert_eq!((&a.light, &a.camera), (&b.light, &b.camera));
        assert_eq!(a.texture, b.texture);
    }
}

/// Every number of a distribution, replaced through its serialized form.
fn with_numbers(change: impl Fn(&str, f64) -> f64 + Copy) -> FaceDistribution {
    fn walk(value: &mut serde_json::Value, key: &str, change: impl Fn(&str, f64) -> f64 + Copy) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    walk(value, key, change);
                }
            }
            serde_json::Value::Number(number) => {
                if let Some(changed) = number.as_f64().map(|v| change(key, v)) {
                    *value = serde_json::json!(changed);
                }
            }
            _ => {}
        }
    }
    let default = FaceDistribution::default();
    let mut value = serde_json::to_value(&default).expect("it is plain data");
    for (part, value) in value.as_object_mut().expect("a struct is an object") {
        if part != "background" && part != "camera" {
            walk(value, part, change);
        }
    }
    serde_json::from_value(value).expect("it has the same fields")
}

#[test]
fn parameters_at_their_limits_render() {
    let extremes = [
        // Everything at its mean or lowest value, and at its highest.
        with_numbers(|key, value| match key {
            "deviation" => 0.0,
            _ => value,
        }),
        with_numbers(|key, value| match key {
            "deviation" => 3.0 * value,
            _ => value,
        }),
        // All that is optional happens.
        with_numbers(|key, value| match key {
            "deviation" | "low" | "high" | "mean" => value,
            key if key.ends_with("degrees") => value,
            "scale" | "shift" => value,
            _ => 1.0,
        }),
        with_numbers(|key, value| match key {
            "deviation" | "low" | "high" | "mean" => value,
            key if key.ends_with("degrees") => 180.0,
            _ => value,
        }),
    ];
    for (number, distribution) in extremes.iter().enumerate() {
        distribution.validate().unwrap();
        for face in sampled(distribution, 12) {
            let (image, keypoints) = render(&face, 64, Channels::Rgb, KeypointSet::Ibug68);
            for p in keypoints.iter() {
                assert!(p.x.is_finite() && p.y.is_finite(), "distribution {number}");
            }
            let bytes: std::collections::BTreeSet<_> = image.as_bytes().iter().collect();
            assert!(bytes.len() > 8, "distribution {number}: an empty image");
        }
    }
}

#[test]
fn a_distribution_survives_serialization_and_refuses_unknown_fields() {
    let default = FaceDistribution::default();
    let text = toml::to_string(&default).unwrap();
    assert_eq!(toml::from_str::<FaceDistribution>(&text).unwrap(), default);
    let error = toml::from_str::<FaceDistribution>("[nose]\nlenght = 3").unwrap_err();
    assert!(error.to_string().contains("lenght"));
}

#[test]
fn invalid_distributions_name_their_field() {
    let mut distribution = FaceDistribution::default();
    distribution.eyes.pupil.high = 0.1;
    let error = distribution.validate().unwrap_err().to_string();
    assert!(error.contains("`eyes.pupil`"), "{error}");
    let mut distribution = FaceDistribution::default();
    distribution.person.woman.0 = f32::NAN;
    let error = distribution.validate().unwrap_err().to_string();
    assert!(error.contains("`person.woman`"), "{error}");
}
