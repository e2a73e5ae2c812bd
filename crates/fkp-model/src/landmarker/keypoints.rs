//! The keypoints that a landmarker returns: those of its model, or others that follow from them.

use crate::{Face, HeadPose, ModelError};
use fkp_core::{
    BoxConvention, Calibration, CropError, CropRule, CropSquare, FaceBox, Prediction, Schema,
    SchemaMap, Task,
};
use std::sync::Arc;

/// The returned keypoints, and the crops of the model for boxes around them.
pub(super) struct ReturnedKeypoints {
    schema: Arc<Schema>,
    /// Whether the model has the keypoints that a pose is computed from.
    has_pose: bool,
    calibration: Option<Calibration>,
    /// The squares of the model, for boxes around the returned keypoints.
    crop: CropRule,
    mapped: Option<Mapped>,
}

/// How keypoints of another schema follow from those of the model.
struct Mapped {
    map: SchemaMap,
    /// What a box of the convention [`BoxConvention::Crop`] is a crop by.
    own_crop: CropRule,
}

impl ReturnedKeypoints {
    /// Those of the model.
    pub(super) fn all(task: &Task) -> Self {
        Self {
            schema: Arc::new(task.schema.clone()),
            has_pose: task.schema == Schema::ibug68(),
            calibration: task.calibration(),
            crop: task.crop.clone(),
            mapped: None,
        }
    }

    /// Those of another schema.
    pub(super) fn in_schema(task: &Task, schema: &Schema) -> Result<Self, ModelError> {
        if *schema == task.schema {
            return Ok(Self::all(task));
        }
        let refuse = |problem: String| ModelError::config("schema", problem);
        let map = SchemaMap::between(&task.schema, schema);
        let map = map.map_err(|error| refuse(error.to_string()))?;
        let missing: Vec<&str> = map.unmapped().collect();
        let crop = task.crop.onto(&map).filter(|_| missing.is_empty());
        let Some(crop) = crop else {
            return Err(refuse(format!(
                "the model has the keypoints of `{}`, from which these of `{}` do not follow: {}",
                task.schema.name(),
                schema.name(),
                missing.join(", ")
            )));
        };
        let own_crop = match CropRule::for_schema(schema) {
            CropRule::Whole => crop.clone(),
            own => own,
        };
        Ok(Self {
            schema: Arc::new(schema.clone()),
            crop,
            mapped: Some(Mapped { map, own_crop }),
            ..Self::all(task)
        })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The square that the model sees of the face in a box.
    pub(super) fn square_of(&self, face_box: &FaceBox) -> Result<CropSquare, CropError> {
        match (&self.mapped, &self.crop) {
            (Some(mapped), CropRule::MeanShape { .. })
                if face_box.convention == BoxConvention::Crop =>
            {
                let keypoints = mapped
                    .own_crop
                    .convert(face_box, BoxConvention::Keypoints)?;
                self.crop.square_of(&keypoints)
            }
            _ => self.crop.square_of(face_box),
        }
    }

    /// The face of a prediction of the model.
    pub(super) fn face(&self, mut prediction: Prediction, crop: CropSquare) -> Face {
        if let (Some(sigmas), Some(calibration)) = (&mut prediction.sigma_px, &self.calibration) {
            let factor = calibration.sigma_factor as f32;
            sigmas.iter_mut().for_each(|sigma| *sigma *= factor);
        }
        let pose = self.has_pose.then_some(&prediction.keypoints);
        let pose = pose.and_then(HeadPose::from_ibug68);
        let prediction = match &self.mapped {
            Some(mapped) => prediction.onto(&mapped.map),
            None => prediction,
        };
        Face {
            schema: Arc::clone(&self.schema),
            prediction,
            crop,
            pose,
            calibration: self.calibration,
            detection: None,
        }
    }
}
