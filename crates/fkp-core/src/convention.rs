//! Label conventions: where the annotators of a data set put the keypoints.

use crate::{CoordinateFrame, Keypoints, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// How the labels of a data set differ on average from those that a model learned.
///
/// Data sets with the same keypoints disagree: about the ends of a brow, or all points lie a pixel
/// to one side. The mean offset of each keypoint is measured on a training part, and added to a
/// model's predictions where they are compared with labels of that data set.
///
/// ```
/// use fkp_core::{CoordinateFrame, Keypoints, LabelConvention, Schema};
/// let schema = Schema::numbered("hand", 1)?;
/// let convention = LabelConvention::new("theirs", &schema, "by hand", &[[0.01, -0.02]]);
/// let mut keypoints = Keypoints::from_xy(&[[50.0, 50.0]]);
/// let crop = CoordinateFrame { width: 100, height: 100 };
/// convention.offsets_of(&schema)?.add_to(&mut keypoints, crop);
/// assert_eq!(keypoints, Keypoints::from_xy(&[[51.0, 48.0]]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelConvention {
    /// Name of the convention, such as that of the data set.
    pub name: String,
    /// Name of the schema whose keypoints have offsets.
    pub schema: String,
    /// How the offsets were measured: the model and the data.
    pub measured: String,
    /// From the model's keypoint to the data set's label, by name of the keypoint: x and y in
    /// fractions of the crop's width and height.
    pub offsets: BTreeMap<String, [f64; 2]>,
}

/// The offsets of a [`LabelConvention`] in the order of a schema's keypoints.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelOffsets(Vec<[f64; 2]>);

/// Why a convention does not apply to a schema.
#[derive(Error)]
#[non_exhaustive]
pub enum ConventionError {
    /// The convention has other keypoints.
    #[error("the convention `{name}` is one of `{convention_schema}` keypoints, not of `{schema}`")]
    OtherSchema {
        /// Name of the convention.
        name: String,
        /// The schema of the convention.
        convention_schema: String,
        /// The schema that it was applied to.
        schema: String,
    },
    /// A keypoint has no offset.
    #[error("the convention `{name}` has no offset of the keypoint `{keypoint}`")]
    Missing {
        /// Name of the convention.
        name: String,
        /// Name of the keypoint.
        keypoint: String,
    },
    /// An offset is of a keypoint that the schema does not have.
    #[error(
        "the convention `{name}` has an offset of `{keypoint}`, which is no keypoint of `{schema}`"
    )]
    UnknownKeypoint {
        /// Name of the convention.
        name: String,
        /// Name of the keypoint.
        keypoint: String,
        /// Name of the schema.
        schema: String,
    },
    /// An offset is not finite.
    #[error(
        "the convention `{name}` has an offset of the keypoint `{keypoint}` that is not finite"
    )]
    NotFinite {
        /// Name of the convention.
        name: String,
        /// Name of the keypoint.
        keypoint: String,
    },
}

crate::debug_as_sentence!(ConventionError);

impl LabelConvention {
    /// A convention with these offsets, in the order of the schema's keypoints: x and y in
    /// fractions of the crop's width and height.
    ///
    /// # Panics
    /// If the number of offsets is not that of the keypoints.
    pub fn new(name: &str, schema: &Schema, measured: &str, offsets: &[[f64; 2]]) -> Self {
        assert_eq!(offsets.len(), schema.len(), "one offset for each keypoint");
        let names = schema.keypoints().iter().cloned();
        Self {
            name: name.to_owned(),
            schema: schema.name().to_owned(),
            measured: measured.to_owned(),
            offsets: names.zip(offsets.iter().copied()).collect(),
        }
    }

    /// The offsets in the order of the schema's keypoints.
    ///
    /// # Errors
    /// If the convention is one of another schema, an offset is missing or not finite, or one is
    /// of an unknown keypoint.
    pub fn offsets_of(&self, schema: &Schema) -> Result<LabelOffsets, ConventionError> {
        let name = || self.name.clone();
        if self.schema != schema.name() {
            return Err(ConventionError::OtherSchema {
                name: name(),
                convention_schema: self.schema.clone(),
                schema: schema.name().to_owned(),
            });
        }
        for (keypoint, offset) in &self.offsets {
            let keypoint = keypoint.clone();
            if !schema.keypoints().contains(&keypoint) {
                return Err(ConventionError::UnknownKeypoint {
                    name: name(),
                    keypoint,
                    schema: schema.name().to_owned(),
                });
            }
            if !offset.iter().all(|c| c.is_finite()) {
                let name = name();
                return Err(ConventionError::NotFinite { name, keypoint });
            }
        }
        let offset = |keypoint: &String| {
            let offset = self.offsets.get(keypoint).copied();
            offset.ok_or_else(|| ConventionError::Missing {
                name: name(),
                keypoint: keypoint.clone(),
            })
        };
        let offsets: Result<_, _> = schema.keypoints().iter().map(offset).collect();
        offsets.map(LabelOffsets)
    }
}

impl LabelOffsets {
    /// Adds the offsets to keypoints, which are in pixels of a crop of this size.
    ///
    /// # Panics
    /// If the number of keypoints is not that of the schema.
    pub fn add_to(&self, keypoints: &mut Keypoints, crop: CoordinateFrame) {
        assert_eq!(
            keypoints.len(),
            self.0.len(),
            "one offset for each keypoint"
        );
        for (keypoint, [x, y]) in keypoints.iter_mut().zip(&self.0) {
            keypoint.x += (x * crop.width as f64) as f32;
            keypoint.y += (y * crop.height as f64) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_that_do_not_fit_are_refused_by_name() {
        let schema = Schema::kaggle15();
        let zero = LabelConvention::new("zero", &schema, "not at all", &[[0.0; 2]; 15]);
        assert_eq!(zero.offsets_of(&schema).unwrap().0, vec![[0.0; 2]; 15]);
        let message = |convention: &LabelConvention, schema: &Schema| {
            convention.offsets_of(schema).unwrap_err().to_string()
        };
        assert_eq!(
            message(&zero, &Schema::ibug68()),
            "the convention `zero` is one of `kaggle15` keypoints, not of `ibug68`"
        );
        let mut missing = zero.clone();
        missing.offsets.remove("nose_tip");
        assert_eq!(
            message(&missing, &schema),
            "the convention `zero` has no offset of the keypoint `nose_tip`"
        );
        let with = |keypoint: &str, x: f64| {
            let mut convention = zero.clone();
            convention.offsets.insert(keypoint.to_owned(), [x, 0.0]);
            message(&convention, &schema)
        };
        assert_eq!(
            with("nose_tip", f64::NAN),
            "the convention `zero` has an offset of the keypoint `nose_tip` that is not finite"
        );
        assert_eq!(
            with("ear", 0.0),
            "the convention `zero` has an offset of `ear`, which is no keypoint of `kaggle15`"
        );
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let schema = Schema::kaggle15();
        let offsets: Vec<_> = (0..15).map(|i| [0.001 * f64::from(i), -0.5]).collect();
        let convention = LabelConvention::new("theirs", &schema, "on 100 images", &offsets);
        let text = toml::to_string(&convention).unwrap();
        assert_eq!(
            toml::from_str::<LabelConvention>(&text).unwrap(),
            convention
        );
    }
}
