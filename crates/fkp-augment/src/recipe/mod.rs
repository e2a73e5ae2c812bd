//! A recipe: rotation, shift, zoom and flip by their usual names, and a list of transforms.

mod custom;
mod faces;
mod recorder;
mod transform;

pub use custom::CustomTransform;
pub use recorder::{Labels, Recorder};
pub use transform::Transform;

use crate::keys::Named;
use crate::range::check_number;
use crate::{AugmentError, GeometricStep};
use fkp_core::warp::Sampling;
use fkp_core::{Affine, Border, Filter, Rng};
use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use transform::{mirroring_path, validate_all};

/// Whether the two axes are zoomed by one factor or by one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoomAxes {
    /// One factor for both axes: faces keep their proportions.
    #[default]
    Together,
    /// A factor for each axis, sampled independently, as Keras' `zoom_range` does: faces become
    /// wider or longer.
    Separate,
}

/// How images and keypoints are augmented. In a file, an operation whose key is left out is not
/// applied.
///
/// First rotation, shift, zoom and flip, which are one map, in the order of Keras: rotation about
/// the image's center, then shift, then zoom about the center, then flip. Then
/// [`Recipe::transforms`], in order. Consecutive geometric transforms are composed and the image is
/// resampled once, so the border is that of the original image: where a crop removes pixels and a
/// later pad adds them again, the pixels of the image are visible.
///
/// ```
/// let recipe: fkp_augment::Recipe = toml::from_str(
///     "rotation_deg = 10.0\nshift_x = 0.1\nshift_y = 0.1\nflip_horizontal_p = 0.5",
/// )?;
/// assert_eq!(recipe.zoom, 0.0);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Recipe {
    /// Rotation by an angle uniform in [−r, r] degrees; 0 ≤ r ≤ 180. Keras: `rotation_range`.
    #[serde(default)]
    pub rotation_deg: f64,
    /// Shift by a fraction of the width uniform in [−s, s]; 0 ≤ s ≤ 1. Keras: `width_shift_range`.
    #[serde(default)]
    pub shift_x: f64,
    /// Shift by a fraction of the height uniform in [−s, s]; 0 ≤ s ≤ 1. Keras:
    /// `height_shift_range`.
    #[serde(default)]
    pub shift_y: f64,
    /// Zoom to a window whose sides are those of the image times a factor uniform in [1−z, 1+z]: a
    /// factor of 0.8 enlarges by 1.25; 0 ≤ z ≤ 0.9. Keras: `zoom_range`.
    #[serde(default)]
    pub zoom: f64,
    /// One zoom factor for both axes, or one for each.
    #[serde(default)]
    pub zoom_axes: ZoomAxes,
    /// Probability of mirroring left to right. Keras: `horizontal_flip=True` is 0.5.
    #[serde(default)]
    pub flip_horizontal_p: f64,
    /// The pixels beyond the image's edge. Keras: `fill_mode`.
    #[serde(default)]
    pub border: Border,
    /// Interpolation between pixel centers.
    #[serde(default)]
    pub interpolation: Filter,
    /// The transforms that are applied after these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<Transform>,
}

impl Recipe {
    /// Changes nothing.
    pub fn none() -> Self {
        Self {
            rotation_deg: 0.0,
            shift_x: 0.0,
            shift_y: 0.0,
            zoom: 0.0,
            zoom_axes: ZoomAxes::default(),
            flip_horizontal_p: 0.0,
            border: Border::Replicate,
            interpolation: Filter::Bilinear,
            transforms: Vec::new(),
        }
    }

    /// These transforms and nothing else.
    ///
    /// ```
    /// use fkp_augment::{FlipHorizontal, Gray, Recipe, Transform};
    /// let flip = Transform::from(FlipHorizontal {}).with_probability(0.5);
    /// let recipe = Recipe::of([flip, Gray {}.into()]);
    /// assert_eq!(recipe.transforms[1], Recipe::of([Gray {}]).transforms[0]);
    /// ```
    pub fn of(transforms: impl IntoIterator<Item = impl Into<Transform>>) -> Self {
        Self {
            transforms: transforms.into_iter().map(Into::into).collect(),
            ..Self::none()
        }
    }

    /// The tutorial's parameters of Keras' `ImageDataGenerator`: rotation 10°, shifts 0.1, zoom 0.2
    /// with a factor for each axis, horizontal flip, edge pixels repeated. The labels are moved
    /// too, which Keras does not do (see [`crate::PixelsOnly`]).
    pub fn tutorial() -> Self {
        Self {
            rotation_deg: 10.0,
            shift_x: 0.1,
            shift_y: 0.1,
            zoom: 0.2,
            zoom_axes: ZoomAxes::Separate,
            flip_horizontal_p: 0.5,
            ..Self::none()
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// Names the first field that is out of its range or not finite.
    pub fn validate(&self) -> Result<(), AugmentError> {
        check_number("rotation_deg", self.rotation_deg, 0.0, 180.0)?;
        check_number("shift_x", self.shift_x, 0.0, 1.0)?;
        check_number("shift_y", self.shift_y, 0.0, 1.0)?;
        check_number("zoom", self.zoom, 0.0, 0.9)?;
        check_number("flip_horizontal_p", self.flip_horizontal_p, 0.0, 1.0)?;
        validate_all(&self.transforms)
    }

    /// The path to the first field by which an image may be mirrored.
    pub(crate) fn mirroring_field(&self) -> Option<String> {
        match self.flip_horizontal_p > 0.0 {
            true => Some("flip_horizontal_p".to_owned()),
            false => mirroring_path(&self.transforms),
        }
    }

    pub(crate) fn sampling(&self) -> Sampling {
        Sampling {
            border: self.border,
            interpolation: self.interpolation,
        }
    }

    /// Samples the parameters and adds the steps to the record. Rotation, shift, zoom and flip
    /// always use the same number of random numbers, so that a change of one leaves the others of a
    /// seed unchanged.
    pub(crate) fn sample(&self, recorder: &mut Recorder<'_>, rng: &mut dyn Rng) {
        let (size, center) = (recorder.context().size(), recorder.context().center());
        let mut within = |limit: f64| rng.random_range(-limit..=limit);
        let angle = within(self.rotation_deg).to_radians();
        let dx = within(self.shift_x) * size.0 as f64;
        let dy = within(self.shift_y) * size.1 as f64;
        let zoom_x = 1.0 + within(self.zoom);
        let zoom_y = 1.0 + within(self.zoom);
        let zoom_y = match self.zoom_axes {
            ZoomAxes::Together => zoom_x,
            ZoomAxes::Separate => zoom_y,
        };
        let flipped = rng.random::<f64>() < self.flip_horizontal_p;
        let chain = || {
            let map = Affine::rotation_about(center, angle)
                .then(&Affine::translation(dx, dy))?
                .then(&Affine::scale_about(center, 1.0 / zoom_x, 1.0 / zoom_y)?)?;
            match flipped {
                true => map.then(&Affine::flip_horizontal(size.0)),
                false => Ok(map),
            }
        };
        match chain() {
            Ok(map) if map == Affine::identity() => {}
            Ok(map) => recorder.push(GeometricStep::new(map, size)),
            Err(error) => unreachable!("checked factors lie in [0.1, 1.9]: {error}"),
        }
        for transform in &self.transforms {
            transform.sample(recorder, rng);
        }
    }
}

/// The tutorial's recipe.
impl Default for Recipe {
    fn default() -> Self {
        Self::tutorial()
    }
}

/// Reads the derived form with keys that are named in errors.
impl<'de> Deserialize<'de> for Recipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Named(deserializer))
    }
}

impl Serialize for Recipe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::Schema;

    #[test]
    fn an_invalid_value_is_refused_with_its_name() {
        let refused = |change: fn(&mut Recipe)| {
            let mut recipe = Recipe::tutorial();
            change(&mut recipe);
            let error = recipe.compile(&Schema::kaggle15()).unwrap_err();
            error.to_string()
        };
        assert!(refused(|r| r.rotation_deg = f64::NAN).contains("`rotation_deg` is NaN"));
        assert!(refused(|r| r.rotation_deg = 181.0).contains("`rotation_deg` is 181"));
        assert!(refused(|r| r.shift_x = f64::INFINITY).contains("`shift_x` is inf"));
        assert!(refused(|r| r.shift_y = -0.1).contains("`shift_y` is -0.1"));
        assert!(refused(|r| r.zoom = 1.0).contains("`zoom` is 1"));
        assert!(refused(|r| r.flip_horizontal_p = 1.5).contains("`flip_horizontal_p` is 1.5"));
    }

    #[test]
    fn toml_round_trips_and_unknown_keys_are_refused() {
        for mut recipe in [Recipe::none(), Recipe::tutorial(), Recipe::faces()] {
            recipe.border = Border::Constant(7);
            let text = toml::to_string(&recipe).unwrap();
            assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), recipe);
        }
        let error = toml::from_str::<Recipe>("rotation = 10.0").unwrap_err();
        assert!(error.to_string().contains("rotation"), "{error}");
        let empty: Recipe = toml::from_str("").unwrap();
        assert_eq!(empty, Recipe::none());
    }
}
