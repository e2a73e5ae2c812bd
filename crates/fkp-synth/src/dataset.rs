//! Rendered faces as a data set.

use crate::config::{KeypointSet, SynthConfig};
use crate::error::SynthError;
use crate::params::FaceParams;
use crate::render::render;
use fkp_core::{Dataset, DatasetError, Purpose, Sample, Schema, rng_for};

/// Faces rendered on demand. Each sample depends only on the seed and its index, so that threads
/// can read samples in any order.
///
/// ```
/// use fkp_core::Dataset;
/// use fkp_synth::{SynthConfig, SynthFaces};
/// let faces = SynthFaces::new(SynthConfig { count: 3, ..SynthConfig::default() })?;
/// assert_eq!(faces.schema().name(), "kaggle15");
/// assert_eq!(faces.get(2)?, faces.get(2)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SynthFaces {
    config: SynthConfig,
    schema: Schema,
}

impl SynthFaces {
    /// The faces that a configuration describes.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn new(config: SynthConfig) -> Result<Self, SynthError> {
        config.validate()?;
        Ok(Self {
            schema: match config.keypoints {
                KeypointSet::Kaggle15 => Schema::kaggle15(),
                KeypointSet::Ibug68 => Schema::ibug68(),
            },
            config,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &SynthConfig {
        &self.config
    }

    /// The parameters of the face at `index`, to render it at another size or to change them.
    pub fn params(&self, index: usize) -> FaceParams {
        let mut rng = rng_for(self.config.seed, Purpose::Render, 0, index as u64);
        self.config.faces.sample(&mut rng)
    }
}

impl Dataset for SynthFaces {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.config.count
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        if index >= self.len() {
            return Err(DatasetError::out_of_range(index, self.len()));
        }
        let SynthConfig {
            size,
            channels,
            keypoints,
            ..
        } = self.config;
        let (image, keypoints) = render(&self.params(index), size, channels, keypoints);
        let id = format!("synth-{}-{index}", self.config.seed);
        Ok(Sample {
            // Every face is another person.
            group: Some(id.clone()),
            ..Sample::new(id, image, keypoints)
        })
    }
}
