//! The options of a `FaceLandmarker`, as JavaScript passes them.

use js_sys::Object;
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};

/// What is absent has the default of `fkp-model`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Options {
    pub(crate) schema: Option<SchemaName>,
    pub(crate) min_score: Option<f32>,
    pub(crate) min_face_size: Option<f64>,
    pub(crate) max_side: Option<usize>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SchemaName {
    Ibug68,
    Kaggle15,
}

/// The names in JavaScript, and those of the detector's options in messages.
const NAMES: [(&str, Option<&str>); 4] = [
    ("schema", None),
    ("minScore", Some("min_score")),
    ("minFaceSize", Some("min_face_px")),
    ("maxSide", Some("max_side")),
];

impl Options {
    /// Of an object, or the defaults where there is none.
    pub(crate) fn from_js(options: JsValue) -> Result<Self, String> {
        if options.is_undefined() || options.is_null() {
            return Ok(Self::default());
        }
        let object: &Object = options
            .dyn_ref()
            .ok_or("the options must be an object".to_owned())?;
        // `serde_wasm_bindgen` ignores unknown fields.
        for key in Object::keys(object)
            .iter()
            .filter_map(|key| key.as_string())
        {
            if !NAMES.iter().any(|(name, _)| *name == key) {
                let known = NAMES.map(|(name, _)| name).join(", ");
                return Err(format!("unknown option `{key}`; the options are {known}"));
            }
        }
        serde_wasm_bindgen::from_value(options)
            .map_err(|error| format!("the options are not valid: {error}"))
    }

    /// A message of the detector with the names of JavaScript.
    pub(crate) fn with_js_names(message: &str) -> String {
        let renamed = NAMES.iter().filter_map(|(js, rust)| Some((js, (*rust)?)));
        renamed.fold(message.to_owned(), |text, (js, rust)| {
            text.replace(rust, js)
        })
    }
}
