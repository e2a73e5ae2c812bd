//! An image that is composed from the nearest thing to the farthest.
//!
//! In this order what is hidden need not be rendered, and the visible part of a face is known when
//! it is its turn.

use crate::layer::Layer;
use crate::params::Color;
use fkp_core::BoundingBox;

/// Less than a step of an 8-bit image.
const HIDDEN: f32 = 1e-3;

/// What has been composed so far.
pub(super) struct Composition {
    pub(super) size: usize,
    layers: Vec<Layer>,
}

impl Composition {
    /// Nothing, in an image of `size × size` pixels.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            layers: vec![Layer::CLEAR; size * size],
        }
    }

    /// Whether nothing behind this pixel is visible.
    pub(super) fn is_hidden(&self, [x, y]: [usize; 2]) -> bool {
        self.layers[y * self.size + x].most_passes() <= HIDDEN
    }

    /// Adds something behind all before.
    pub(super) fn add(&mut self, [x, y]: [usize; 2], behind: Layer) {
        let layer = &mut self.layers[y * self.size + x];
        *layer = layer.over(behind);
    }

    /// The fraction of the ellipse in a box that is in the image and not yet hidden.
    pub(super) fn visible(&self, bounds: &BoundingBox) -> f32 {
        /// Points along each axis of the box.
        const POINTS: usize = 32;
        let (mut visible, mut count) = (0.0, 0.0);
        let along = |point: usize| (point as f64 + 0.5) / POINTS as f64;
        let limits = -0.5..self.size as f64 - 0.5;
        for (u, v) in (0..POINTS * POINTS).map(|i| (along(i % POINTS), along(i / POINTS))) {
            if (u - 0.5).hypot(v - 0.5) > 0.5 {
                continue;
            }
            count += 1.0;
            let at = [bounds.x + u * bounds.width, bounds.y + v * bounds.height];
            if at.iter().all(|c| limits.contains(c)) {
                let [x, y] = at.map(|c| ((c + 0.5) as usize).min(self.size - 1));
                visible += self.layers[y * self.size + x].most_passes();
            }
        }
        visible / count
    }

    /// The light of the image, with a background behind everything.
    pub(super) fn over(self, mut background: Vec<Color>) -> Vec<Color> {
        for (pixel, layer) in background.iter_mut().zip(&self.layers) {
            *pixel = std::array::from_fn(|i| layer.light[i] + layer.passes[i] * pixel[i]);
        }
        background
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visible_part_is_in_the_image_and_not_hidden() {
        let mut composition = Composition::new(40);
        let whole = BoundingBox::from_image_edges(10.0, 10.0, 20.0, 20.0);
        assert_eq!(composition.visible(&whole), 1.0);
        let half_outside = BoundingBox::from_image_edges(-10.0, 10.0, 20.0, 20.0);
        assert!((composition.visible(&half_outside) - 0.5).abs() < 0.01);
        let opaque = Layer {
            light: [1.0; 3],
            passes: [0.0; 3],
        };
        for pixel in 0..40 * 20 {
            composition.add([pixel % 40, pixel / 40], opaque);
        }
        assert!(composition.is_hidden([3, 19]) && !composition.is_hidden([3, 20]));
        assert!((composition.visible(&whole) - 0.5).abs() < 0.01);
        assert_eq!(
            composition.visible(&BoundingBox::from_image_edges(50.0, 0.0, 9.0, 9.0)),
            0.0
        );
        let light = composition.over(vec![[0.25; 3]; 1600]);
        assert_eq!((light[0], light[1599]), ([1.0; 3], [0.25; 3]));
    }
}
