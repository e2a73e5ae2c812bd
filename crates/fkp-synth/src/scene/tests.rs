//! Labels against what is seen in the image.

use super::Scene;
use super::placed::Placed;
use crate::config::KeypointSet;
use crate::distribution::FaceDistribution;
use crate::math::{Vec3, dot, sub};
use crate::mesh::VisibilityBuffer;
use crate::mesh::visibility::{NOTHING, weights};
use crate::params::{CropAround, HairStyle, Pose};
use fkp_core::{Purpose, Visibility, rng_for};

/// The part that has the triangle of this number, and the triangle.
fn solid_triangle<'s>(scene: &'s Scene, id: u32) -> Option<(&'s Placed, [u32; 3])> {
    let mut index = id as usize;
    for (_, placed) in &scene.solids.parts {
        match placed.triangles.get(index) {
            Some(triangle) => return Some((placed, *triangle)),
            None => index -= placed.triangles.len(),
        }
        if id == NOTHING {
            return None;
        }
    }
    None
}

/// Where a small ball around a point of the head is seen in the rendered image: the centroid of
/// the samples whose surface is within the ball.
fn measured(scene: &Scene, at: Vec3, radius: f32) -> Option<[f32; 2]> {
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for y in 0..scene.size {
        for x in 0..scene.size {
            for (sample, (id, _)) in scene.solids.visible.pixel(x, y).into_iter().enumerate() {
                let Some((placed, triangle)) = solid_triangle(scene, id) else {
                    continue;
                };
                let place = VisibilityBuffer::position(x, y, sample);
                let w = weights(triangle.map(|v| placed.screen[v as usize]), place);
                let [a, b, c] = triangle.map(|v| placed.vertices[v as usize].at);
                let here: Vec3 = std::array::from_fn(|i| w[0] * a[i] + w[1] * b[i] + w[2] * c[i]);
                let off = sub(here, at);
                if dot(off, off) < radius * radius {
                    sum = [sum[0] + place[0], sum[1] + place[1]];
                    count += 1.0;
                }
            }
        }
    }
    (count > 3.0).then(|| sum.map(|c| c / count))
}

#[test]
fn labels_are_where_their_points_are_seen_in_the_image() {
    let distribution = FaceDistribution::default();
    let mut measurements = 0;
    for (index, yaw) in [0.0, 0.35, -0.7, 1.0, -1.3].into_iter().enumerate() {
        for pitch in [0.0, 0.4, -0.4] {
            let mut rng = rng_for(8, Purpose::Render, 0, index as u64);
            let mut face = distribution.sample(&mut rng);
            face.pose = Pose {
                yaw,
                pitch,
                roll: 0.2,
            };
            face.hair.style = HairStyle::Bald;
            face.view.crop = CropAround::FaceBox(0.7);
            (face.view.scale, face.view.shift) = (1.0, [0.0; 2]);
            let scene = Scene::new(&face, 256, KeypointSet::Ibug68);
            let points = &scene.points;
            for (point, (p, label)) in points.iter().zip(scene.keypoints().iter()).enumerate() {
                if label.visibility != Visibility::Visible {
                    continue;
                }
                let at = scene.placer.rotation.apply(*p);
                let Some(seen) = measured(&scene, at, 0.03) else {
                    continue;
                };
                measurements += 1;
                let off = crate::math::length(seen[0] - label.x, seen[1] - label.y);
                assert!(
                    off < 1.0,
                    "yaw {yaw}, pitch {pitch}: point {point} is {off} px off"
                );
            }
        }
    }
    assert!(measurements > 600, "{measurements} points were seen");
}

#[test]
fn a_hidden_label_has_something_in_front_of_it() {
    let distribution = FaceDistribution::default();
    let (mut visible, mut seen) = (0, 0);
    for index in 0..20 {
        let mut face = distribution.sample(&mut rng_for(9, Purpose::Render, 0, index));
        face.hair.style = HairStyle::Bald;
        face.view.crop = CropAround::FaceBox(0.7);
        let scene = Scene::new(&face, 128, KeypointSet::Ibug68);
        let points = &scene.points;
        // The jaw line is beside the ears, whose edges cover parts of pixels.
        for (p, label) in points.iter().zip(scene.keypoints().iter()).skip(17) {
            let at = scene.placer.rotation.apply(*p);
            match label.visibility {
                Visibility::Occluded => assert!(measured(&scene, at, 0.02).is_none()),
                Visibility::Visible => {
                    visible += 1;
                    seen += usize::from(measured(&scene, at, 0.3).is_some());
                }
                _ => {}
            }
        }
    }
    // The edge of a fold in front of a point may cover a part of its pixel.
    assert!(
        100 * seen > 98 * visible,
        "{seen} of {visible} visible points are seen"
    );
}
