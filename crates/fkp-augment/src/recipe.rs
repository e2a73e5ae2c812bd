//! The usual recipe in the field's words — rotation, shift, zoom, flip — and whatever else follows.

use crate::range::number;
use crate::transform::{Scene, check};
use crate::{AugmentError, Fill, Pipeline, Range, Step, Transform, field};
use fkp_core::warp::Sampling;
use fkp_core::{Affine, Border, Filter, Rng, Schema};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Whether the two axes are zoomed by one factor or by one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoomAxes {
    /// One factor for both axes: faces keep their proportions.
    #[default]
    Together,
    /// A factor for each axis, drawn independently, as Keras' `zoom_range` does: faces become
    /// wider or longer.
    Separate,
}

/// How images and keypoints are varied together. In a file, a key that is left out means that the
/// step is not done.
///
/// First the four usual words: they make one map, in Keras' order: rotation about the image's
/// center, then shift, then zoom about the center, then flip. Then [`Recipe::steps`], in order.
/// Geometric neighbors are composed and the image is resampled once, with one border rule: the
/// border is that of the source image, wherever in the chain a step is. What a crop cuts off
/// and a later pad brings back is therefore the image itself.
///
/// ```
/// let recipe: fkp_augment::Recipe = toml::from_str(
///     "rotation_deg = 10.0\nshift_x = 0.1\nshift_y = 0.1\nflip_horizontal_p = 0.5",
/// )?;
/// assert_eq!(recipe.zoom, 0.0);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Rotation by an angle uniform in [−r, r] degrees; 0 ≤ r ≤ 180. Keras: `rotation_range`.
    #[serde(default, deserialize_with = "field::rotation_deg")]
    pub rotation_deg: f64,
    /// Shift by a fraction of the width uniform in [−s, s]; 0 ≤ s ≤ 1. Keras: `width_shift_range`.
    #[serde(default, deserialize_with = "field::shift_x")]
    pub shift_x: f64,
    /// Shift by a fraction of the height uniform in [−s, s]; 0 ≤ s ≤ 1. Keras:
    /// `height_shift_range`.
    #[serde(default, deserialize_with = "field::shift_y")]
    pub shift_y: f64,
    /// The source is looked at through a window whose sides are those of the image times a
    /// factor uniform in [1−z, 1+z], so a factor of 0.8 enlarges by 1.25; 0 ≤ z ≤ 0.9. Keras:
    /// `zoom_range`.
    #[serde(default, deserialize_with = "field::zoom")]
    pub zoom: f64,
    /// One factor for both axes, or one each.
    #[serde(default, deserialize_with = "field::zoom_axes")]
    pub zoom_axes: ZoomAxes,
    /// Probability of a mirror image, left to right. Keras: `horizontal_flip` is 0.5.
    #[serde(default, deserialize_with = "field::flip_horizontal_p")]
    pub flip_horizontal_p: f64,
    /// What lies beyond the image's edge. Keras: `fill_mode`.
    #[serde(default, deserialize_with = "field::border")]
    pub border: Border,
    /// How a value between pixel centers is found.
    #[serde(default, deserialize_with = "field::interpolation")]
    pub interpolation: Filter,
    /// What else is done, after the words above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Transform>,
}

impl Recipe {
    /// Nothing is changed.
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
            steps: Vec::new(),
        }
    }

    /// These steps and nothing else.
    pub fn of(steps: impl Into<Vec<Transform>>) -> Self {
        Self {
            steps: steps.into(),
            ..Self::none()
        }
    }

    /// What the tutorial gave to Keras' `ImageDataGenerator`: rotation 10°, shifts 0.1, zoom 0.2
    /// with a factor for each axis, horizontal flip, edge pixels repeated — with the labels moved
    /// along, which Keras did not do (see [`crate::PixelsOnly`]).
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
        number("rotation_deg", self.rotation_deg, 0.0, 180.0, "[0, 180]")?;
        number("shift_x", self.shift_x, 0.0, 1.0, "[0, 1]")?;
        number("shift_y", self.shift_y, 0.0, 1.0, "[0, 1]")?;
        number("zoom", self.zoom, 0.0, 0.9, "[0, 0.9]")?;
        number(
            "flip_horizontal_p",
            self.flip_horizontal_p,
            0.0,
            1.0,
            "[0, 1]",
        )?;
        check::check_all(&self.steps)
    }

    /// Checks the recipe and binds it to a schema, whose flip pairs a mirror exchanges.
    ///
    /// # Errors
    /// As [`Recipe::validate`], and if the recipe may mirror an image while the schema's flip
    /// pairs are unknown: the labels of left and right would be exchanged.
    pub fn compile(&self, schema: &Schema) -> Result<Pipeline, AugmentError> {
        Pipeline::new(self, schema)
    }

    /// The path to the first field by which an image may be mirrored.
    pub(crate) fn mirroring_field(&self) -> Option<String> {
        match self.flip_horizontal_p > 0.0 {
            true => Some("flip_horizontal_p".to_owned()),
            false => check::mirroring_step(&self.steps),
        }
    }

    pub(crate) fn sampling(&self) -> Sampling {
        Sampling {
            border: self.border,
            interpolation: self.interpolation,
        }
    }

    /// The four words always take the same number of draws, so that changing one strength leaves
    /// the other numbers of a seed alone.
    pub(crate) fn sample(&self, scene: &mut Scene<'_>, rng: &mut dyn Rng) {
        let size = scene.replay.size();
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
        let center = scene.center();
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
            Ok(map) => scene.push(Step::Affine { map, size }),
            Err(error) => unreachable!("checked factors lie in [0.1, 1.9]: {error}"),
        }
        for step in &self.steps {
            step.sample(scene, rng);
        }
    }

    /// The recommended recipe for faces: moderate geometry without distorting proportions, light,
    /// sensor and compression as they vary between cameras, and now and then a covered part.
    ///
    /// Rotation 15°, shifts 0.06, zoom 0.15 (one factor), flip; then, each with its probability,
    /// contrast, brightness and gamma (0.6), a shadow or a light gradient (0.25), one of blur,
    /// motion blur, JPEG or downscaling (0.25), normal noise (0.25), two dropped rectangles (0.3).
    pub fn faces() -> Self {
        let light = Transform::Sometimes {
            p: 0.6,
            steps: vec![
                Transform::Contrast {
                    factor: Range::new(0.7, 1.3),
                },
                Transform::Brightness {
                    add: Range::within(0.15),
                },
                Transform::Gamma {
                    gamma: Range::new(0.75, 1.3),
                },
            ],
        };
        let shade = Transform::OneOf {
            steps: vec![
                Transform::Shadow {
                    strength: Range::new(0.1, 0.5),
                },
                Transform::LightGradient {
                    strength: Range::new(0.1, 0.4),
                },
            ],
        };
        let camera = Transform::OneOf {
            steps: vec![
                Transform::GaussianBlur {
                    sigma_px: Range::new(0.3, 1.2),
                },
                Transform::MotionBlur {
                    length_px: Range::new(2.0, 5.0),
                },
                Transform::Jpeg {
                    quality: Range::new(30.0, 90.0),
                },
                Transform::Downscale {
                    factor: Range::new(0.5, 0.9),
                },
            ],
        };
        let noise = Transform::GaussianNoise {
            sigma: Range::new(0.005, 0.04),
        };
        let cover = Transform::CoarseDropout {
            count: 2,
            width: Range::new(0.1, 0.3),
            height: Range::new(0.1, 0.3),
            fill: Fill::Noise,
        };
        Self {
            rotation_deg: 15.0,
            shift_x: 0.06,
            shift_y: 0.06,
            zoom: 0.15,
            zoom_axes: ZoomAxes::Together,
            flip_horizontal_p: 0.5,
            steps: vec![
                light,
                shade.with_probability(0.25),
                camera.with_probability(0.25),
                noise.with_probability(0.25),
                cover.with_probability(0.3),
            ],
            ..Self::none()
        }
    }
}

/// The tutorial's recipe.
impl Default for Recipe {
    fn default() -> Self {
        Self::tutorial()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_name() {
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
