//! Orientation, size and position of the head.

use super::{Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::params::{CropAround, Pose, View};

distribution! {
    /// The orientation of the head. Each number is a limit in both directions, in degrees; small
    /// angles are more frequent than large ones.
    PoseDistribution {
        /// Limit of the yaw of most faces.
        yaw_degrees: Limit = Limit(45.0),
        /// Limit of the pitch of most faces.
        pitch_degrees: Limit = Limit(22.0),
        /// Limit of the roll of most faces.
        roll_degrees: Limit = Limit(18.0),
        /// Probability of a face that is turned further.
        turned: Probability = Probability(0.15),
        /// Limit of its yaw.
        turned_yaw_degrees: Limit = Limit(75.0),
        /// Limit of its pitch.
        turned_pitch_degrees: Limit = Limit(40.0),
        /// Limit of its roll.
        turned_roll_degrees: Limit = Limit(40.0),
    }
}

distribution! {
    /// Size and position of the face in the image, and the distance of the camera.
    ViewDistribution {
        /// What the crop is taken around.
        crop: CropAround = CropAround::Keypoints,
        /// The size of the face is scaled by a factor from `exp(−scale)` to `exp(scale)`.
        scale: Limit = Limit(0.05),
        /// Limit of the shift along each axis as a fraction of the side.
        shift: Limit = Limit(0.02),
        /// Distance of the camera in eye units (31.5 mm); its reciprocal is uniform. From half a
        /// meter to four meters.
        distance: Uniform = Uniform::new(16.0, 130.0),
    }
}

/// A limit in both directions; values are triangular with the mode 0. At most 180.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Limit(pub f32);

impl super::Checked for Limit {
    fn check(&self, field: &str) -> Result<(), crate::error::SynthError> {
        if (0.0..=180.0).contains(&self.0) {
            Ok(())
        } else {
            super::refused(field, "between 0 and 180", self.0)
        }
    }
}

impl super::Checked for CropAround {
    fn check(&self, field: &str) -> Result<(), crate::error::SynthError> {
        match self {
            CropAround::Keypoints | CropAround::EyesAndMouth => Ok(()),
            CropAround::FaceBox(fraction) if (0.05..=2.0).contains(fraction) => Ok(()),
            CropAround::FaceBox(fraction) => super::refused(
                field,
                "a fraction of the side between 0.05 and 2",
                *fraction,
            ),
        }
    }
}

impl PoseDistribution {
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> Pose {
        let turned = self.turned.sample(sampler);
        let mut angle = |most: Limit, far: Limit| {
            let unit = sampler.triangular(1.0);
            // Turned faces are spread evenly over their range.
            let wide = sampler.uniform(-1.0, 1.0);
            let degrees = if turned { wide * far.0 } else { unit * most.0 };
            degrees.to_radians()
        };
        Pose {
            yaw: angle(self.yaw_degrees, self.turned_yaw_degrees),
            pitch: angle(self.pitch_degrees, self.turned_pitch_degrees),
            roll: angle(self.roll_degrees, self.turned_roll_degrees),
        }
    }
}

impl ViewDistribution {
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> View {
        let near = |distance: f32| 1.0 / distance.max(8.0);
        View {
            crop: self.crop,
            scale: sampler.triangular(self.scale.0.min(1.0)).exp(),
            shift: [
                sampler.triangular(self.shift.0.min(1.0)),
                sampler.triangular(self.shift.0.min(1.0)),
            ],
            distance: 1.0 / sampler.uniform(near(self.distance.low), near(self.distance.high)),
        }
    }
}
