//! The configuration of a rendered data set.

use serde::{Deserialize, Serialize};

/// A field of a [`SynthConfig`] is out of range.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// A number is too small, too large or not finite.
    #[error("`{field}` must be {expected}, got {value}")]
    OutOfRange {
        /// Name of the field, with dots for nested ones.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was given.
        value: f64,
    },
}

fkp_core::debug_as_sentence!(SynthError);

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
    /// Seed. Data sets with different seeds have different persons.
    pub seed: u64,
    /// Ranges of pose, size and position.
    pub variation: Variation,
}

impl Default for SynthConfig {
    /// 2000 faces of 96×96, the size of Kaggle's images.
    fn default() -> Self {
        Self {
            size: 96,
            count: 2000,
            seed: 0,
            variation: Variation::default(),
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
                field: "size",
                expected: "between 16 and 4096",
                value: self.size as f64,
            });
        }
        if self.count == 0 {
            return Err(SynthError::OutOfRange {
                field: "count",
                expected: "at least 1",
                value: 0.0,
            });
        }
        self.variation.validate()
    }
}

/// Ranges of pose, size and position. Each number is a limit in both directions; small deviations
/// are more frequent than large ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Variation {
    /// Limit of the yaw in degrees, at most 45.
    pub yaw_degrees: f32,
    /// Limit of the pitch in degrees, at most 30.
    pub pitch_degrees: f32,
    /// Limit of the roll in degrees, at most 180.
    pub roll_degrees: f32,
    /// The size of the face is scaled by a factor from `exp(−scale)` to `exp(scale)`; at most 0.5.
    pub scale: f32,
    /// Limit of the shift along each axis as a fraction of the side, at most 0.5.
    pub shift: f32,
}

impl Default for Variation {
    /// Yaw ±30°, pitch ±15°, roll ±15°, scale ±15 %, shift ±8 %.
    fn default() -> Self {
        Self {
            yaw_degrees: 30.0,
            pitch_degrees: 15.0,
            roll_degrees: 15.0,
            scale: 0.15,
            shift: 0.08,
        }
    }
}

impl Variation {
    fn validate(&self) -> Result<(), SynthError> {
        let bounds = [
            (
                "variation.yaw_degrees",
                self.yaw_degrees,
                45.0,
                "between 0 and 45",
            ),
            (
                "variation.pitch_degrees",
                self.pitch_degrees,
                30.0,
                "between 0 and 30",
            ),
            (
                "variation.roll_degrees",
                self.roll_degrees,
                180.0,
                "between 0 and 180",
            ),
            ("variation.scale", self.scale, 0.5, "between 0 and 0.5"),
            ("variation.shift", self.shift, 0.5, "between 0 and 0.5"),
        ];
        for (field, value, most, expected) in bounds {
            // Written so that NaN fails too.
            if !(0.0..=most).contains(&value) {
                return Err(SynthError::OutOfRange {
                    field,
                    expected,
                    value: value.into(),
                });
            }
        }
        Ok(())
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
        for bad in [f32::NAN, -1.0, f32::INFINITY, 99.0] {
            let mut config = good.clone();
            config.variation.yaw_degrees = bad;
            assert!(refused(config).contains("variation.yaw_degrees"));
        }
        let text = refused(SynthConfig {
            size: usize::MAX,
            ..good
        });
        assert!(text.contains("`size`"));
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_default() {
        let config: SynthConfig = toml::from_str("count = 5\n[variation]\nscale = 0.0").unwrap();
        assert_eq!((config.count, config.size), (5, 96));
        assert_eq!(config.variation.scale, 0.0);
        assert!(toml::from_str::<SynthConfig>("sise = 5").is_err());
    }
}
