//! Rendered faces as a data set.

use crate::config::SynthConfig;
use crate::epochs::Epochs;
use crate::error::SynthError;
use crate::non_face;
use crate::params::FaceParams;
use crate::render::render;
use fkp_core::{Dataset, DatasetError, Keypoints, Purpose, Sample, Schema, rng_for};

/// Faces rendered on demand, and after them images that are not faces. Each sample depends only on
/// the seed and its index, so that threads can read samples in any order.
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
    epochs: Epochs,
}

impl SynthFaces {
    /// The faces that a configuration describes.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn new(config: SynthConfig) -> Result<Self, SynthError> {
        config.validate()?;
        Ok(Self {
            schema: config.keypoints.schema(),
            config,
            epochs: Epochs::Same,
        })
    }

    /// New faces in each epoch of a training: [`Dataset::get_in_epoch`] renders the face of (seed,
    /// epoch, index). Epoch 0 has the faces of [`Dataset::get`].
    ///
    /// ```
    /// use fkp_core::Dataset;
    /// use fkp_synth::{SynthConfig, SynthFaces};
    /// let faces = SynthFaces::new(SynthConfig::default())?.new_each_epoch();
    /// assert_ne!(faces.get_in_epoch(1, 0)?, faces.get(0)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new_each_epoch(self) -> Self {
        Self {
            epochs: Epochs::New,
            ..self
        }
    }

    /// The configuration.
    pub fn config(&self) -> &SynthConfig {
        &self.config
    }

    /// The parameters of the face at `index`, to render it at another size or to change them. Those
    /// of an image that is not a face are of the face that its crop is beside.
    pub fn params(&self, index: usize) -> FaceParams {
        self.params_in_epoch(0, index)
    }

    fn is_face(&self, index: usize) -> bool {
        index < self.config.count
    }

    fn params_in_epoch(&self, epoch: usize, index: usize) -> FaceParams {
        let (seed, epoch) = (self.config.seed, epoch as u64);
        let mut rng = rng_for(seed, Purpose::Render, epoch, index as u64);
        let mut face = self.config.faces.sample(&mut rng);
        if !self.is_face(index) {
            non_face::place(&mut face.view, &mut rng);
        }
        face
    }
}

impl Dataset for SynthFaces {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.config.count + self.config.non_faces
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        if index >= self.len() {
            return Err(DatasetError::out_of_range(index, self.len()));
        }
        let epoch = self.epochs.source(epoch);
        let SynthConfig {
            seed,
            size,
            channels,
            keypoints,
            ..
        } = self.config;
        let face = self.params_in_epoch(epoch, index);
        let (image, mut keypoints) = render(&face, size, channels, keypoints);
        if !self.is_face(index) {
            keypoints = Keypoints::unlabeled(keypoints.len());
        }
        let id = match epoch {
            0 => format!("synth-{seed}-{index}"),
            _ => format!("synth-{seed}-epoch{epoch}-{index}"),
        };
        Ok(Sample {
            // Every face is another person.
            group: Some(id.clone()),
            is_face: self.is_face(index),
            ..Sample::new(id, image, keypoints)
        })
    }
}
