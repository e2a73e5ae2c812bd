//! Prediction: from an image to keypoints in its own pixels.

mod faces;
mod keypoints;
mod options;

pub use options::{DetectOptions, Refine};

use crate::{Face, InferencePlan, ModelCard, ModelError, ModelFile, Network, Pretrained};
use candle_core::{Device, Tensor};
use candle_nn::ModuleT;
use faces::{FaceSource, corrected, get_or_try_init, select};
use fkp_core::{
    BoxConvention, CropSquare, Detection, Detector, FaceBox, Image, InputSpec, OutputSpec,
    Prediction, Schema,
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
        Self::from_model_file(ModelFile::pretrained(model)?)
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
    /// If the file is not a model, is cut short, or its weights do not match its card.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::load_on(path, &Device::Cpu)
    }

    /// Reads a model file and builds its network on a device.
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

    /// The [face score](Face::score) that 99 % of the faces reached on which the best epoch was
    /// chosen, of a pretrained model rendered faces: the usual limit between faces and other images.
    /// `None` if the model does not predict a score.
    pub fn score_threshold(&self) -> Option<f32> {
        self.model.card.task.score_threshold
    }

    /// The schema of the keypoints that are returned.
    pub fn schema(&self) -> &Schema {
        self.returned.schema()
    }

    /// The keypoints of the face in a box: for photographs. The face is cropped as in the model's
    /// training, whatever the box's convention.
    ///
    /// # Errors
    /// If the box has no area, or the model does not support its convention.
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
        let crops = boxes.iter().map(|face_box| {
            Ok(Crop {
                image,
                square: self.returned.square_of(face_box)?,
                convention: Some(face_box.convention),
            })
        });
        self.detect_crops(crops.collect::<Result<_, ModelError>>()?)
    }

    /// The keypoints of the face in an image that **is a face crop already**, aligned as in the
    /// model's training. For a photograph use [`Self::detect_in`]: with the whole photograph as the
    /// crop the keypoints would be useless.
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
    /// // Half the time, and only faces from 32 px on.
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
    /// The keypoint model sees a face larger than the detector and knows better whether it is one: the
    /// score of a detection is the detector's, corrected by the [face score](Face::score) of this model
    /// or, if it has none, of the default one. Detections from half of
    /// [`DetectorOptions::min_score`](crate::DetectorOptions::min_score) on are judged, and those that then
    /// reach it are returned; if none does, the one with the highest score if its face score is at least
    /// ½. What another detector finds is returned as it is, unless it implements
    /// [`Detector::detect_candidates`].
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
    /// If the detector or a tensor operation fails.
    pub fn detect_faces(&self, image: &Image) -> Result<Vec<Face>, ModelError> {
        let detector = self.detector.get()?;
        let candidates = self.install(|| detector.detect_candidates(image));
        let candidates = candidates.map_err(|source| ModelError::Detector { source })?;
        let Some(min_score) = candidates.min_score else {
            return self.detect_found(image, candidates.found);
        };
        let has_face_score = self.model.card.task.output.has_face_score();
        let judge = if has_face_score { self } else { face_judge()? };
        let mut faces = self.install(|| judge.detect_found(image, candidates.found))?;
        for face in &mut faces {
            if let (Some(found), Some(face_score)) =
                (&mut face.detection, face.prediction.face_score)
            {
                found.score = corrected(found.score, face_score);
            }
        }
        let faces = select(faces, min_score);
        if has_face_score {
            return Ok(faces);
        }
        let found = faces.iter().filter_map(Face::detection).collect();
        self.detect_found(image, found)
    }

    /// The keypoints of each detection.
    fn detect_found(&self, image: &Image, found: Vec<Detection>) -> Result<Vec<Face>, ModelError> {
        let boxes = found.iter().map(|found| FaceBox::face(found.bounds));
        let boxes: Vec<FaceBox> = boxes.collect();
        let mut faces = self.detect_in_boxes(image, &boxes)?;
        for (face, found) in faces.iter_mut().zip(found) {
            face.detection = Some(found);
        }
        Ok(faces)
    }

    /// The face in each crop.
    fn detect_crops(&self, crops: Vec<Crop<'_>>) -> Result<Vec<Face>, ModelError> {
        self.install(|| self.detect_crops_here(crops))
    }

    /// Calls `run` in the threads of the options.
    fn install<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            None => run(),
            Some(pool) => pool.install(run),
        }
    }

    fn detect_crops_here(&self, mut crops: Vec<Crop<'_>>) -> Result<Vec<Face>, ModelError> {
        let mut found = self.model.predict(&crops, self.options.flip)?;
        let mut again = Vec::new();
        for (index, (crop, prediction)) in crops.iter().zip(&found).enumerate() {
            let (rule, refine) = (&self.model.card.task.crop, self.options.refine);
            // Keypoints that coincide have no crop.
            if let Ok(square) = rule.square(crop.image, &prediction.keypoints, None)
                && refine.applies(crop.convention, &crop.square, &square)
            {
                again.push((index, Crop { square, ..*crop }));
            }
        }
        let second: Vec<Crop<'_>> = again.iter().map(|(_, crop)| *crop).collect();
        let second = self.model.predict(&second, self.options.flip)?;
        for ((index, crop), prediction) in again.into_iter().zip(second) {
            // The second crop may be that of a face beside the box.
            let face_score = found[index].face_score;
            found[index] = Prediction {
                face_score,
                ..prediction
            };
            crops[index] = crop;
        }
        let found = found.into_iter().zip(crops);
        let found = found.map(|(prediction, crop)| self.returned.face(prediction, crop.square));
        Ok(found.collect())
    }
}

/// What the model sees of an image.
#[derive(Clone, Copy)]
struct Crop<'a> {
    image: &'a Image,
    square: CropSquare,
    /// What the box is around that the square follows from; `None` where the image is a crop already.
    convention: Option<BoxConvention>,
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

/// The model whose face score judges detections for models without one.
///
/// # Errors
/// If it cannot be built.
fn face_judge() -> Result<&'static Landmarker, ModelError> {
    static JUDGE: OnceLock<Landmarker> = OnceLock::new();
    get_or_try_init(&JUDGE, || {
        let once = DetectOptions {
            refine: Refine::Never,
            ..DetectOptions::default()
        };
        Landmarker::pretrained()?.with_options(once)
    })
}

#[cfg(test)]
mod tests;
