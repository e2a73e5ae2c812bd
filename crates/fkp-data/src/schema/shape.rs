//! Identifies the built-in schema of numbered keypoints by their mean shape.

use fkp_core::{Keypoints, Schema};

/// The largest [`distance`] between the mean shape of the labels and that of the schema.
///
/// Measured over up to 200 samples: `ytf68` 0.01, `ibug68` 0.05, the five frontal videos of
/// `ckplus` 0.08; means of any five photographs of `ibug68` stay below 0.2. The same faces with
/// the two eyes swapped have 0.47, with all numbers shifted by one 0.51, eyes before brows 0.62,
/// mirrored or shuffled 0.9 and more, as have random keypoints and a hand.
const TOLERANCE: f64 = 0.25;

/// How many samples are compared, evenly spread over the data set.
const MAX_SAMPLES: usize = 200;

/// The result of [`match_shape`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ShapeMatch {
    /// The labels have the shape of this schema.
    Matches(Schema),
    /// This schema has as many numbered keypoints, but the distance is too large.
    Differs {
        name: String,
        distance: f64,
        tolerance: f64,
    },
    /// No sample has labels for all keypoints, so there is no shape to compare with this schema.
    NoShape { name: String },
    /// No built-in schema has as many numbered keypoints.
    NoCandidate,
}

/// Compares the labels of `count` numbered keypoints with the mean shape of the built-in schema of
/// as many numbered keypoints. Only samples with labels for all keypoints are used.
pub(crate) fn match_shape<'a>(
    count: usize,
    samples: impl Iterator<Item = &'a Keypoints>,
) -> ShapeMatch {
    let is_candidate = |schema: &Schema| {
        let mut numbers = schema.keypoints().iter().enumerate();
        schema.len() == count && numbers.all(|(i, name)| *name == i.to_string())
    };
    let Some(schema) = Schema::builtin().into_iter().find(is_candidate) else {
        return ShapeMatch::NoCandidate;
    };
    let complete: Vec<&Keypoints> = samples
        .filter(|keypoints| keypoints.iter().all(fkp_core::Keypoint::is_labeled))
        .collect();
    let selected = complete
        .iter()
        .step_by(complete.len().div_ceil(MAX_SAMPLES).max(1));
    let name = schema.name().to_owned();
    let Some(mean) = mean_shape(selected.copied()) else {
        return ShapeMatch::NoShape { name };
    };
    let expected: Vec<Point> = schema.mean_shape().iter().map(|&[x, y]| (x, y)).collect();
    match distance(&mean, &expected) {
        distance if distance <= TOLERANCE => ShapeMatch::Matches(schema),
        distance => ShapeMatch::Differs {
            name,
            distance,
            tolerance: TOLERANCE,
        },
    }
}

type Point = (f64, f64);

/// The mean of the shapes, each centered at the origin and scaled to a mean square radius of 1.
/// They are not rotated: rotated to match the schema, even noise would resemble it.
fn mean_shape<'a>(samples: impl Iterator<Item = &'a Keypoints>) -> Option<Vec<Point>> {
    let mut sum: Vec<Point> = Vec::new();
    for sample in samples {
        let points: Vec<Point> = sample.iter().map(|p| (p.x.into(), p.y.into())).collect();
        let Some(shape) = normalized(&points) else {
            continue;
        };
        sum.resize(shape.len(), (0.0, 0.0));
        for (total, point) in sum.iter_mut().zip(shape) {
            *total = (total.0 + point.0, total.1 + point.1);
        }
    }
    (!sum.is_empty()).then_some(sum)
}

/// The distance of two shapes after the similarity transform (translation, rotation and scale, no
/// reflection) that aligns them best: the full Procrustes distance, 0 for the same shape and at
/// most 1.
///
/// With points as complex numbers, centered and scaled to length 1, the least-squares transform of
/// Umeyama (1991) multiplies by their inner product, and the residual is `√(1 − |⟨a, b⟩|²)` (Dryden
/// and Mardia, *Statistical Shape Analysis*, 8.2).
fn distance(a: &[Point], b: &[Point]) -> f64 {
    let (Some(a), Some(b)) = (normalized(a), normalized(b)) else {
        return 1.0;
    };
    let count = a.len() as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (p, q) in a.iter().zip(&b) {
        re += (p.0 * q.0 + p.1 * q.1) / count;
        im += (p.0 * q.1 - p.1 * q.0) / count;
    }
    (1.0 - re * re - im * im).max(0.0).sqrt()
}

/// Centered at the origin and scaled to a mean square radius of 1; `None` if all points coincide.
fn normalized(points: &[Point]) -> Option<Vec<Point>> {
    let count = points.len() as f64;
    let sum = points
        .iter()
        .fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
    let (cx, cy) = (sum.0 / count, sum.1 / count);
    let centered = points.iter().map(|p| (p.0 - cx, p.1 - cy));
    let square: f64 = centered.clone().map(|p| p.0 * p.0 + p.1 * p.1).sum();
    let radius = (square / count).sqrt();
    (radius > 1e-9).then(|| centered.map(|p| (p.0 / radius, p.1 / radius)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenOptions, open};
    use fkp_core::{Affine, Dataset, Keypoint, Purpose, Rng, rng_for};
    use fkp_test_support::shared_set;

    fn mean_face() -> Keypoints {
        let mean_shape = Schema::ibug68().mean_shape().to_vec();
        let at = |[x, y]: [f64; 2]| Keypoint::new((x * 96.0) as f32, (y * 96.0) as f32);
        mean_shape.into_iter().map(at).collect()
    }

    fn distance_to_ibug68(samples: &[Keypoints]) -> f64 {
        let expected: Vec<Point> = Schema::ibug68()
            .mean_shape()
            .iter()
            .map(|&[x, y]| (x, y))
            .collect();
        distance(&mean_shape(samples.iter()).unwrap(), &expected)
    }

    fn permuted(samples: &[Keypoints], order: &[usize]) -> Vec<Keypoints> {
        let one = |keypoints: &Keypoints| order.iter().map(|i| keypoints[*i]).collect();
        samples.iter().map(one).collect()
    }

    #[test]
    fn the_distance_ignores_translation_rotation_and_scale_but_not_reflection() {
        let face = mean_face();
        let rotated = Affine::new([[0.6, -1.6, 30.0], [1.6, 0.6, -7.0]]).unwrap();
        assert!(distance_to_ibug68(&[face.map(&rotated)]) < 1e-3);
        assert!(distance_to_ibug68(&[face.map(&Affine::flip_horizontal(96))]) > 0.9);
        let triangle = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)];
        let flat = [(0.0, 0.0), (1.0, 0.0), (0.5, 0.0)];
        // By hand: centered, the inner product is 1/2 and the squared lengths 4/3 and 1/2.
        assert!((distance(&triangle, &flat) - 0.625f64.sqrt()).abs() < 1e-12);
        assert_eq!(distance(&triangle, &[(2.0, 2.0); 3]), 1.0);
    }

    /// The numbers in the documentation of [`TOLERANCE`].
    #[test]
    fn the_tolerance_separates_faces_from_other_shapes() {
        let face = [mean_face()];
        let mut orders: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut eyes: Vec<usize> = (0..68).collect();
        eyes[36..48].rotate_left(6);
        orders.push(("eyes swapped", eyes));
        orders.push(("shifted by one", (0..68).map(|i| (i + 1) % 68).collect()));
        orders.push(("backwards", (0..68).rev().collect()));
        orders.push(("jaw last", (0..68).map(|i| (i + 17) % 68).collect()));
        let mut rng = rng_for(1, Purpose::Split, 0, 0);
        let mut shuffled: Vec<usize> = (0..68).collect();
        for i in (1..68).rev() {
            shuffled.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
        }
        orders.push(("shuffled", shuffled));
        for (name, order) in orders {
            let found = distance_to_ibug68(&permuted(&face, &order));
            assert!(found > 0.45, "{name}: {found}");
        }
        // Five fingers of 13 or 14 joints.
        let joint = |finger: usize, joint: usize, count: usize| {
            let angle = 0.5 + 0.55 * finger as f64;
            let radius = 30.0 + 70.0 * (joint + 1) as f64 / count as f64;
            Keypoint::new(
                (radius * angle.cos()) as f32,
                (-radius * angle.sin()) as f32,
            )
        };
        let fingers = [13, 14, 14, 14, 13].into_iter().enumerate();
        let hand: Keypoints = fingers
            .flat_map(|(f, n)| (0..n).map(move |j| joint(f, j, n)))
            .collect();
        assert_eq!(hand.len(), 68);
        assert!(distance_to_ibug68(&[hand]) > 0.9);
        let mut random = |_| (rng.next_u64() % 4096) as f32;
        let noise: Vec<Keypoints> = (0..200)
            .map(|_| {
                (0..68)
                    .map(|i| Keypoint::new(random(i), random(i)))
                    .collect()
            })
            .collect();
        assert!(distance_to_ibug68(&noise) > 0.9);
        let line = (0..68).map(|i| Keypoint::new(i as f32, i as f32)).collect();
        assert!(distance_to_ibug68(&[line]) > 0.9);
    }

    #[test]
    fn the_tolerance_separates_the_98_keypoints_from_other_orders() {
        let mean_shape = Schema::wflw98().mean_shape().to_vec();
        let at = |[x, y]: [f64; 2]| Keypoint::new((96.0 * x) as f32, (96.0 * y) as f32);
        let face: Keypoints = mean_shape.into_iter().map(at).collect();
        let matched = |face: &Keypoints| match_shape(98, [face].into_iter());
        assert_eq!(matched(&face), ShapeMatch::Matches(Schema::wflw98()));
        let mut eyes: Vec<usize> = (0..98).collect();
        eyes[60..76].rotate_left(8);
        let orders: [Vec<usize>; 4] = [
            eyes,
            (0..98).rev().collect(),
            (0..98).map(|i| (i + 1) % 98).collect(),
            (0..98).map(|i| (i + 33) % 98).collect(),
        ];
        for order in orders {
            let other = &permuted(std::slice::from_ref(&face), &order)[0];
            let ShapeMatch::Differs { distance, .. } = matched(other) else {
                panic!("{order:?}");
            };
            assert!(distance > 0.35, "{distance} {order:?}");
        }
    }

    #[test]
    fn real_faces_are_well_within_the_tolerance() {
        for name in ["ytf68", "ibug68", "ckplus"] {
            let Some(path) = shared_set(name) else {
                continue;
            };
            let set = open(path, &OpenOptions::default()).unwrap().complete;
            assert_eq!(set.schema(), &Schema::ibug68(), "{name}");
            let indices = (0..set.len()).step_by(set.len().div_ceil(100));
            let faces: Vec<Keypoints> = indices.map(|i| set.get(i).unwrap().keypoints).collect();
            let found = distance_to_ibug68(&faces);
            assert!(found < 0.4 * TOLERANCE, "{name}: {found}");
            let backwards: Vec<usize> = (0..68).rev().collect();
            assert!(distance_to_ibug68(&permuted(&faces, &backwards)) > 0.8);
        }
    }

    #[test]
    fn each_result_has_its_reason() {
        let faces = vec![mean_face(); 3];
        assert_eq!(
            match_shape(68, faces.iter()),
            ShapeMatch::Matches(Schema::ibug68())
        );
        assert_eq!(match_shape(15, [].iter()), ShapeMatch::NoCandidate);
        let mut missing = mean_face();
        missing[4] = Keypoint::unlabeled();
        let name = "ibug68".to_owned();
        let none = [missing.clone()];
        assert_eq!(match_shape(68, none.iter()), ShapeMatch::NoShape { name });
        let some = [missing, mean_face()];
        assert_eq!(
            match_shape(68, some.iter()),
            ShapeMatch::Matches(Schema::ibug68())
        );
        let dot = [Keypoints::from_xy(&[[3.0, 3.0]; 68])];
        assert!(matches!(
            match_shape(68, dot.iter()),
            ShapeMatch::NoShape { .. }
        ));
        let mirrored = [mean_face().map(&Affine::flip_horizontal(96))];
        let result = match_shape(68, mirrored.iter());
        assert!(matches!(result, ShapeMatch::Differs { distance, .. } if distance > 0.9));
    }
}
