//! Crops that are not those of a face.

use crate::distributions::Sampler;
use crate::params::View;
use fkp_core::{BoundingBox, Rng};

/// Ranges of the overlap with the face's own crop, each for half of the images.
const OVERLAP: [[f32; 2]; 2] = [[0.0, 0.1], [0.1, 0.3]];

/// Sides of the face's own crop, in sides of the crop: from a small face to one that fills more than
/// the crop.
const SCALE: [f32; 2] = [0.25, 4.0];

/// Moves a face in its image, so that the crop is one beside, around or inside it.
pub(crate) fn place(view: &mut View, rng: &mut dyn Rng) {
    let mut sampler = Sampler::new(rng);
    let [low, high] = OVERLAP[usize::from(sampler.bernoulli(0.5))];
    loop {
        let scale = sampler.uniform(SCALE[0].ln(), SCALE[1].ln()).exp();
        // Up to a third of the crop beyond its border.
        let limit = 0.5 + 0.5 * scale + 0.33;
        let shift = [0; 2].map(|_| sampler.uniform(-limit, limit));
        if (low..high).contains(&overlap(scale, shift)) {
            (view.scale, view.shift) = (scale, shift);
            return;
        }
    }
}

/// Intersection over union of the crop and the square of a face, whose side and shift are in sides
/// of the crop.
fn overlap(side: f32, shift: [f32; 2]) -> f32 {
    let square = |[x, y]: [f32; 2], side: f32| BoundingBox {
        x: f64::from(x - side / 2.0),
        y: f64::from(y - side / 2.0),
        width: side.into(),
        height: side.into(),
    };
    square(shift, side).iou(&square([0.0; 2], 1.0)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeypointSet, SynthConfig, SynthFaces};
    use fkp_core::Dataset;

    #[test]
    fn images_without_a_face_follow_the_faces_and_have_no_labels() {
        let faces = |non_faces| {
            let config = SynthConfig {
                count: 3,
                non_faces,
                size: 48,
                keypoints: KeypointSet::Ibug68,
                ..SynthConfig::default()
            };
            SynthFaces::new(config).unwrap()
        };
        let (with, without) = (faces(200), faces(0));
        assert_eq!((with.len(), without.len()), (203, 3));
        assert_eq!(with.get(2).unwrap(), without.get(2).unwrap());
        assert_eq!(with.get(3).unwrap(), with.get(3).unwrap());
        for index in 3..8 {
            let sample = with.get(index).unwrap();
            assert_eq!(sample.keypoints.len(), 68);
            assert_eq!(sample.keypoints.labeled().count(), 0);
            assert!(!sample.is_face && with.get(2).unwrap().is_face);
        }
        let overlaps: Vec<f32> = (3..203)
            .map(|index| with.params(index).view)
            .map(|view| overlap(view.scale, view.shift))
            .collect();
        assert!(overlaps.iter().all(|overlap| *overlap < 0.3));
        let near = overlaps.iter().filter(|overlap| **overlap >= 0.1).count();
        assert!((70..130).contains(&near), "{near}");
    }
}
