//! Prediction: from an image to keypoints in its own pixels.

mod crop;
mod faces;
mod keypoints;
mod options;

pub use options::{DetectOptions, Refine};

use crate::{Face, InferencePlan, ModelCard, ModelError, ModelFile, Network, Pretrained};
use candle_core::{Device, Tensor};
use candle_nn::ModuleT;
use crop::{Crop, Found};
use faces::{FaceSource, corrected, get_or_try_init, select};
use fkp_core::{
    CropRule, CropSquare, Detection, Detector, FaceBox, Image, InputSpec, OutputSpec, Prediction,
    Schema,
};
use keypoints::ReturnedKeypoints;
use options::{average, mirror};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::fmt;
use std::path::Path;
use std::slice;
use std::sync::{Arc, OnceLock};

/// A trained model that localizes keypoints in images of any size. Cheap to clone, and can be
/// shared between threads.
///
/// ```
/// use fkp_model::{BoundingBox, FaceBox, Image, Landmarker};
/// let landmarker = Landmarker::pretrained()?;
/// let photograph = Image::filled(640, 480, 3, 128);
/// // A face from forehead to chin, as a face detector returns it: x, y, width, height.
/// let face_box = FaceBox::face(BoundingBox::from_image_edges(200.0, 120.0, 160.0, 200.0));
/// let face = landmarker.detect_in(&photograph, &face_box)?;
/// let nose = face.keypoint("30").unwrap(); // the tip of the nose in the 68 keypoints of iBUG
/// assert!(nose.x > 200.0 && nose.x < 360.0);
/// # Ok::<(), fkp_model::ModelError>(())
/// ```
#[derive(Clone)]
pub struct Landmarker {
    model: Arc<Model>,
    returned: Arc<ReturnedKeypoints>,
    options: DetectOptions,
    /// The threads of [`DetectOptions::threads`].
    pool: Option<Arc<ThreadPool>>,
    detector: FaceSource,
    /// The model of the face scores, if this one has none.
    scorer: Pretrained,
}

struct Model {
    card: ModelCard,
    compute: Compute,
}

/// What computes the output.
enum Compute {
    /// On the CPU. It has its own copies of the weights, so the network is not kept.
    Plan(Box<InferencePlan>),
    Network {
        network: Network,
        device: Device,
    },
}

impl Landmarker {
    /// The default model that is included in this crate, on the CPU, without a file or a download:
    /// the same as `Landmarker::from_pretrained(Pretrained::default())`.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn pretrained() -> Result<Self, ModelError> {
        Self::from_pretrained(Pretrained::default())
    }

    /// A model that is included in this crate, on the CPU.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn from_pretrained(model: Pretrained) -> Result<Self, ModelError> {
        Ok(Self {
            scorer: model.face_scorer(),
            ..Self::from_model_file(ModelFile::pretrained(model)?)?
        })
    }

    /// The model of a file that was read already, on the CPU.
    ///
    /// # Errors
    /// If the weights do not match the card, or a tensor operation fails.
    pub fn from_model_file(file: ModelFile) -> Result<Self, ModelError> {
        Self::build(file, &Device::Cpu)
    }

    /// Reads a model file and builds its network on the CPU.
    ///
    /// # Errors
    /// If the file cannot be read, is not a model, is that of a
    /// [face detector](crate::FaceDetector::load), is cut short, or its weights do not match its card.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::load_on(path, &Device::Cpu)
    }

    /// Reads a model file and builds its network on a device. CUDA and Metal need the feature `cuda` or
    /// `metal` of this crate. Faces are detected on the CPU in any case.
    ///
    /// # Errors
    /// As for [`Self::load`], or if the device fails.
    pub fn load_on(path: impl AsRef<Path>, device: &Device) -> Result<Self, ModelError> {
        Self::build(ModelFile::read(path)?, device)
    }

    /// The model whose file has these bytes, on the CPU: for weights that are part of the program
    /// (`include_bytes!`) or downloaded by it.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::from_model_file(ModelFile::parse(Path::new("model bytes"), bytes)?)
    }

    fn build(file: ModelFile, device: &Device) -> Result<Self, ModelError> {
        if let OutputSpec::Boxes { .. } = file.card.task.output {
            let problem = "is `boxes`, that of a face detector: load it as a FaceDetector";
            return Err(ModelError::config("output", problem));
        }
        let network = file.network(device)?;
        let compute = match device {
            Device::Cpu => {
                let plan = InferencePlan::from_graph(&file.trace(&network)?)?;
                Compute::Plan(Box::new(plan))
            }
            _ => Compute::Network {
                network,
                device: device.clone(),
            },
        };
        let returned = ReturnedKeypoints::all(&file.card.task);
        let model = Model {
            card: file.card,
            compute,
        };
        Ok(Self {
            model: Arc::new(model),
            returned: Arc::new(returned),
            options: DetectOptions::default(),
            pool: None,
            detector: FaceSource::default(),
            scorer: Pretrained::default(),
        })
    }

    /// The same model with other options.
    ///
    /// # Errors
    /// If the image is to be mirrored and the schema of the model does not say which keypoints
    /// that exchanges, or the threads cannot be started.
    pub fn with_options(&self, options: DetectOptions) -> Result<Self, ModelError> {
        let schema = &self.model.card.task.schema;
        if options.flip && !schema.has_known_flip_pairs() {
            let problem = format!(
                "the flip pairs of the schema `{}` are unknown",
                schema.name()
            );
            return Err(ModelError::config("flip", problem));
        }
        if options.threads == Some(0) {
            return Err(ModelError::config("threads", "must be at least 1, got 0"));
        }
        let pool = options.threads.map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|error| ModelError::config("threads", error));
            pool.map(Arc::new)
        });
        Ok(Self {
            options,
            pool: pool.transpose()?,
            ..self.clone()
        })
    }

    /// The same model with keypoints of another schema, which must follow from its own: the 15 of
    /// Kaggle are some of the 68 of iBUG, and the means of some.
    ///
    /// Boxes and crops are then understood as those of a model of the new schema:
    /// [`FaceBox::keypoints`] encloses the new keypoints, and the images that [`Self::detect`] takes
    /// are aligned as by [`CropRule::for_schema`](crate::CropRule::for_schema) of it.
    ///
    /// ```
    /// use fkp_model::{Image, Landmarker, Schema};
    /// let landmarker = Landmarker::pretrained()?.with_schema(&Schema::kaggle15())?;
    /// let face = landmarker.detect(&Image::filled(96, 96, 1, 128))?;
    /// assert_eq!(face.keypoints().count(), 15);
    /// let nose = face.keypoint("nose_tip").unwrap();
    /// # assert!(nose.x > 20.0 && nose.x < 76.0);
    /// # Ok::<(), fkp_model::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If a keypoint of the schema does not follow from the model's keypoints.
    pub fn with_schema(&self, schema: &Schema) -> Result<Self, ModelError> {
        let returned = ReturnedKeypoints::in_schema(&self.model.card.task, schema)?;
        Ok(Self {
            returned: Arc::new(returned),
            ..self.clone()
        })
    }

    /// The model's card: its keypoints, sizes, crop rule.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// The usual threshold of the [face score](Face::score) between crops of faces and other crops: 99 %
    /// of the faces on which the best epoch was chosen (rendered ones, of a pretrained model) have at
    /// least this score. [`Self::detect_faces`] does not use it. `None` if the model predicts no score.
    pub fn score_threshold(&self) -> Option<f32> {
        self.model.card.task.score_threshold
    }

    /// The schema of the keypoints that are returned.
    pub fn schema(&self) -> &Schema {
        self.returned.schema()
    }

    /// The keypoints of the face in a box of a photograph, in pixels of the photograph. The face is
    /// cropped as in the model's training, whatever the box's convention, and where the crop extends
    /// beyond the image, its edge pixels are repeated. In an inexact box of a detector the face is cropped
    /// and predicted once more ([`DetectOptions::refine`]).
    ///
    /// # Errors
    /// [`ModelError::Crop`] if the box has no area, is not finite, or is of a convention that the model
    /// does not support, or if a tensor operation fails. A box outside the image is not an error.
    pub fn detect_in(&self, image: &Image, face_box: &FaceBox) -> Result<Face, ModelError> {
        let faces = self.detect_in_boxes(image, slice::from_ref(face_box));
        Ok(faces?.remove(0))
    }

    /// The keypoints of the face in each box, in the order of the boxes.
    ///
    /// # Errors
    /// As for [`Self::detect_in`].
    pub fn detect_in_boxes(
        &self,
        image: &Image,
        boxes: &[FaceBox],
    ) -> Result<Vec<Face>, ModelError> {
        self.detect_crops(self.crops_in(image, boxes)?)
    }

    /// The keypoints of the face in an image that **is a face crop already**, aligned as in the
    /// model's training. One that is not square is extended to a square by its edge pixels. For a
    /// photograph use [`Self::detect_in`]: with the whole photograph as the crop the keypoints would be
    /// useless.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn detect(&self, crop: &Image) -> Result<Face, ModelError> {
        Ok(self.detect_batch(slice::from_ref(crop))?.remove(0))
    }

    /// The keypoints of several face crops of any size, as by [`Self::detect`], in one forward
    /// pass.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn detect_batch(&self, crops: &[Image]) -> Result<Vec<Face>, ModelError> {
        let crops = crops.iter().map(|image| {
            let whole = FaceBox::crop(CropSquare::whole(image).bounds());
            Ok(Crop {
                image,
                square: self.returned.square_of(&whole)?,
                convention: None,
            })
        });
        self.detect_crops(crops.collect::<Result<_, ModelError>>()?)
    }

    /// The same model with another face detector for [`Self::detect_faces`] than
    /// [`FaceDetector::pretrained`](crate::FaceDetector::pretrained), or with other options of it.
    ///
    /// ```
    /// use fkp_model::{DetectorOptions, FaceDetector, Landmarker};
    /// let detector = FaceDetector::pretrained()?;
    /// // About a quarter of the time, and only faces of at least 32 px.
    /// let options = DetectorOptions { min_face_px: 32.0, ..*detector.options() };
    /// let landmarker = Landmarker::pretrained()?.with_detector(detector.with_options(options)?);
    /// # Ok::<(), fkp_model::ModelError>(())
    /// ```
    #[must_use]
    pub fn with_detector(&self, detector: impl Detector + 'static) -> Self {
        Self {
            detector: FaceSource::Custom(Arc::new(detector)),
            ..self.clone()
        }
    }

    /// All faces of an image, with their keypoints, those with the highest
    /// [score](Face::detection) first. Empty if there is none.
    ///
    /// The score of a detection is corrected by its [face score](Face::score), that of
    /// [another model](Pretrained::face_scorer) if this one has none, because the keypoint network sees small
    /// faces enlarged. Detections with at least half of
    /// [`DetectorOptions::min_score`](crate::DetectorOptions::min_score) are corrected, and those that then
    /// have all of it are returned. If none has, the one with the highest score among those with a face score
    /// of at least ½ is returned. The detections of another detector are returned with its scores, unless it
    /// implements [`Detector::detect_candidates`].
    ///
    /// ```
    /// use fkp_model::{Image, Landmarker};
    /// let landmarker = Landmarker::pretrained()?;
    /// let empty = Image::filled(320, 240, 3, 128);
    /// assert!(landmarker.detect_faces(&empty)?.is_empty());
    /// # Ok::<(), fkp_model::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// [`ModelError::Detector`] if the detector fails, [`ModelError::Crop`] if the model's crop rule has
    /// no face box, as that of a model of other objects, or if a tensor operation fails.
    pub fn detect_faces(&self, image: &Image) -> Result<Vec<Face>, ModelError> {
        let detector = self.detector.get()?;
        let candidates = self.install(|| detector.detect_candidates(image));
        let candidates = candidates.map_err(|source| ModelError::Detector { source })?;
        let Some(min_score) = candidates.min_score else {
            return self.detect_found(image, candidates.found);
        };
        let has_face_score = self.model.card.task.output.has_face_score();
        let scorer = if has_face_score {
            self
        } else {
            scorer(self.scorer)?
        };
        let mut detections = candidates.found;
        let crops = scorer.crops_of(image, &detections)?;
        let found = self.install(|| scorer.predict_once(crops))?;
        let mut scores = Vec::with_capacity(found.len());
        for (detection, found) in detections.iter_mut().zip(&found) {
            let face_score = found.prediction.face_score.unwrap_or(0.5);
            detection.score = corrected(detection.score, face_score);
            scores.push((detection.score, face_score));
        }
        let kept = select(&scores, min_score);
        let detections = kept.iter().map(|&index| detections[index]);
        let detections: Vec<Detection> = detections.collect();
        if !has_face_score {
            return self.detect_found(image, detections);
        }
        let found = kept.iter().map(|&index| found[index].clone());
        let found = self.install(|| self.refine(found.collect()))?;
        Ok(with_detections(self.faces(found), detections))
    }

    /// The crops of detections.
    fn crops_of<'a>(
        &self,
        image: &'a Image,
        detections: &[Detection],
    ) -> Result<Vec<Crop<'a>>, ModelError> {
        let boxes = detections.iter().map(|found| FaceBox::face(found.bounds));
        let boxes: Vec<FaceBox> = boxes.collect();
        self.crops_in(image, &boxes)
    }

    /// The crops of boxes.
    fn crops_in<'a>(
        &self,
        image: &'a Image,
        boxes: &[FaceBox],
    ) -> Result<Vec<Crop<'a>>, ModelError> {
        let crops = boxes.iter().map(|face_box| {
            Ok(Crop {
                image,
                square: self.returned.square_of(face_box)?,
                convention: Some(face_box.convention),
            })
        });
        crops.collect()
    }

    /// The keypoints of each detection.
    fn detect_found(&self, image: &Image, found: Vec<Detection>) -> Result<Vec<Face>, ModelError> {
        let faces = self.detect_crops(self.crops_of(image, &found)?)?;
        Ok(with_detections(faces, found))
    }

    /// The face in each crop.
    fn detect_crops(&self, crops: Vec<Crop<'_>>) -> Result<Vec<Face>, ModelError> {
        let found = self.install(|| self.refine(self.predict_once(crops)?))?;
        Ok(self.faces(found))
    }

    /// Calls `run` in the threads of the options.
    fn install<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            None => run(),
            Some(pool) => pool.install(run),
        }
    }

    /// The prediction for each crop.
    fn predict_once<'a>(&self, crops: Vec<Crop<'a>>) -> Result<Vec<Found<'a>>, ModelError> {
        let predictions = self.model.predict(&crops, self.options.flip)?;
        let found = crops.into_iter().zip(predictions);
        let found = found.map(|(crop, prediction)| Found { crop, prediction });
        Ok(found.collect())
    }

    /// Crops the faces of [`DetectOptions::refine`] again, and predicts them once more.
    fn refine<'a>(&self, mut found: Vec<Found<'a>>) -> Result<Vec<Found<'a>>, ModelError> {
        let rule = &self.model.card.task.crop;
        let (mut indices, mut crops) = (Vec::new(), Vec::new());
        for (index, Found { crop, prediction }) in found.iter().enumerate() {
            // Keypoints that coincide have no crop.
            if let CropRule::MeanShape { .. } = rule
                && let Ok(square) = rule.square(crop.image, &prediction.keypoints, None)
                && self.options.refine.applies(crop, &square)
            {
                indices.push(index);
                crops.push(Crop { square, ..*crop });
            }
        }
        for (index, again) in indices.into_iter().zip(self.predict_once(crops)?) {
            // That of the box: the second crop always has the keypoints in its middle.
            let face_score = found[index].prediction.face_score;
            found[index] = again;
            found[index].prediction.face_score = face_score;
        }
        Ok(found)
    }

    fn faces(&self, found: Vec<Found<'_>>) -> Vec<Face> {
        let face = |found: Found<'_>| self.returned.face(found.prediction, found.crop.square);
        found.into_iter().map(face).collect()
    }
}

/// The faces with the detections that they were found by.
fn with_detections(mut faces: Vec<Face>, found: Vec<Detection>) -> Vec<Face> {
    for (face, found) in faces.iter_mut().zip(found) {
        face.detection = Some(found);
    }
    faces
}

impl Model {
    /// The model's keypoints of the face in each crop, in pixels of its image, in one forward pass.
    /// With `flip`, the means with those of the mirror image.
    fn predict(&self, crops: &[Crop<'_>], flip: bool) -> Result<Vec<Prediction>, ModelError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let task = &self.card.task;
        let (input, frame) = (&task.input, task.input.frame());
        let each = input.len();
        let images = if flip { 2 * crops.len() } else { crops.len() };
        let mut values = vec![0.0; images * each];
        let (plain, mirrored) = values.split_at_mut(crops.len() * each);
        let mut maps = Vec::with_capacity(crops.len());
        for (crop, out) in crops.iter().zip(plain.chunks_exact_mut(each)) {
            maps.push(input.preprocess(crop.image, &crop.square, out)?);
        }
        for (crop, out) in plain
            .chunks_exact(each)
            .zip(mirrored.chunks_exact_mut(each))
        {
            mirror(crop, input.size, out);
        }
        let (values, shape) = self.forward(values, images)?;
        let decode = |values: &[f32]| {
            let keypoints = task.schema.len();
            task.output.decode(values, &shape, frame, keypoints)
        };
        let mut outputs = values.chunks_exact(values.len() / images);
        let mut found = Vec::with_capacity(crops.len());
        for output in outputs.by_ref().take(crops.len()) {
            found.push(decode(output)?);
        }
        for (plain, mirrored) in found.iter_mut().zip(outputs) {
            *plain = average(plain, &decode(mirrored)?, &task.schema, frame)?;
        }
        let maps = maps.iter().map(fkp_core::Affine::inverse);
        Ok(found
            .iter()
            .zip(maps)
            .map(|(crop, map)| crop.map(&map))
            .collect())
    }

    /// The network's output and its shape without the batch.
    fn forward(&self, values: Vec<f32>, n: usize) -> Result<(Vec<f32>, Vec<usize>), ModelError> {
        match &self.compute {
            Compute::Plan(plan) => Ok((plan.run(&values, n)?, plan.output_shape().to_vec())),
            Compute::Network { network, device } => {
                let InputSpec { channels, size, .. } = self.card.task.input;
                let x = Tensor::from_vec(values, (n, channels, size, size), device)?;
                let output = network.forward_t(&x, false)?;
                let shape = output.dims()[1..].to_vec();
                Ok((output.flatten_all()?.to_vec1()?, shape))
            }
        }
    }
}

impl fmt::Debug for Landmarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = &self.model.card.task;
        f.debug_struct("Landmarker")
            .field("schema", &self.schema().name())
            .field("keypoints", &self.schema().len())
            .field("input", &task.input)
            .field("output", &task.output.kind())
            .finish_non_exhaustive()
    }
}

/// A model that gives face scores to landmarkers without one, built on first use.
///
/// # Errors
/// If it cannot be built.
fn scorer(model: Pretrained) -> Result<&'static Landmarker, ModelError> {
    const MODELS: usize = Pretrained::ALL.len();
    static SCORERS: [OnceLock<Landmarker>; MODELS] = [const { OnceLock::new() }; MODELS];
    get_or_try_init(&SCORERS[model as usize], || {
        Landmarker::from_pretrained(model)
    })
}

#[cfg(test)]
mod tests;
