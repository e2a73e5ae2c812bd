//! Which samples a filter keeps.

use crate::DataError;
use fkp_core::Schema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which samples of a data set are kept. The default keeps all.
///
/// Criteria of labels and of faces do not apply to images that are not those of a face
/// ([`Sample::is_face`](fkp_core::Sample::is_face)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleFilter {
    /// Names of keypoints that must be labeled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// The smallest number of labeled keypoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_labeled: Option<usize>,
    /// The smallest length of the shorter side of an image, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_image_px: Option<usize>,
    /// The largest length of the longer side of an image, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_image_px: Option<usize>,
    /// The smallest length of the longer side of a face, in pixels. A face is the box of its sample,
    /// or, without one, that of the labeled keypoints; a sample with neither is removed. In a data
    /// set of face boxes, the limit is for every face of an image that is not ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_face_px: Option<f64>,
    /// The largest length of the longer side of a face, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_face_px: Option<f64>,
    /// Attributes that a sample must have, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with_attributes: Vec<String>,
    /// Attributes that a sample must not have, none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_attributes: Vec<String>,
    /// What to do with duplicates.
    #[serde(skip_serializing_if = "Duplicates::are_kept")]
    pub duplicates: Duplicates,
}

/// What a filter does with duplicates: samples of the same face, or of none, in images with the
/// same pixels. Several faces of one image are not duplicates: the centers of their boxes are
/// farther apart than half the side of the larger box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Keeps all of them.
    #[default]
    Keep,
    /// Keeps the first that meets the other criteria.
    KeepFirst,
}

impl Duplicates {
    fn are_kept(&self) -> bool {
        *self == Self::Keep
    }
}

impl SampleFilter {
    /// Checks every field.
    ///
    /// # Errors
    /// If a number is not finite or not positive, a smallest size is above the largest, a name is
    /// given twice, or an attribute is both required and excluded.
    pub fn validate(&self) -> Result<(), DataError> {
        let refuse = |field, problem| Err(DataError::InvalidFilter { field, problem });
        let faces = [
            ("min_face_px", self.min_face_px),
            ("max_face_px", self.max_face_px),
        ];
        for (field, given) in faces {
            if let Some(given) = given.filter(|px| !(px.is_finite() && *px > 0.0)) {
                return refuse(field, format!("must be finite and above 0, got {given}"));
            }
        }
        let counts = [
            ("min_labeled", self.min_labeled),
            ("min_image_px", self.min_image_px),
            ("max_image_px", self.max_image_px),
        ];
        for (field, given) in counts {
            if given == Some(0) {
                return refuse(field, "must be at least 1, got 0".to_owned());
            }
        }
        if let (Some(min), Some(max)) = (self.min_image_px, self.max_image_px)
            && min > max
        {
            return refuse(
                "min_image_px",
                format!("{min} is above max_image_px, {max}"),
            );
        }
        if let (Some(min), Some(max)) = (self.min_face_px, self.max_face_px)
            && min > max
        {
            return refuse("min_face_px", format!("{min} is above max_face_px, {max}"));
        }
        let names = [
            ("required", &self.required),
            ("with_attributes", &self.with_attributes),
            ("without_attributes", &self.without_attributes),
        ];
        for (field, names) in names {
            let mut known = BTreeSet::new();
            if let Some(name) = names.iter().find(|name| !known.insert(*name)) {
                return refuse(field, format!("`{name}` is given twice"));
            }
        }
        let excluded = &self.without_attributes;
        match self.with_attributes.iter().find(|a| excluded.contains(a)) {
            Some(name) => refuse(
                "without_attributes",
                format!("`{name}` is also in with_attributes"),
            ),
            None => Ok(()),
        }
    }

    /// The indices of the required keypoints.
    ///
    /// # Errors
    /// If the schema does not have one of them, or has fewer keypoints than must be labeled.
    pub(super) fn required_in(&self, schema: &Schema) -> Result<Vec<usize>, DataError> {
        let refuse = |field, problem| Err(DataError::InvalidFilter { field, problem });
        let min_labeled = self.min_labeled.unwrap_or(0);
        if min_labeled > schema.len() {
            let (name, len) = (schema.name(), schema.len());
            let problem = format!("is {min_labeled}, but schema `{name}` has {len} keypoints");
            return refuse("min_labeled", problem);
        }
        let mut required = Vec::new();
        for name in &self.required {
            let Some(index) = schema.index_of(name) else {
                let problem = format!("schema `{}` has no keypoint `{name}`", schema.name());
                return refuse("required", problem);
            };
            required.push(index);
        }
        Ok(required)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_keeps_all_and_is_an_empty_table() {
        let default = SampleFilter::default();
        default.validate().unwrap();
        assert_eq!(toml::to_string(&default).unwrap(), "");
        let full = SampleFilter {
            required: vec!["nose_tip".to_owned()],
            min_labeled: Some(3),
            min_image_px: Some(20),
            max_image_px: Some(20),
            min_face_px: Some(10.5),
            max_face_px: Some(1e4),
            with_attributes: vec!["a".to_owned()],
            without_attributes: vec!["b".to_owned()],
            duplicates: Duplicates::KeepFirst,
        };
        full.validate().unwrap();
        let text = toml::to_string(&full).unwrap();
        assert!(text.contains("duplicates = \"keep_first\""), "{text}");
        assert_eq!(toml::from_str::<SampleFilter>(&text).unwrap(), full);
        assert!(toml::from_str::<SampleFilter>("minimum = 3").is_err());
    }

    #[test]
    fn contradictions_are_refused_with_the_field() {
        for (text, parts) in [
            ("min_face_px = nan", &["`min_face_px`", "NaN"][..]),
            ("max_face_px = inf", &["`max_face_px`", "inf"]),
            ("min_face_px = -1.0", &["`min_face_px`", "-1"]),
            ("min_labeled = 0", &["`min_labeled`", "at least 1"]),
            ("min_image_px = 0", &["`min_image_px`"]),
            ("min_image_px = 9\nmax_image_px = 8", &["9 is above", "8"]),
            ("min_face_px = 9\nmax_face_px = 8.5", &["9 is above", "8.5"]),
            (
                "required = ['a', 'b', 'a']",
                &["`required`", "`a` is given twice"],
            ),
            (
                "with_attributes = ['x', 'x']",
                &["`with_attributes`", "twice"],
            ),
            (
                "with_attributes = ['x']\nwithout_attributes = ['y', 'x']",
                &["`without_attributes`", "`x` is also"],
            ),
        ] {
            let filter: SampleFilter = toml::from_str(text).unwrap();
            let message = filter.validate().unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{part} in {message}");
            }
        }
    }
}
