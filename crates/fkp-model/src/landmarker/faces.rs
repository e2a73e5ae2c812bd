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
            Self::Pretrained => Ok(get_or_try_init(&PRETRAINED, FaceDetector::pretrained)?),
        }
    }
}

/// The value of a cell, built on first use.
///
/// # Errors
/// If it cannot be built.
pub(super) fn get_or_try_init<T>(
    cell: &'static OnceLock<T>,
    build: impl FnOnce() -> Result<T, ModelError>,
) -> Result<&'static T, ModelError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = build()?;
    Ok(cell.get_or_init(|| value))
}
