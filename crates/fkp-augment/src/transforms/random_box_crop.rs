//! Cropping around a random one of the labeled boxes, at a random scale.

use super::traits::{Geometric, SampleContext};
use crate::range::{check_number, check_size};
use crate::{AugmentError, GeometricStep, Range};
use fkp_core::{BoundingBox, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Crops a window in which a random one of the boxes has a random size and place: for the training
/// of detectors (data-anchor sampling, Tang et al. 2018). Boxes to ignore are not chosen. Without a
/// box to choose, the window has a random place and is as large as fits into the image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomBoxCrop {
    /// Width of the result in pixels.
    pub width: usize,
    /// Height of the result in pixels.
    pub height: usize,
    /// The side of the chosen box in the result, √(width · height) in pixels, sampled uniformly in
    /// its logarithm; within [1, 10000].
    pub side_px: Range,
    /// The largest factor by which the image is enlarged; within [0.01, 100].
    pub max_zoom: f64,
}

impl Geometric for RandomBoxCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        check_size(self.width, self.height)?;
        self.side_px.check("side_px", 1.0, 1e4)?;
        check_number("max_zoom", self.max_zoom, 0.01, 100.0)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let size = (self.width, self.height);
        let (width, height) = (self.width as f64, self.height as f64);
        let image = context.bounds();
        let faces = context.faces();
        let face = match faces {
            0 => None,
            _ => context.face(rng.random_range(0..faces)),
        };
        // Without a box, a window as large as fits.
        let fitting = (width / image.width).max(height / image.height);
        let zoom = face.map_or(fitting, |face| {
            let (low, high) = (self.side_px.low.ln(), self.side_px.high.ln());
            rng.random_range(low..=high).exp() / face.mean_side()
        });
        let zoom = zoom.min(self.max_zoom);
        let (window_w, window_h) = (width / zoom, height / zoom);
        let mut start = |window: f64, side: f64, center: Option<f64>| match center {
            // The center of the box is anywhere in the window, which is inside the image if it can
            // be.
            Some(center) => {
                let (low, high) = (center - window, center);
                let (inner_low, inner_high) = (low.max(-0.5), high.min(side - 0.5 - window));
                match inner_low <= inner_high {
                    true => rng.random_range(inner_low..=inner_high),
                    false => rng.random_range(low..=high),
                }
            }
            None => {
                let slack = side - window;
                rng.random_range(slack.min(0.0)..=slack.max(0.0)) - 0.5
            }
        };
        let center = face.map(|face| face.center());
        let window = BoundingBox {
            x: start(window_w, image.width, center.map(|(x, _)| x)),
            y: start(window_h, image.height, center.map(|(_, y)| y)),
            width: window_w,
            height: window_h,
        };
        Some(GeometricStep::crop_resize(&window, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FlipHorizontal, Recipe};
    use fkp_core::Augment;
    use fkp_core::{Image, Keypoints, LabeledBox, Purpose, Sample, Schema, rng_for};

    fn crop(boxes: Vec<LabeledBox>, index: u64) -> Sample {
        let crop = RandomBoxCrop {
            width: 64,
            height: 48,
            side_px: Range::new(8.0, 32.0),
            max_zoom: 4.0,
        };
        let recipe = Recipe::of([crop]);
        let sample = Sample {
            boxes,
            ..Sample::new(
                "crowd",
                Image::filled(200, 160, 1, 90),
                Keypoints::default(),
            )
        };
        let pipeline = recipe.compile(&Schema::boxes()).unwrap();
        let mut rng = rng_for(3, Purpose::Augment, 0, index);
        pipeline.apply(sample, &mut rng).unwrap()
    }

    #[test]
    fn the_chosen_box_has_its_size_and_is_inside() {
        let square = |x: f64, side: f64| BoundingBox::from_image_edges(x, 60.0, side, side);
        let mut sizes = Vec::new();
        for index in 0..200 {
            let ignored = LabeledBox {
                bounds: square(20.0, 50.0),
                ignore: true,
            };
            let sample = crop(vec![ignored, LabeledBox::face(square(120.0, 20.0))], index);
            assert_eq!(sample.image.size(), (64, 48));
            let face = sample.boxes.iter().find(|face| !face.ignore);
            // Cut off at the border it may be ignored.
            let Some(face) = face else { continue };
            let side = face.bounds.longer_side();
            assert!(side <= 32.0 + 1e-6, "{side}");
            sizes.push(side);
        }
        assert!(sizes.len() > 100);
        assert!(sizes.iter().any(|side| *side < 10.0) && sizes.iter().any(|side| *side > 28.0));
    }

    /// Boxes follow a mirror image, are cut at the border, and count half inside only.
    #[test]
    fn boxes_move_with_the_image() {
        let square = |x: f64| LabeledBox::face(BoundingBox::from_image_edges(x, 10.0, 20.0, 20.0));
        let flip = Recipe::of([FlipHorizontal {}])
            .compile(&Schema::boxes())
            .unwrap();
        let mut rng = rng_for(3, Purpose::Augment, 0, 0);
        let flip = flip.sample((100, 50), &mut rng);
        // x from 5 to 25 becomes 75 to 95; of the second 12 px are inside, of the third 8.
        let moved = flip.boxes(&[square(5.0), square(88.0), square(92.0), square(101.0)]);
        let x: Vec<f64> = moved.iter().map(|face| face.bounds.x + 0.5).collect();
        let widths: Vec<f64> = moved.iter().map(|face| face.bounds.width).collect();
        let ignored: Vec<bool> = moved.iter().map(|face| face.ignore).collect();
        for (got, expected) in x.iter().zip([75.0, 0.0, 0.0]) {
            assert!((got - expected).abs() < 1e-9, "{x:?}");
        }
        for (got, expected) in widths.iter().zip([20.0, 12.0, 8.0]) {
            assert!((got - expected).abs() < 1e-9, "{widths:?}");
        }
        assert_eq!(ignored, [false, false, true]);
    }

    #[test]
    fn an_image_without_boxes_is_cropped_inside() {
        for index in 0..20 {
            let sample = crop(Vec::new(), index);
            assert_eq!(sample.image.size(), (64, 48));
            // No border is visible.
            assert!(sample.image.as_bytes().iter().all(|value| *value == 90));
        }
    }
}
