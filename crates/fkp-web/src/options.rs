//! The options of a `FaceLandmarker`, as JavaScript passes them.

use serde::Deserialize;
use std::fmt::Display;
use wasm_bindgen::JsValue;

/// What is absent has the default of `fkp-model`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct Options {
    pub(crate) schema: Keypoints,
    pub(crate) min_score: Option<f32>,
    pub(crate) min_face_size: Option<f64>,
    pub(crate) max_side: Option<usize>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Keypoints {
    #[default]
    Ibug68,
    Kaggle15,
}

impl Options {
    /// Of an object, or the defaults where there is none.
    pub(crate) fn from_js(options: JsValue) -> Result<Self, String> {
        if options.is_undefined() || options.is_null() {
            return Ok(Self::default());
        }
        // Directly, unknown fields would be ignored.
        let refuse = |error: &dyn Display| format!("the options are not valid: {error}");
        let object: serde_json::Value =
            serde_wasm_bindgen::from_value(options).map_err(|error| refuse(&error))?;
        serde_json::from_value(object).map_err(|error| refuse(&error))
    }
}
