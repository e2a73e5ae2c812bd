//! Transforms that are defined outside this crate.

use super::Recorder;
use crate::AugmentError;
use fkp_core::Rng;
use std::fmt;

/// A transform of your own, added to a recipe by [`Transform::custom`](crate::Transform::custom).
///
/// [`CustomTransform::sample`] samples the parameters and adds steps to the record: a
/// [`GeometricStep`](crate::GeometricStep) for the pixels and the keypoints, the step of a built-in
/// transform such as [`ContrastStep`](crate::ContrastStep), or an operation on the pixels of your
/// own, a [`CustomStep`](crate::CustomStep).
///
/// A geometric transform:
///
/// ```
/// use fkp_augment::{Affine, CustomTransform, GeometricStep, Range, Recipe, Recorder, Rng};
/// use fkp_augment::{Purpose, Schema, Transform, rng_for};
///
/// /// Shifts to the left by a number of pixels.
/// #[derive(Debug)]
/// struct ShiftLeft(Range);
///
/// impl CustomTransform for ShiftLeft {
///     fn name(&self) -> &str {
///         "shift_left"
///     }
///     fn sample(&self, recorder: &mut Recorder<'_>, rng: &mut dyn Rng) {
///         let size = recorder.context().size();
///         let map = Affine::translation(-self.0.sample(rng), 0.0);
///         recorder.push(GeometricStep::new(map, size));
///     }
/// }
///
/// let recipe = Recipe::of([Transform::custom(ShiftLeft(Range::exactly(3.0)))]);
/// let augment = recipe.compile(&Schema::kaggle15())?;
/// let replay = augment.sample((96, 96), &mut rng_for(7, Purpose::Augment, 0, 0));
/// assert_eq!(replay.point(10.0, 20.0), (7.0, 20.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A photometric transform:
///
/// ```
/// use fkp_augment::{CustomStep, CustomTransform, Range, RasterMut, Recipe, Recorder, Rng, Step};
/// use fkp_augment::{Image, Purpose, Schema, Transform, rng_for};
///
/// /// Inverts the values above a threshold.
/// #[derive(Debug)]
/// struct Solarize {
///     threshold: Range,
/// }
///
/// #[derive(Debug)]
/// struct SolarizeStep {
///     threshold: f32,
/// }
///
/// impl CustomTransform for Solarize {
///     fn name(&self) -> &str {
///         "solarize"
///     }
///     fn sample(&self, recorder: &mut Recorder<'_>, rng: &mut dyn Rng) {
///         let threshold = self.threshold.sample(rng) as f32;
///         recorder.push(Step::custom(SolarizeStep { threshold }));
///     }
/// }
///
/// impl CustomStep for SolarizeStep {
///     fn apply(&self, image: &mut RasterMut<'_>) {
///         for value in image.as_mut_slice() {
///             if *value > self.threshold {
///                 *value = 1.0 - *value;
///             }
///         }
///     }
/// }
///
/// let threshold = Range::exactly(0.5);
/// let recipe = Recipe::of([Transform::custom(Solarize { threshold })]);
/// let augment = recipe.compile(&Schema::kaggle15())?;
/// let replay = augment.sample((2, 1), &mut rng_for(7, Purpose::Augment, 0, 0));
/// let image = Image::new(2, 1, 1, vec![100, 200])?;
/// assert_eq!(replay.image(&image).as_bytes(), [100, 55]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait CustomTransform: fmt::Debug + Send + Sync {
    /// The name in error messages.
    fn name(&self) -> &str;

    /// Checks the parameters when a recipe is compiled.
    ///
    /// # Errors
    /// Names the first invalid field.
    fn validate(&self) -> Result<(), AugmentError> {
        Ok(())
    }

    /// Samples the parameters and adds the steps to the record. The same numbers of `rng` must give
    /// the same steps.
    fn sample(&self, recorder: &mut Recorder<'_>, rng: &mut dyn Rng);

    /// Whether left and right may change places, for which the flip pairs of the schema must be
    /// known.
    fn mirrors(&self) -> bool {
        false
    }
}

/// Two transforms are equal if they are the same object.
impl PartialEq for dyn CustomTransform {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self, other)
    }
}
