//! The configuration of a data set of rendered scenes.

use crate::background::{BackgroundDistribution, SceneWeights};
use crate::camera::{CameraDistribution, Channels};
use crate::distribution::{FaceDistribution, Probability};
use crate::error::SynthError;
use crate::ranges::{Chance, Limits};
use serde::{Deserialize, Serialize};

/// How many heads a scene has: few, a group, or a crowd. Each range is of whole numbers, both ends
/// included, of which all are equally likely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeadCounts {
    /// Range of the number of heads of a scene that is neither of a group nor of a crowd.
    pub few: [usize; 2],
    /// Range of the number of heads of a group.
    pub group: [usize; 2],
    /// Range of the number of heads of a crowd.
    pub crowd: [usize; 2],
    /// Probability of a group.
    pub group_probability: f32,
    /// Probability of a crowd.
    pub crowd_probability: f32,
}

impl Default for HeadCounts {
    /// 4 heads on average, and none in a fifth of the scenes.
    fn default() -> Self {
        Self {
            few: [0, 3],
            group: [4, 12],
            crowd: [20, 40],
            group_probability: 0.18,
            crowd_probability: 0.06,
        }
    }
}

/// The configuration of a data set of rendered scenes.
///
/// ```
/// use fkp_synth::SceneConfig;
/// assert!(SceneConfig::default().validate().is_ok());
/// let error = SceneConfig { size: 4, ..SceneConfig::default() }.validate().unwrap_err();
/// assert_eq!(error.to_string(), "`size` must be between 32 and 2048, got 4");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneConfig {
    /// Side of the square images in pixels.
    pub size: usize,
    /// Number of scenes.
    pub count: usize,
    /// Seed. Data sets with different seeds have different scenes.
    pub seed: u64,
    /// Gray or color images.
    pub channels: Channels,
    /// Number of heads.
    pub heads: HeadCounts,
    /// Range of the heights of faces in pixels; their logarithm is uniform. The height is that of an
    /// average face in front view. Proportions and pose of a head change it.
    pub face_heights: [f32; 2],
    /// Range of the mean height of the faces of a group; its logarithm is uniform. Each face is up to
    /// a factor of 1.5 larger or smaller.
    pub group_face_heights: [f32; 2],
    /// As [`Self::group_face_heights`], for a crowd.
    pub crowd_face_heights: [f32; 2],
    /// Probability that a head is seen from behind, which has no box.
    pub from_behind: f32,
    /// Range of the number of objects that are not faces: balls, hands, limbs, animals, drawings.
    pub decoys: [usize; 2],
    /// Probability of writing in front of the background.
    pub writing: f32,
    /// Faces with a lower box, in pixels, are [ignored](fkp_core::LabeledBox::ignore).
    pub min_face_height: f32,
    /// Faces of which a smaller fraction is in the image and not behind something else are ignored;
    /// those of which less than a third of it is visible have no box.
    pub min_visible: f32,
    /// The distribution of the heads, and of light, background and camera of the scene. The view's
    /// crop, scale and shift have no effect, and faces that the background paints are turned away or
    /// left out, since they would have no box.
    pub faces: FaceDistribution,
}

impl Default for SceneConfig {
    /// 2000 scenes of 384×384 in color, with faces of 10 to 300 px.
    fn default() -> Self {
        Self {
            size: 384,
            count: 2000,
            seed: 0,
            channels: Channels::Rgb,
            heads: HeadCounts::default(),
            face_heights: [10.0, 300.0],
            group_face_heights: [14.0, 80.0],
            crowd_face_heights: [8.0, 48.0],
            from_behind: 0.12,
            decoys: [0, 6],
            writing: 0.35,
            min_face_height: 6.0,
            min_visible: 0.4,
            faces: scene_faces(),
        }
    }
}

/// The default distribution with stronger roll, and with effects of the camera as a fraction of the
/// side that leave small faces visible.
fn scene_faces() -> FaceDistribution {
    let mut faces = FaceDistribution {
        background: BackgroundDistribution {
            scenes: SceneWeights {
                studio: 0.1,
                garden: 0.2,
                street: 0.16,
                press: 0.05,
                pattern: 0.07,
                audience: 0.0,
                ..SceneWeights::default()
            },
            people: 0.0,
            defocus: Chance::new(0.75, 0.0015, 0.02),
            ..BackgroundDistribution::default()
        },
        camera: CameraDistribution {
            lens_blur: Chance::new(0.5, 0.0008, 0.004),
            motion_blur: Chance::new(0.06, 0.004, 0.02),
            reduction: Chance::new(0.1, 1.2, 2.0),
            video: 0.15,
            video_reduction: [1.0, 1.7],
            jpeg: Chance::new(0.6, 35.0, 95.0),
            video_quality: [35.0, 85.0],
            field_shift: Chance::new(0.04, 0.001, 0.006),
            ..CameraDistribution::default()
        },
        ..FaceDistribution::default()
    };
    faces.pose.roll_degrees.0 = 25.0;
    faces.pose.turned = Probability(0.25);
    faces.pose.turned_roll_degrees.0 = 45.0;
    faces.accessories.foreground.present = Probability(0.06);
    faces
}

impl SceneConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn validate(&self) -> Result<(), SynthError> {
        const MOST: usize = 1 << 40;
        let heads = &self.heads;
        let few = "at most 1000, the lower first";
        for (field, [low, high], [lowest, highest], expected) in [
            ("size", [self.size; 2], [32, 2048], "between 32 and 2048"),
            ("count", [self.count; 2], [1, MOST], "between 1 and 2⁴⁰"),
            ("heads.few", heads.few, [0, 1000], few),
            ("heads.group", heads.group, [0, 1000], few),
            ("heads.crowd", heads.crowd, [0, 1000], few),
            ("decoys", self.decoys, [0, 1000], few),
        ] {
            let value = match (lowest..=highest).contains(&low) {
                true => high,
                false => low,
            };
            if !(low.max(lowest)..=highest).contains(&value) {
                return Err(SynthError::OutOfRange {
                    field: field.to_owned(),
                    expected,
                    value: value as f64,
                });
            }
        }
        let limits = |field, lowest, highest, expected| Limits {
            field,
            lowest,
            highest,
            expected,
        };
        for (field, value) in [
            ("heads.group_probability", heads.group_probability),
            ("heads.crowd_probability", heads.crowd_probability),
            ("from_behind", self.from_behind),
            ("writing", self.writing),
            ("min_visible", self.min_visible),
        ] {
            limits(field, 0.0, 1.0, "between 0 and 1").check(&[value])?;
        }
        limits(
            "heads.group_probability",
            0.0,
            1.0,
            "at most 1 with that of a crowd",
        )
        .check(&[heads.group_probability + heads.crowd_probability])?;
        let pixels = "a range [low, high] within 4 and 4096";
        for (field, range) in [
            ("face_heights", self.face_heights),
            ("group_face_heights", self.group_face_heights),
            ("crowd_face_heights", self.crowd_face_heights),
        ] {
            limits(field, 4.0, 4096.0, pixels).check_range(range)?;
        }
        limits("min_face_height", 0.0, 4096.0, "between 0 and 4096")
            .check(&[self.min_face_height])?;
        let valid = self.faces.validate();
        valid.map_err(|error| error.within("faces"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_invalid_field() {
        let error_after = |change: fn(&mut SceneConfig)| {
            let mut config = SceneConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        type Case = (fn(&mut SceneConfig), &'static str);
        let cases: [Case; 14] = [
            (|c| c.size = 31, "`size`"),
            (|c| c.size = usize::MAX, "`size`"),
            (|c| c.count = 0, "`count`"),
            (|c| c.heads.few = [3, 2], "`heads.few`"),
            (|c| c.heads.group = [0, 1001], "`heads.group`"),
            (|c| c.heads.crowd = [2000, 2000], "`heads.crowd`"),
            (|c| c.decoys = [2, 1], "`decoys`"),
            (
                |c| c.heads.group_probability = 0.95,
                "`heads.group_probability`",
            ),
            (
                |c| c.heads.crowd_probability = f32::NAN,
                "`heads.crowd_probability`",
            ),
            (|c| c.face_heights = [f32::NAN, 20.0], "`face_heights`"),
            (
                |c| c.crowd_face_heights = [30.0, 20.0],
                "`crowd_face_heights`",
            ),
            (|c| c.min_face_height = -1.0, "`min_face_height`"),
            (|c| c.min_visible = 1.5, "`min_visible`"),
            (
                |c| c.faces.pose.yaw_degrees.0 = -1.0,
                "`faces.pose.yaw_degrees`",
            ),
        ];
        for (change, field) in cases {
            let text = error_after(change);
            assert!(text.contains(field), "{text} does not name {field}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_default() {
        let config: SceneConfig = toml::from_str("count = 5\n[heads]\nfew = [1, 1]").unwrap();
        assert_eq!((config.count, config.size), (5, 384));
        assert_eq!((config.heads.few, config.heads.group), ([1, 1], [4, 12]));
        assert!(toml::from_str::<SceneConfig>("sise = 5").is_err());
        assert!(toml::from_str::<SceneConfig>("[heads]\nmany = 5").is_err());
    }
}
