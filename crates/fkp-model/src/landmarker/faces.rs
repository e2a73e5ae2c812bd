//! The face detector of a landmarker.

use crate::{FaceDetector, ModelError};
use fkp_core::Detector;
use std::sync::{Arc, OnceLock};

/// The detector that finds the faces for a landmarker.
#[derive(Clone, Default)]
pub(super) enum FaceSource {
    /// The pretrained one, which is loaded when it is used first.
    #[default]
    Pretrained,
    Custom(Arc<dyn Detector>),
}

impl FaceSource {
    /// The detector.
    ///
    /// # Errors
    /// If the pretrained one cannot be built.
    pub(super) fn get(&self) -> Result<&dyn Detector, ModelError> {
        static PRETRAINED: OnceLock<FaceDetector> = OnceLock::new();
        match self {
            Self::Custom(detector) => Ok(&**detector),
            Self::Pretrained => {
                if let Some(detector) = PRETRAINED.get() {
                    return Ok(detector);
                }
                let detector = FaceDetector::pretrained()?;
                Ok(PRETRAINED.get_or_init(|| detector))
            }
        }
    }
}
