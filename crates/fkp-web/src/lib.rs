//! Faces and their keypoints in a browser: `fkp-model` as WebAssembly, with its weights.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod face;
mod options;
mod typescript;

use face::WebFace;
use fkp_model::{
    DetectorOptions, FaceDetector, Image, Landmarker, ModelError, Pretrained, Schema, Tracker,
};
use options::{Options, SchemaName};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use std::fmt::Display;
use wasm_bindgen::prelude::*;
use web_sys::ImageData;

/// Finds the faces of images and of video frames, with their keypoints.
#[wasm_bindgen]
pub struct FaceLandmarker {
    landmarker: Landmarker,
    tracker: Tracker,
}

#[wasm_bindgen]
impl FaceLandmarker {
    /// Loads the models, which are part of the WebAssembly file. `options` is an object of the
    /// TypeScript type `FaceLandmarkerOptions`, or undefined.
    ///
    /// # Errors
    /// If an option is unknown or out of its range.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "FaceLandmarkerOptions | null | undefined")]
        options: JsValue,
    ) -> Result<FaceLandmarker, JsError> {
        console_error_panic_hook::set_once();
        let options = Options::from_js(options).map_err(js_error)?;
        let built = Self::build(&options);
        built.map_err(|error| JsError::new(&Options::with_js_names(&error.to_string())))
    }

    /// The faces of an image, those that the detector is most certain of first; an empty array if
    /// there are none. Coordinates are in pixels of the image, the center of the first pixel is
    /// (0, 0).
    ///
    /// # Errors
    /// If the image is empty.
    #[wasm_bindgen(unchecked_return_type = "Face[]")]
    pub fn detect(&self, image: &ImageData) -> Result<JsValue, JsError> {
        let faces = self.landmarker.detect_faces(&rgba(image)?);
        let faces = faces.map_err(js_error)?;
        to_js(&faces.iter().map(WebFace::new).collect::<Vec<_>>())
    }

    /// The face of an image that is the crop of one already, such as those of another detector.
    ///
    /// # Errors
    /// If the image is empty.
    #[wasm_bindgen(js_name = detectCrop, unchecked_return_type = "Face")]
    pub fn detect_crop(&self, crop: &ImageData) -> Result<JsValue, JsError> {
        let face = self.landmarker.detect(&rgba(crop)?).map_err(js_error)?;
        to_js(&WebFace::new(&face))
    }

    /// The faces of the next frame of a video, `seconds` after its start: followed from frame to
    /// frame with an `id` each, and smoothed.
    ///
    /// # Errors
    /// If the frame is empty.
    #[wasm_bindgen(unchecked_return_type = "Face[]")]
    pub fn track(&mut self, frame: &ImageData, seconds: f64) -> Result<JsValue, JsError> {
        let faces = self.tracker.update(&rgba(frame)?, seconds);
        let faces = faces.map_err(js_error)?;
        to_js(&faces.iter().map(WebFace::tracked).collect::<Vec<_>>())
    }

    /// Forgets the faces of the video: the next frame is the first of another one.
    #[wasm_bindgen(js_name = resetTracks)]
    pub fn reset_tracks(&mut self) {
        self.tracker = Tracker::new(self.landmarker.clone());
    }

    /// The keypoints that are connected by lines in drawings, as pairs of indices.
    #[wasm_bindgen(getter, unchecked_return_type = "[number, number][]")]
    pub fn skeleton(&self) -> Result<JsValue, JsError> {
        to_js(&self.landmarker.schema().skeleton())
    }
}

impl FaceLandmarker {
    fn build(options: &Options) -> Result<Self, ModelError> {
        let detector = FaceDetector::pretrained()?;
        let defaults = *detector.options();
        let detector = detector.with_options(DetectorOptions {
            min_score: options.min_score.unwrap_or(defaults.min_score),
            min_face_px: options.min_face_size.unwrap_or(defaults.min_face_px),
            max_side: options.max_side.unwrap_or(defaults.max_side),
        })?;
        let landmarker = Landmarker::from_pretrained(Pretrained::Fast)?.with_detector(detector);
        let landmarker = match options.schema {
            None | Some(SchemaName::Ibug68) => landmarker,
            Some(SchemaName::Kaggle15) => landmarker.with_schema(&Schema::kaggle15())?,
        };
        Ok(Self {
            tracker: Tracker::new(landmarker.clone()),
            landmarker,
        })
    }
}

/// The pixels of a canvas.
fn rgba(image: &ImageData) -> Result<Image, JsError> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    Image::new(width, height, 4, image.data().0).map_err(js_error)
}

/// Plain objects and arrays; what is absent is undefined.
fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsError> {
    value.serialize(&Serializer::new()).map_err(js_error)
}

fn js_error(error: impl Display) -> JsError {
    JsError::new(&error.to_string())
}
