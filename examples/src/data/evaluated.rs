//! The keypoints that a model is evaluated on.

use super::source::map_onto;
use anyhow::{Result, bail};
use fkp_core::{CropRule, Schema, SchemaMap, Task};

/// The keypoints that a model is evaluated on: its own, or others that follow from them.
pub struct EvaluatedKeypoints {
    /// Their schema.
    pub schema: Schema,
    /// From the model's keypoints to these; `None` if they are the model's own.
    pub map: Option<SchemaMap>,
    /// The model's crops, by these keypoints.
    pub crop: CropRule,
}

impl EvaluatedKeypoints {
    /// Those of the schema of this name or file; the model's own if there is none.
    pub fn new(task: &Task, schema: Option<&str>) -> Result<Self> {
        let schema = schema.map(fkp_data::schema_from).transpose()?;
        let Some(schema) = schema.filter(|schema| *schema != task.schema) else {
            return Ok(Self {
                schema: task.schema.clone(),
                map: None,
                crop: task.crop.clone(),
            });
        };
        let map = map_onto(&task.schema, &schema)?;
        let Some(crop) = task.crop.onto(&map) else {
            bail!(
                "the keypoints of `{}` do not all follow from those of the model, `{}`",
                schema.name(),
                task.schema.name()
            );
        };
        Ok(Self {
            schema,
            map: Some(map),
            crop,
        })
    }
}
