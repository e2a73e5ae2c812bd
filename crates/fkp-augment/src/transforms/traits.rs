//! The trait that each group of transforms implements, and what their sampling uses.

use crate::pixels::Canvas;
use crate::{AugmentError, GeometricStep};
use fkp_core::{BoundingBox, Channel, Rng};

/// A transform that moves image and keypoints by a map.
pub(crate) trait Geometric {
    /// Checks every number and names the first invalid field.
    fn validate(&self) -> Result<(), AugmentError> {
        Ok(())
    }

    /// Samples the map; `None` leaves the image as it is.
    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep>;

    /// Whether left and right may change places.
    fn mirrors(&self) -> bool {
        false
    }
}

/// A transform that changes pixel values and leaves positions as they are.
pub(crate) trait Photometric {
    /// The sampled parameters. Implements [`PointwiseStep`] or [`PixelStep`].
    type Step;

    /// Checks every number and names the first invalid field.
    fn validate(&self) -> Result<(), AugmentError> {
        Ok(())
    }

    /// The number of steps that are sampled.
    fn count(&self) -> usize {
        1
    }

    /// Samples the parameters of one step.
    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Self::Step;
}

/// Sampled parameters that change each channel value on its own. Consecutive ones are applied
/// together, to bytes by one table.
pub(crate) trait PointwiseStep {
    /// The new value of `v`; both are fractions of white. The result is clamped to [0, 1].
    fn value(&self, v: f32) -> f32;
}

/// Sampled parameters that change an image in place.
pub(crate) trait PixelStep {
    /// Changes the image. Values stay between black and white.
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>);

    /// Whether a keypoint at this position becomes `Occluded`.
    fn covers(&self, _x: f32, _y: f32) -> bool {
        false
    }
}

/// A transform that applies other transforms of the type `T`.
pub(crate) trait Composition<T> {
    /// Checks its own numbers and names the first invalid field; the caller checks the transforms.
    fn validate(&self) -> Result<(), AugmentError> {
        Ok(())
    }

    /// The transforms that it selects from.
    fn transforms(&self) -> &[T];

    /// Whether it never applies any of them.
    fn is_never_applied(&self) -> bool {
        false
    }

    /// Calls `apply` for each selected transform, in order.
    fn select(&self, rng: &mut dyn Rng, apply: impl FnMut(&T, &mut dyn Rng));
}

/// The image as the transforms sampled so far leave it: its size, and where the labels are.
#[derive(Clone, Copy)]
pub struct SampleContext<'a> {
    pub(crate) size: (usize, usize),
    pub(crate) boxes: &'a dyn LabelBoxes,
}

/// The boxes of the labels in the current frame, computed on demand.
pub(crate) trait LabelBoxes {
    fn keypoints_box(&self) -> Option<BoundingBox>;
    fn face_box(&self) -> Option<BoundingBox>;
    /// Number of boxes that are not to be ignored.
    fn faces(&self) -> usize;
    /// One of them.
    fn face(&self, index: usize) -> Option<BoundingBox>;
}

impl SampleContext<'_> {
    /// (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// The center in pixels, `((width − 1) / 2, (height − 1) / 2)`.
    pub fn center(&self) -> (f64, f64) {
        let (width, height) = self.size;
        ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0)
    }

    /// The outer edges of the image, in pixels.
    pub fn bounds(&self) -> BoundingBox {
        BoundingBox {
            x: -0.5,
            y: -0.5,
            width: self.size.0 as f64,
            height: self.size.1 as f64,
        }
    }

    /// The box of the labeled keypoints in pixels, if there are any.
    pub fn keypoints_box(&self) -> Option<BoundingBox> {
        self.boxes.keypoints_box()
    }

    /// The face box in pixels, if there is one and it has an area.
    pub fn face_box(&self) -> Option<BoundingBox> {
        self.boxes.face_box()
    }

    /// Number of the boxes of [`fkp_core::Sample::boxes`] that are not to be ignored.
    pub fn faces(&self) -> usize {
        self.boxes.faces()
    }

    /// One of these boxes in pixels, if it has an area.
    pub fn face(&self, index: usize) -> Option<BoundingBox> {
        self.boxes.face(index)
    }
}

/// Samples a seed. 63 bits, because TOML's integers are signed.
pub(super) fn sample_seed(rng: &mut dyn Rng) -> u64 {
    rng.next_u64() >> 1
}
