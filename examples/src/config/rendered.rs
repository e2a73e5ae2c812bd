//! The rendered faces of a run.

use anyhow::{Context, Result, bail, ensure};
use fkp_synth::FaceDistribution;
use fkp_synth::params::CropAround;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The rendered faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenderedConfig {
    /// Faces to train on in each epoch.
    pub train: usize,
    /// Faces to choose the best epoch on, and as many to evaluate on: different people each.
    pub validation: usize,
    /// Images that are not those of a face, per face, for an output with `face_score`.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub non_faces: f64,
    /// Seed.
    pub seed: u64,
    /// Whether all epochs have the same faces to train on.
    #[serde(skip_serializing_if = "RenderedFaces::is_fixed")]
    pub faces: RenderedFaces,
    /// The distribution that the faces are sampled from.
    #[serde(skip_serializing_if = "is_default")]
    pub distribution: FaceDistribution,
}

/// The faces to train on in the epochs after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenderedFaces {
    /// Those of the first, which are kept in memory.
    #[default]
    Fixed,
    /// New ones, rendered while the network trains: no face is seen twice.
    NewEachEpoch,
}

impl RenderedFaces {
    fn is_fixed(&self) -> bool {
        *self == Self::Fixed
    }
}

impl Default for RenderedConfig {
    fn default() -> Self {
        Self {
            train: 4000,
            validation: 500,
            non_faces: 0.0,
            seed: 0,
            faces: RenderedFaces::Fixed,
            distribution: FaceDistribution::default(),
        }
    }
}

impl RenderedConfig {
    /// Whether the faces are sampled from another distribution than the default.
    pub fn has_other_distribution(&self) -> bool {
        !is_default(&self.distribution)
    }

    /// Refuses invalid values, naming the field.
    pub(super) fn validate(&self) -> Result<()> {
        for (field, count) in [("train", self.train), ("validation", self.validation)] {
            if !(1..=10_000_000).contains(&count) {
                bail!("data.rendered.{field} must be in 1..=10000000, got {count}");
            }
        }
        if !(0.0..=10.0).contains(&self.non_faces) {
            let given = self.non_faces;
            bail!("data.rendered.non_faces must be between 0 and 10, got {given}");
        }
        let valid = check_distribution(&self.distribution);
        valid.context("data.rendered.distribution")
    }
}

/// Reads the distribution of rendered faces from a TOML file. Fields that it does not name keep their defaults.
///
/// # Errors
/// If the file cannot be read, names an unknown field, or has a value out of range.
pub fn read_distribution(path: &Path) -> Result<FaceDistribution> {
    read(path, |distribution| Ok(distribution.validate()?))
}

/// As [`read_distribution`], for faces that are the crops of a model.
///
/// # Errors
/// As for [`read_distribution`], and if the faces are cropped in another way than photographs.
pub fn read_distribution_of_crops(path: &Path) -> Result<FaceDistribution> {
    read(path, check_distribution)
}

fn read(path: &Path, check: impl Fn(&FaceDistribution) -> Result<()>) -> Result<FaceDistribution> {
    let read = || -> Result<FaceDistribution> {
        let text = std::fs::read_to_string(path)?;
        let distribution = toml::from_str(&text)?;
        check(&distribution)?;
        Ok(distribution)
    };
    read().with_context(|| format!("{}: cannot read the distribution", path.display()))
}

/// Checks a distribution of faces that are the crops of a model.
fn check_distribution(distribution: &FaceDistribution) -> Result<()> {
    distribution.validate()?;
    ensure!(
        distribution.view.crop == CropAround::Keypoints,
        "`view.crop` must be `keypoints`: models crop photographs around the keypoints"
    );
    Ok(())
}

fn is_default(distribution: &FaceDistribution) -> bool {
    *distribution == FaceDistribution::default()
}

#[cfg(test)]
mod tests {
    use crate::RunConfig;

    #[test]
    fn another_distribution_is_written_and_refused_by_field() {
        let text = "[data.rendered.distribution.pose]\nyaw_degrees = 5.0\n";
        let config = RunConfig::parse(text).unwrap();
        config.validate().unwrap();
        assert!(config.data.rendered.has_other_distribution());
        let written = toml::to_string(&config).unwrap();
        assert!(written.contains("yaw_degrees = 5.0"), "{written}");
        assert_eq!(RunConfig::parse(&written).unwrap(), config);
        let written = toml::to_string(&RunConfig::default()).unwrap();
        assert!(!written.contains("distribution"), "{written}");

        let refused = |text: &str| {
            let config = RunConfig::parse(text)?;
            config.validate()
        };
        for (table, field) in [
            (
                "accessories.glasses]\nclear = 7.0",
                "`accessories.glasses.clear`",
            ),
            ("view]\ncrop = { face_box = 0.7 }", "`view.crop`"),
        ] {
            let text = format!("[data.rendered.distribution.{table}\n");
            let error = format!("{:#}", refused(&text).unwrap_err());
            assert!(error.contains("data.rendered.distribution"), "{error}");
            assert!(error.contains(field), "{error}");
        }
        for text in [
            "[data]\npath = \"faces\"\n[data.rendered.distribution.pose]\nyaw_degrees = 5.0\n",
            "[data]\nschema = \"boxes\"\n[output]\nkind = \"boxes\"\nstride = 8\n\
             [data.rendered.distribution.pose]\nyaw_degrees = 5.0\n",
        ] {
            let error = format!("{:#}", refused(text).unwrap_err());
            assert!(
                error.contains("data.rendered.distribution is for"),
                "{error}"
            );
        }
    }
}
