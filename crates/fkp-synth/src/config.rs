//! The configuration of a rendered data set.

use crate::camera::Channels;
use crate::distribution::FaceDistribution;
use crate::error::SynthError;
use fkp_core::{CropRule, Schema};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The keypoints that rendered faces are labeled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeypointSet {
    /// The 15 keypoints of the `kaggle15` schema.
    #[default]
    Kaggle15,
    /// The 68 keypoints of the `ibug68` schema.
    Ibug68,
}

impl KeypointSet {
    /// All sets.
    pub const ALL: [Self; 2] = [Self::Kaggle15, Self::Ibug68];

    /// The schema of the keypoints.
    pub fn schema(self) -> Schema {
        match self {
            Self::Kaggle15 => Schema::kaggle15(),
            Self::Ibug68 => Schema::ibug68(),
        }
    }

    /// The rule by which photographs with these keypoints are cropped.
    pub(crate) fn crop_rule(self) -> &'static CropRule {
        static RULES: LazyLock<[CropRule; 2]> =
            LazyLock::new(|| KeypointSet::ALL.map(|set| CropRule::for_schema(&set.schema())));
        &RULES[self as usize]
    }
}

/// The configuration of a rendered data set.
///
/// ```
/// use fkp_synth::SynthConfig;
/// assert!(SynthConfig::default().validate().is_ok());
/// let error = SynthConfig { size: 4, ..SynthConfig::default() }.validate().unwrap_err();
/// assert_eq!(error.to_string(), "`size` must be between 16 and 4096, got 4");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SynthConfig {
    /// Side of the square images in pixels.
    pub size: usize,
    /// Number of faces.
    pub count: usize,
    /// Number of images after the faces that are not those of a face, for a face score: crops beside
    /// a face, around it or inside it, whose overlap with the face's own crop (intersection over
    /// union) is below 0.1 in half of them and from 0.1 to 0.3 in the others. None of their
    /// keypoints is labeled.
    pub non_faces: usize,
    /// Seed. Data sets with different seeds have different persons.
    pub seed: u64,
    /// Gray or color images.
    pub channels: Channels,
    /// The keypoints that are labeled.
    pub keypoints: KeypointSet,
    /// The distribution of the faces.
    pub faces: FaceDistribution,
}

impl Default for SynthConfig {
    /// 2000 faces of 96×96, the size of Kaggle's images.
    fn default() -> Self {
        Self {
            size: 96,
            count: 2000,
            non_faces: 0,
            seed: 0,
            channels: Channels::Gray,
            keypoints: KeypointSet::Kaggle15,
            faces: FaceDistribution::default(),
        }
    }
}

impl SynthConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn validate(&self) -> Result<(), SynthError> {
        if !(16..=4096).contains(&self.size) {
            return Err(SynthError::OutOfRange {
                field: "size".to_owned(),
                expected: "between 16 and 4096",
                value: self.size as f64,
            });
        }
        if self.count == 0 {
            return Err(SynthError::OutOfRange {
                field: "count".to_owned(),
                expected: "at least 1",
                value: 0.0,
            });
        }
        const MOST: usize = 1 << 40;
        for (field, value) in [("count", self.count), ("non_faces", self.non_faces)] {
            if value > MOST {
                return Err(SynthError::OutOfRange {
                    field: field.to_owned(),
                    expected: "at most 2⁴⁰",
                    value: value as f64,
                });
            }
        }
        let valid = self.faces.validate();
        valid.map_err(|error| error.within("faces"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: SynthConfig) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_the_invalid_field() {
        let good = SynthConfig::default();
        let text = refused(SynthConfig {
            count: 0,
            ..good.clone()
        });
        assert_eq!(text, "`count` must be at least 1, got 0");
        for bad in [f32::NAN, -1.0, f32::INFINITY, 999.0] {
            let mut config = good.clone();
            config.faces.pose.yaw_degrees.0 = bad;
            assert!(refused(config).contains("`faces.pose.yaw_degrees`"));
            let mut config = good.clone();
            config.faces.mouth.height.deviation = -bad.abs();
            assert!(refused(config).contains("`faces.mouth.height`"));
        }
        let text = refused(SynthConfig {
            size: usize::MAX,
            ..good
        });
        assert!(text.contains("`size`"));
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_default() {
        let config: SynthConfig = toml::from_str("count = 5\n[faces.view]\nscale = 0.0").unwrap();
        assert_eq!((config.count, config.size), (5, 96));
        assert_eq!(config.faces.view.scale.0, 0.0);
        assert!(toml::from_str::<SynthConfig>("sise = 5").is_err());
    }
}
